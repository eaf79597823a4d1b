"""Whether what is served is up to date, besides whether the parts work."""

from datetime import timedelta
from typing import Any

import pytest
from dagster._core.workspace.context import WorkspaceProcessContext

from ratingo_pipelines.gateway.api.health import Health
from ratingo_pipelines.gateway.api.progress import Progress
from ratingo_pipelines.media import MEDIA, SHOWS
from ratingo_pipelines.storage import attempts, cycles
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.sync.context import utc_now

CRONS = {"shows_trending": "0 */6 * * *", "movies_trending": "0 2 * * *"}
OFF = {"shows_trending": "off", "movies_trending": "off"}


def up_to_date(workspace: WorkspaceProcessContext, database: Database, crons: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = Health(workspace, Progress(database), crons).look()["upToDate"]
    return found


def open_cycles(database: Database, age: timedelta) -> None:
    for medium in MEDIA:
        with database.writing() as conn:
            cycles.open_cycle(conn, medium, utc_now() - age, (), 100, "run")


def test_a_medium_without_the_cycle_that_its_schedule_promises_is_named(
    workspace: WorkspaceProcessContext, database: Database
) -> None:
    assert "shows: no cycle since " in up_to_date(workspace, database, CRONS)["error"]
    open_cycles(database, timedelta(hours=20))
    error = up_to_date(workspace, database, CRONS)["error"]
    assert ("shows: no cycle since " in error, "movies" in error) == (True, False)
    open_cycles(database, timedelta(minutes=5))
    assert up_to_date(workspace, database, CRONS) == {"ok": True}


def test_what_nothing_schedules_is_never_late(workspace: WorkspaceProcessContext, database: Database) -> None:
    assert up_to_date(workspace, database, OFF) == {"ok": True}


@pytest.mark.parametrize("outcome", [AttemptOutcome.DENIED, AttemptOutcome.NOT_WHOLE])
def test_a_list_that_did_not_come_is_seen_at_once(
    workspace: WorkspaceProcessContext, database: Database, outcome: AttemptOutcome
) -> None:
    open_cycles(database, timedelta(minutes=5))
    failed = Attempt(SHOWS.plural, attempts.TRENDING, utc_now(), outcome, "Trakt: it refuses the key")
    with database.writing() as conn:
        attempts.record(conn, failed)
    assert up_to_date(workspace, database, CRONS) == {"ok": False, "error": "shows: Trakt: it refuses the key"}
