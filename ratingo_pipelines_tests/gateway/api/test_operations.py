"""From what a run recorded to the guide's fields, on facts written down by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ratingo_pipelines.defs.jobs import JOBS
from ratingo_pipelines.defs.materializations import of_report
from ratingo_pipelines.defs.partitions import key
from ratingo_pipelines.gateway.api.catalogue import ENDPOINTS
from ratingo_pipelines.gateway.api.operations import OPERATIONS, Facts
from ratingo_pipelines.gateway.api.runs import Run
from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync.report import BatchReport, TitleFailure

BEGAN, ENDED = datetime(2026, 1, 31, 6, 0, tzinfo=UTC), datetime(2026, 1, 31, 6, 2, 10, 123456, tzinfo=UTC)
TRENDING = {"cycle": 12, "dagster/row_count": 100, "eligible": 98}
FAILED = Failure("shows", 1396, "details", "Breaking Bad", 2, "TMDB: HTTP 500", BEGAN, ENDED, ENDED)


def run(job: str) -> Run:
    """A run of the job that ended."""
    return Run("r1", job, "SUCCESS", {}, BEGAN, ENDED)


def recorded(*reports: BatchReport) -> dict[str, Any]:
    """The metadata of a `sync_report`, as Dagster hands them back."""
    return {name: value.value for name, value in of_report(SHOWS, reports).metadata.items()}


def answer(job: str, reason: str = "", failures: tuple[Failure, ...] = (), **assets: Any) -> dict[str, Any]:
    """What the endpoint of a job answers."""
    return OPERATIONS[job].answer(Facts(run(job), assets, failures, reason))


TITLES = BatchReport(
    "shows", "titles", fetched=98, added=8, updated=89, succeeded=97, ratings=97, buckets=970, snapshots=90,
    snapshots_unchanged=7, skipped={"unknown to TMDB": 1},
)  # fmt: skip
OMDB = BatchReport("shows", "omdb", fetched=95, updated=93, succeeded=93, skipped={"fresh": 2})
META = BatchReport("shows", "meta", fetched=400, updated=400, succeeded=400)


def test_the_coordinator_answers_with_its_cycle_and_what_is_queued() -> None:
    assert answer("shows_trending", trending=TRENDING) == {
        "success": True,
        "jobId": 12,
        "tasksQueued": 98,
        "totals": {"trendingFetched": 100},
        "runId": "r1",
    }


def test_the_processor_counts_what_ended() -> None:
    assert answer("movies_sync", sync_report=recorded(TITLES)) == {
        "success": True,
        "processed": 98,
        "succeeded": 97,
        "failed": 0,
        "skipped": 1,
        "runId": "r1",
    }


def test_failed_titles_are_counted_and_listed_and_are_no_failure_of_the_stage() -> None:
    failed = BatchReport("shows", "titles", fetched=1, failures=(TitleFailure(1396, "Breaking Bad", "details", "x"),))

    found = answer("shows_sync", failures=(FAILED,), sync_report=recorded(failed))

    assert found["success"] is True
    assert (found["processed"], found["failed"]) == (1, 1)
    assert found["errors"] == [
        {
            "tmdbId": 1396,
            "title": "Breaking Bad",
            "stage": "details",
            "error": "TMDB: HTTP 500",
            "attempts": 2,
            "nextAttemptAt": "2026-01-31T06:02:10.123Z",
        }
    ]


@pytest.mark.parametrize("job", sorted(OPERATIONS))
def test_a_stage_that_left_no_report_could_not_run(job: str) -> None:
    assert answer(job, reason="Trakt: access denied") == {
        "success": False,
        "runId": "r1",
        "error": "Trakt: access denied",
    }


def test_a_stage_that_ended_early_with_nothing_done_could_not_run() -> None:
    stopped = BatchReport("shows", "titles", fetched=98, stopped="TMDB refuses access")

    found = answer("shows_sync", sync_report=recorded(stopped))

    assert (found["success"], found["error"]) == (False, "titles: TMDB refuses access")


def test_a_stage_that_ended_early_with_something_done_says_why() -> None:
    stopped = BatchReport(
        "shows", "omdb", fetched=98, updated=60, succeeded=60, stopped="OMDb: the day's quota is used"
    )

    found = answer("shows_omdb_backfill", sync_report=recorded(stopped))

    assert (found["success"], found["updated"]) == (True, 60)
    assert found["stopped"] == "omdb: OMDb: the day's quota is used"


def test_the_bootstrap_tells_of_its_titles_apart_from_the_stages_after_them() -> None:
    found = answer(
        "shows_full_sync",
        trending=TRENDING,
        sync_report=recorded(TITLES, OMDB, META),
        airings={"dagster/row_count": 40, "inserted": 36, "updated": 4, "deleted": 1},
        stale_airings={"deleted": 17},
    )

    assert found == {
        "success": True,
        "jobId": 12,
        "updated": 89,
        "added": 8,
        "skipped": 3,
        "totals": {"trendingFetched": 100},
        "ratings": {"updated": 97, "bucketsUpserted": 970},
        "snapshots": {"inserted": 90, "unchanged": 7, "processed": 97},
        "backfill": {
            "omdb": {"updated": 93, "failed": 0, "skipped": 2},
            "meta": {"updated": 400, "failed": 0, "skipped": 0},
            "calendar": {"processed": 40, "inserted": 36, "updated": 4, "deleted": 1},
        },
        "prune": {"deleted": 17},
        "timestamp": "2026-01-31T06:02:10.123Z",
        "runId": "r1",
    }


def test_the_bootstrap_of_movies_has_no_calendar() -> None:
    found = answer("movies_full_sync", trending=TRENDING, sync_report=recorded(TITLES, OMDB, META))

    assert "prune" not in found
    assert "calendar" not in found["backfill"]
    assert "errorCount" not in found


def test_the_calendar_answers_in_episodes() -> None:
    airings = {"dagster/row_count": 40, "inserted": 36, "updated": 4, "deleted": 1}

    assert answer("shows_calendar_sync", airings=airings) == {
        "success": True,
        "processed": 40,
        "inserted": 36,
        "updated": 4,
        "deleted": 1,
        "runId": "r1",
    }
    assert answer("shows_calendar_prune", stale_airings={"deleted": 17}) == {
        "success": True,
        "deleted": 17,
        "runId": "r1",
    }


def test_every_trigger_starts_a_job_that_exists_and_has_an_answer() -> None:
    jobs = {job.name for job in JOBS}
    started = {endpoint.job for endpoint in ENDPOINTS if endpoint.job}

    assert started <= jobs
    assert started == set(OPERATIONS)


def test_stages_report_by_assets_of_their_medium() -> None:
    for medium in (SHOWS, MOVIES):
        assert OPERATIONS[f"{medium}_trending"].reports == (key(medium, "trending"),)
        assert OPERATIONS[f"{medium}_sync"].reports == (key(medium, "sync_report"),)
