"""The endpoints without a code location: parameters, empty answers, errors. With one: `test_whole_stack`."""

import pytest

from ratingo_pipelines.gateway.api.answers import Refused
from ratingo_pipelines.gateway.api.parameters import LIMIT, wait
from ratingo_pipelines_tests.gateway.served import BEARER, Served

PROCESS = "/api/sync/trending/process"


@pytest.mark.parametrize("medium", ["", "/movies"])
def test_before_the_first_cycle_the_status_is_empty(gateway: Served, medium: str) -> None:
    answer = gateway.ask(f"/api/sync{medium}/trending/status", headers=BEARER)

    assert answer.json() == {
        "success": True,
        "job": None,
        "tasks": {"total": 0, "pending": 0, "processing": 0, "done": 0, "error": 0},
    }


@pytest.mark.parametrize("medium", ["", "/movies"])
def test_before_the_first_cycle_there_is_nothing_to_process(gateway: Served, medium: str) -> None:
    answer = gateway.ask(f"/api/sync{medium}/trending/process", headers=BEARER)

    assert answer.json() == {"success": True, "processed": 0, "succeeded": 0, "failed": 0, "skipped": 0}


@pytest.mark.parametrize(
    "query",
    [
        "limit=abc",
        "limit=",
        "limit=1.5",
        "limit=1e3",
        "limit=٣",
        "limit=1&limit=2",
        "limit=" + "9" * 5000,
        "wait=-1",
        "wait=3601",
        "wait=soon",
        "wait=NaN",
        "lmit=5",
    ],
)
def test_wrong_parameters_are_refused_with_what_would_be_right(gateway: Served, query: str) -> None:
    answer = gateway.ask(f"{PROCESS}?{query}", headers=BEARER)

    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert "limit" in answer.json()["error"] or "wait" in answer.json()["error"]


@pytest.mark.parametrize(
    ("given", "taken"), [(None, 10), ("1", 1), ("50", 50), ("0", 1), ("-7", 1), ("51", 50), ("1000000", 50)]
)
def test_a_limit_out_of_bounds_is_clamped_as_scripts_rely_on_it(given: str | None, taken: int) -> None:
    assert LIMIT.read(given) == taken


def test_a_wait_out_of_bounds_is_refused() -> None:
    assert wait(290).read(None) == 290
    assert wait(290).read("0") == 0
    with pytest.raises(Refused, match="0 to 3600"):
        wait(290).read("3601")


@pytest.mark.parametrize("path", ["/api/sync/trending/status?limit=1", "/api/sync/runs/x?wait=1", "/readyz?x=1"])
def test_what_takes_no_parameters_refuses_all(gateway: Served, path: str) -> None:
    assert gateway.ask(path, headers=BEARER).status_code == 400


def test_a_run_that_nobody_started_is_not_found(gateway: Served) -> None:
    for run_id in ("nothing", "5a3c4a2e-7c0e-4c53-9a6d-0f6f1c1f8c11", "%F0%9F%98%80", "a'; drop table runs"):
        answer = gateway.ask(f"/api/sync/runs/{run_id}", headers=BEARER)
        assert (answer.status_code, answer.json()["success"]) == (404, False)


def test_what_is_not_ready_is_named(gateway: Served) -> None:
    answer = gateway.ask("/readyz", headers=BEARER)

    state = answer.json()
    assert answer.status_code == 503
    assert state["ready"] is False
    assert state["database"] == {"ok": True}
    assert "no code location" in state["codeLocation"]["error"]
    assert state["daemon"]["ok"] is False
    assert state["cycles"] == {"shows": {"ageSeconds": None}, "movies": {"ageSeconds": None}}
    assert state["upToDate"]["error"].startswith("shows: no cycle since ")


@pytest.mark.parametrize(
    ("query", "status"), [("strict", 503), ("strict=1", 503), ("strict=", 503), ("strict=yes", 400)]
)
def test_strict_needs_no_value(gateway: Served, query: str, status: int) -> None:
    assert gateway.ask(f"/readyz?{query}", headers=BEARER).status_code == status
