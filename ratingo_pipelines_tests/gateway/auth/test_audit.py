"""What a line of the audit says, and how its files turn over."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.gateway.auth import audit as module
from ratingo_pipelines.gateway.auth.audit import Audit, Change, Why, audit_in
from ratingo_pipelines.gateway.auth.audited import outcome_of, run_ids
from ratingo_pipelines.settings import SettingsError


def test_refusals_push_out_no_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BYTES", 2000)
    with closing(Audit(tmp_path)) as audit:
        audit.changed(Change("token cron", "192.0.2.1", "GET /api/sync/trending", "200, success", ["abc"]))
        for number in range(1000):
            audit.refused(Why.NO_CREDENTIALS, "203.0.113.1", f"GET /{number}")

    [line] = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert line.pop("at")
    assert line == {
        "who": "token cron",
        "from": "192.0.2.1",
        "what": "GET /api/sync/trending",
        "runs": ["abc"],
        "outcome": "200, success",
    }
    refused = sorted(path.name for path in tmp_path.glob("refused*"))
    assert refused == ["refused.jsonl", *(f"refused.jsonl.{number}" for number in range(1, 6))]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.glob("refused*"))


def test_a_line_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    with closing(Audit(tmp_path)) as audit:
        audit.refused(Why.NO_CREDENTIALS, "x", 'GET /\n{"who": "admin"}\x1b[2J\u202e' + "y" * 10_000)

    [line] = (tmp_path / "refused.jsonl").read_text().splitlines()
    assert len(line) < 1000
    assert "\x1b" not in json.loads(line)["what"]
    assert "\u202e" not in line


def test_on_request_the_log_has_the_lines_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), closing(Audit(tmp_path, to_log=True)) as audit:
        audit.changed(Change("CRON_SECRET", "192.0.2.1", "logout", "logged out"))
    with caplog.at_level("INFO"), closing(Audit(tmp_path)) as audit:
        audit.changed(Change("CRON_SECRET", "192.0.2.1", "login", "logged in"))

    assert [json.loads(record.getMessage())["what"] for record in caplog.records] == ["logout"]


def test_where_it_cannot_be_kept_the_gateway_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("in the way")

    with pytest.raises(SettingsError, match="who changed what"):
        audit_in(tmp_path, to_log=False)


@pytest.mark.parametrize(
    ("status", "content", "outcome"),
    [
        (0, {}, "no answer"),
        (200, {"success": True}, "200, success"),
        (200, {"success": False, "error": "TMDB is away"}, "200, failed: TMDB is away"),
        (202, {"success": True, "complete": False}, "202, success, not over yet"),
        (200, {"data": {"launchRun": {"__typename": "LaunchRunSuccess"}}}, "200, LaunchRunSuccess"),
        (500, {"data": None, "errors": [{"message": "x"}]}, "500, errors"),
        (200, {"data": [1]}, "200"),
    ],
)
def test_the_outcome_is_what_the_answer_says(status: int, content: dict[str, Any], outcome: str) -> None:
    assert outcome_of(status, content) == outcome


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ({"success": True, "runId": "a"}, ["a"]),
        ({"success": True, "runId": None, "jobId": 12}, []),
        ({"data": {"launchRun": {"run": {"id": "a", "runId": "a"}}}}, ["a"]),
        ({"data": {"launchPartitionBackfill": {"backfillId": "b", "launchedRunIds": ["c", None]}}}, ["b", "c"]),
        ({"data": {"launchMultipleRuns": {"launchMultipleRunsResult": [{"run": {"id": "a"}}, {"id": "x"}]}}}, ["a"]),
        ({"data": {"terminateRun": None}}, []),
    ],
)
def test_the_runs_are_those_that_the_answer_names(content: dict[str, Any], ids: list[str]) -> None:
    assert run_ids(content) == ids
