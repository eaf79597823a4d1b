"""The endpoints over the whole: web application, code server, daemon, run workers, database, sandbox.

The tests build on each other's data, not on each other's order: each brings about what it needs.
"""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import requests

from ratingo_pipelines.gateway.api.catalogue import ENDPOINTS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.served import BEARER, PASSWORD
from ratingo_pipelines_tests.gateway.whole import RATINGO, Whole, shape
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.installation import until

pytestmark = pytest.mark.e2e

ROOTS = {"shows": "/api/sync", "movies": "/api/sync/movies"}
EXAMPLES = {endpoint.path: endpoint.example for endpoint in ENDPOINTS}
OPTIONAL = {"errors", "errorCount", "stopped", "notes"}
TAGS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { jobName status tags { key value } } } }"
PARTITIONS = """{ assetNodeOrError(assetKey: {path: ["shows", "omdb"]}) { ... on AssetNode { partitionKeys } } }"""
BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } } }"""
BACKFILL_TAGS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { tags { key value } } } }"""
TERMINATE = """mutation($id: String!) { terminateRun(runId: $id) { __typename } }"""
EVENTS = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { __typename
  ... on MessageEvent { message }
  ... on ExecutionStepFailureEvent { error { message } said: failureMetadata { description } } } } } }"""
LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""


@pytest.fixture(autouse=True)
def no_faults(whole_sandbox: RunningSandbox) -> None:
    """Every test begins without faults."""
    whole_sandbox.faults()


def launch(whole: Whole, job: str, config: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> str:
    """Start a job as the UI does."""
    selector = {
        "repositoryLocationName": "ratingo_pipelines",
        "repositoryName": "__repository__",
        "jobName": job,
    }
    variables = {"params": {"selector": selector, "runConfigData": config or {}}}
    asked = {"query": LAUNCH, "variables": variables}
    found = whole.ask("/graphql", "POST", json=asked, headers=headers or BEARER).json()["data"]["launchRun"]
    assert found["__typename"] == "LaunchRunSuccess", found
    return str(found["run"]["runId"])


def storable_ids(sandbox: RunningSandbox, medium: str) -> list[int]:
    """The titles of the trending list that are to be stored (TMDB ids)."""
    return [entry["tmdb"] for entry in sandbox.truth(medium, 20) if entry["skip"] is None]


def same_shape(answer: dict[str, Any], path: str) -> bool:
    """Whether an answer has the fields that its description shows."""
    expected, found = shape(EXAMPLES[path]), shape(answer)
    assert isinstance(expected, dict)
    assert isinstance(found, dict)
    return {k: v for k, v in found.items() if k not in OPTIONAL} == {
        k: v for k, v in expected.items() if k not in OPTIONAL
    }


@pytest.mark.parametrize("medium", ["shows", "movies"])
def test_coordinator_processor_and_status_go_hand_in_hand(
    whole: Whole, whole_sandbox: RunningSandbox, medium: str
) -> None:
    root = ROOTS[medium]
    storable = len(storable_ids(whole_sandbox, medium))

    opened = whole.get(f"{root}/trending").json()
    queued = opened["tasksQueued"]
    assert opened["success"] is True
    assert opened["totals"] == {"trendingFetched": 20}
    assert storable <= queued <= 20
    assert same_shape(opened, f"{root}/trending")

    waiting = whole.get(f"{root}/trending/status").json()
    assert waiting["job"]["id"] == opened["jobId"]
    assert waiting["job"]["status"] == "pending"
    assert waiting["tasks"] == {"total": queued, "pending": queued, "processing": 0, "done": 0, "error": 0}
    assert same_shape(waiting, f"{root}/trending/status")

    first = whole.get(f"{root}/trending/process?limit=3", "POST").json()
    assert (first["success"], first["processed"], first["failed"]) == (True, 3, 0)
    assert same_shape(first, f"{root}/trending/process")

    rest = whole.get(f"{root}/trending/process?limit=50").json()
    assert first["processed"] + rest["processed"] == queued
    assert first["succeeded"] + rest["succeeded"] == storable
    done = whole.get(f"{root}/trending/status").json()
    assert done["job"]["status"] == "done"
    assert done["tasks"] == {"total": storable, "pending": 0, "processing": 0, "done": storable, "error": 0}

    assert whole.get(f"{root}/trending/process").json() == {
        "success": True,
        "processed": 0,
        "succeeded": 0,
        "failed": 0,
        "skipped": 0,
    }


@pytest.mark.parametrize("medium", ["shows", "movies"])
def test_the_full_sync_does_everything_in_one_call(whole: Whole, medium: str) -> None:
    path = f"{ROOTS[medium]}/trending/full"

    answer = whole.get(path).json()

    assert answer["success"] is True
    assert answer["totals"] == {"trendingFetched": 20}
    assert answer["updated"] + answer["added"] + answer["skipped"] == 20
    assert answer["ratings"]["updated"] == answer["updated"] + answer["added"]
    assert 0 <= answer["ratings"]["bucketsUpserted"] <= 10 * answer["ratings"]["updated"]
    assert answer["snapshots"]["processed"] == answer["ratings"]["updated"]
    backfill = answer.pop("backfill")
    assert {"omdb", "meta"} <= set(backfill)
    assert ("calendar" in backfill) is (medium == "shows")
    expected = {k: v for k, v in EXAMPLES[path].items() if k != "backfill"}
    assert shape({k: v for k, v in answer.items() if k not in OPTIONAL}) == shape(expected)


@pytest.mark.parametrize(
    "path",
    [
        "/api/sync/backfill/omdb",
        "/api/sync/backfill/meta",
        "/api/sync/movies/backfill/omdb",
        "/api/sync/movies/backfill/meta",
        "/api/sync/calendar/sync",
        "/api/sync/calendar/prune",
    ],
)
def test_the_long_stages_answer_as_described(whole: Whole, path: str) -> None:
    answer = whole.get(path).json()

    assert answer["success"] is True
    assert same_shape(answer, path)


@pytest.mark.parametrize("medium", ["shows", "movies"])
def test_any_title_is_fetched_at_once_and_answered_with_its_row(
    whole: Whole, whole_sandbox: RunningSandbox, medium: str
) -> None:
    wanted = next(e["tmdb"] for e in whole_sandbox.truth(medium)[40:] if e["skip"] is None)

    answer = whole.get(f"/api/sync/{medium}/{wanted}", "POST").json()

    assert (answer["success"], answer["tmdbId"]) == (True, wanted), answer
    assert answer["id"] > 0
    assert whole.get(f"/watching/titles/{medium}/{wanted}.json").json()["id"] == answer["id"]
    assert whole.get(f"/api/sync/{medium}/{wanted}").status_code == 405


def test_a_trigger_is_a_run_in_the_ui_that_says_where_it_came_from(whole: Whole) -> None:
    answer = whole.get("/api/sync/calendar/prune").json()

    run = whole.graphql(TAGS, id=answer["runId"])["runOrError"]

    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert (run["jobName"], run["status"]) == ("shows_calendar_prune", "SUCCESS")
    assert tags["ratingo/origin"] == "gateway"
    assert tags["ratingo/endpoint"] == "/api/sync/calendar/prune"
    assert tags["ratingo/launched_by"] == "CRON_SECRET"


def test_a_run_and_a_backfill_of_the_ui_carry_who_launched_them(whole: Whole) -> None:
    page = whole.page(PASSWORD)
    run_id = launch(whole, "shows_calendar_prune", headers=page)
    whole.get("/api/sync/trending?wait=120")
    ids = whole.graphql(PARTITIONS)["assetNodeOrError"]["partitionKeys"][:1]
    backfill = {"assetSelection": [{"path": ["shows", "omdb"]}], "partitionNames": ids}
    answer = whole.ask("/graphql", "POST", json={"query": BACKFILL, "variables": {"params": backfill}}, headers=page)
    backfill_id = answer.json()["data"]["launchPartitionBackfill"]["backfillId"]

    for found in (
        whole.graphql(TAGS, id=run_id)["runOrError"]["tags"],
        whole.graphql(BACKFILL_TAGS, id=backfill_id)["partitionBackfillOrError"]["tags"],
    ):
        tags = {tag["key"]: tag["value"] for tag in found}
        assert tags["ratingo/launched_by"].startswith("UI_PASSWORD, session ")
    audited = (Path(whole.environment["RATINGO_HOME"]) / "audit" / "changes.jsonl").read_text().splitlines()
    lines = [line for line in map(json.loads, audited) if line["what"].startswith("mutation")]
    assert [(line["what"], line["runs"], line["outcome"]) for line in lines[-2:]] == [
        ("mutation launchRun", [run_id], "200, LaunchRunSuccess"),
        ("mutation launchPartitionBackfill", [backfill_id], "200, LaunchBackfillSuccess"),
    ]


def test_who_does_not_want_to_wait_is_told_where_to_ask_again(whole: Whole) -> None:
    answer = whole.get("/api/sync/trending?wait=0")

    run_id = answer.json()["runId"]
    assert answer.status_code == 202
    assert answer.json() == {
        "success": True,
        "complete": False,
        "runId": run_id,
        "statusUrl": f"/api/sync/runs/{run_id}",
    }
    assert answer.headers["location"] == f"/api/sync/runs/{run_id}"
    finished = whole.finished(run_id)
    assert finished["status"] == "SUCCESS"
    assert finished["totals"] == {"trendingFetched": 20}


def test_calls_that_overlap_join_one_run(whole: Whole) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: whole.get("/api/sync/movies/trending").json(), range(6)))

    assert all(answer["success"] for answer in some(answers))
    assert len({answer["runId"] for answer in answers}) == 1
    assert len({answer["jobId"] for answer in answers}) == 1


def test_a_caller_that_goes_away_cancels_nothing(whole: Whole) -> None:
    with pytest.raises(requests.Timeout):
        requests.get(f"{whole.url}/api/sync/movies/trending", headers=BEARER, timeout=1)

    run_id = whole.get("/api/sync/movies/trending?wait=0").json()["runId"]
    assert whole.finished(run_id)["status"] == "SUCCESS"


def test_a_run_that_a_person_ends_is_canceled_and_says_what_was_kept(
    whole: Whole, whole_sandbox: RunningSandbox
) -> None:
    whole.get("/api/sync/trending")
    whole_sandbox.faults({"kind": "latency", "api": "tmdb", "ms": 2000})
    run_id = whole.get("/api/sync/trending/process?limit=50&wait=0").json()["runId"]
    until(lambda: whole.get("/api/sync/trending/status").json()["tasks"]["done"], 60, "a title is done")

    assert whole.graphql(TERMINATE, id=run_id)["terminateRun"]["__typename"] == "TerminateRunSuccess"

    assert whole.finished(run_id)["status"] == "CANCELED"
    events = whole.graphql(EVENTS, id=run_id)["logsForRun"]["events"]
    [failed] = [event for event in events if event["__typename"] == "ExecutionStepFailureEvent"]
    assert re.match(
        r"The run was ended early, after \d+ of \d+ shows; what they came to is stored", failed["said"]["description"]
    )
    assert "DagsterExecutionInterruptedError" not in json.dumps(events)
    tasks = whole.get("/api/sync/trending/status").json()["tasks"]
    assert (tasks["processing"], tasks["error"]) == (0, 0)
    whole_sandbox.faults()
    assert whole.get("/api/sync/trending/process?limit=50").json()["failed"] == 0


def test_titles_that_fail_are_counted_and_listed(whole: Whole, whole_sandbox: RunningSandbox) -> None:
    whole.get("/api/sync/movies/trending")
    storable = storable_ids(whole_sandbox, "movies")
    broken = storable[0]
    whole_sandbox.faults({"kind": "fail", "api": "tmdb", "ids": [broken], "status": 500})

    answer = whole.get("/api/sync/movies/trending/process?limit=50").json()

    assert answer["success"] is True
    assert (answer["succeeded"], answer["failed"]) == (len(storable) - 1, 1)
    assert [error["tmdbId"] for error in answer["errors"]] == [broken]
    assert "TMDB" in answer["errors"][0]["error"]
    status = whole.get("/api/sync/movies/trending/status").json()
    assert status["tasks"]["error"] == 1
    # Beside what OMDb garbled when another test asked it.
    assert [error["tmdbId"] for error in status["errors"] if error["stage"] != "omdb"] == [broken]


def test_a_stage_that_cannot_run_is_no_success_and_no_reason_for_curl_to_repeat_it(
    whole: Whole, whole_sandbox: RunningSandbox
) -> None:
    whole_sandbox.faults({"kind": "revoked", "api": "trakt"})

    answer = whole.get("/api/sync/trending")

    assert answer.status_code == 200
    assert answer.json()["success"] is False
    assert "Trakt" in answer.json()["error"]
    later = whole.run(answer.json()["runId"])
    assert (later["success"], later["complete"], later["status"]) == (False, True, "FAILURE")
    assert later["error"] == answer.json()["error"]


def test_the_processor_joins_the_run_that_already_works_on_the_cycle(
    whole: Whole, whole_sandbox: RunningSandbox
) -> None:
    queued = whole.get("/api/sync/trending").json()["tasksQueued"]
    whole_sandbox.faults({"kind": "latency", "ms": 4000})
    working = launch(whole, "shows_sync")
    until(
        lambda: whole.get("/api/sync/trending/status").json()["tasks"]["processing"] or None, 60, "the run is at work"
    )

    answer = whole.get("/api/sync/trending/process?limit=2").json()

    assert answer["runId"] == working
    assert (answer["success"], answer["processed"]) == (True, 2)
    whole_sandbox.faults()
    assert whole.finished(working)["processed"] == queued


def test_a_run_over_ids_is_not_joined_for_it_works_on_no_cycle(whole: Whole, whole_sandbox: RunningSandbox) -> None:
    whole.get("/api/sync/trending")
    whole_sandbox.faults({"kind": "latency", "ms": 1500})
    elsewhere = launch(whole, "shows_sync", {"ops": {"shows_sync_titles": {"config": {"ids": [210001]}}}})

    answer = whole.get("/api/sync/trending/process?limit=1").json()

    assert answer["runId"] != elsewhere
    assert answer["processed"] == 1


def test_all_parts_are_ready(whole: Whole) -> None:
    until(whole.ready, 60, "all parts are ready")

    state = whole.get("/readyz").json()
    assert state["daemon"]["heartbeatAgeSeconds"] < 120
    assert set(state["cycles"]) == {"shows", "movies"}


def test_the_doctor_finds_the_door_and_the_daemon_well(whole: Whole, tmp_path: Path) -> None:
    env = {**whole.environment, "GATEWAY_PORT": whole.url.rpartition(":")[2]}
    done = subprocess.run(
        [RATINGO, "doctor", "--json"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    remarks = {remark["about"]: remark for remark in json.loads(done.stdout)}
    assert remarks["door"]["said"].endswith("with all its parts"), remarks
    assert {about for about, remark in remarks.items() if remark["severity"] != "ok"} == set()
    assert done.returncode == 0


def test_the_status_does_not_wait_for_what_is_going_on(whole: Whole, whole_sandbox: RunningSandbox) -> None:
    whole_sandbox.faults({"kind": "latency", "ms": 500})
    run_id = whole.get("/api/sync/trending?wait=0").json()["runId"]

    began = monotonic()
    for _ in range(20):
        assert whole.get("/api/sync/trending/status").json()["success"] is True
    took = monotonic() - began

    whole_sandbox.faults()
    whole.finished(run_id)
    assert took < 20
