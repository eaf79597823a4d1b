"""From what a run recorded to the guide's fields, on facts written down by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ratingo_pipelines.defs import run_report
from ratingo_pipelines.defs.jobs import JOBS
from ratingo_pipelines.defs.materializations import Metadata, of_calendar, of_prune, of_report, of_trending
from ratingo_pipelines.defs.partitions import key
from ratingo_pipelines.gateway.api.catalogue import ENDPOINTS, HEALTH, READY, RUN, Endpoint
from ratingo_pipelines.gateway.api.endpoints import status_answer
from ratingo_pipelines.gateway.api.operations import OPERATIONS, RunFacts
from ratingo_pipelines.gateway.api.runs import Run
from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync.report import BatchReport, CalendarReport, PruneReport, TitleFailure, TrendingReport

BEGAN, ENDED = datetime(2026, 1, 31, 6, 0, tzinfo=UTC), datetime(2026, 1, 31, 6, 2, 10, 123456, tzinfo=UTC)
TRENDING = of_trending(SHOWS, TrendingReport("shows", 12, BEGAN, 100, 98, {"listed twice": 2}, 4211), [])
AIRINGS = of_calendar(CalendarReport(40, 36, 4, 1))
PRUNED = of_prune(PruneReport(17))
FAILED = Failure("shows", 1396, "details", "Breaking Bad", 2, "TMDB: HTTP 500", BEGAN, ENDED, ENDED)


def run(job: str) -> Run:
    """A run of the job that ended."""
    return Run("r1", job, "SUCCESS", {}, BEGAN, ENDED)


def recorded(*reports: BatchReport) -> Metadata:
    """The metadata of a `sync_report`."""
    return dict(of_report(SHOWS, reports).metadata)


def answer(job: str, *recorded: Metadata, reason: str = "", failures: tuple[Failure, ...] = ()) -> dict[str, Any]:
    """What the endpoint of a job answers, given what its run recorded."""
    # As Dagster hands metadata back.
    plain = [{name: getattr(value, "value", value) for name, value in metadata.items()} for metadata in recorded]
    return OPERATIONS[job].answer(RunFacts(run(job), run_report.read(plain), failures, reason))


TITLES = BatchReport(
    "shows", "titles", fetched=98, added=8, updated=89, succeeded=97, ratings=97, buckets=970, snapshots=90,
    snapshots_unchanged=7, skipped={"unknown to TMDB": 1},
)  # fmt: skip
OMDB = BatchReport("shows", "omdb", fetched=95, updated=93, succeeded=93, skipped={"fresh": 2})
META = BatchReport("shows", "meta", fetched=400, updated=400, succeeded=400)


def test_the_coordinator_answers_with_its_cycle_and_what_is_queued() -> None:
    assert answer("shows_trending", TRENDING) == {
        "success": True,
        "jobId": 12,
        "tasksQueued": 98,
        "totals": {"trendingFetched": 100},
        "runId": "r1",
    }


def test_the_processor_counts_what_ended() -> None:
    assert answer("movies_sync", recorded(TITLES)) == {
        "success": True,
        "processed": 98,
        "succeeded": 97,
        "failed": 0,
        "skipped": 1,
        "runId": "r1",
    }


def test_failed_titles_are_counted_and_listed_and_are_no_failure_of_the_stage() -> None:
    failed = BatchReport("shows", "titles", fetched=1, failures=(TitleFailure(1396, "Breaking Bad", "details", "x"),))

    found = answer("shows_sync", recorded(failed), failures=(FAILED,))

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

    found = answer("shows_sync", recorded(stopped))

    assert (found["success"], found["error"]) == (False, "titles: TMDB refuses access")


def test_a_backfill_answers_with_what_there_is_to_tell_and_nothing_else() -> None:
    assert answer("shows_meta_backfill", recorded(META)) == {
        "success": True,
        "updated": 400,
        "processed": 400,
        "succeeded": 400,
        "failed": 0,
        "skipped": 0,
        "runId": "r1",
    }


def test_a_stage_that_ended_early_with_something_done_says_why() -> None:
    stopped = BatchReport(
        "shows", "omdb", fetched=98, updated=60, succeeded=60, stopped="OMDb: the day's quota is used"
    )

    found = answer("shows_omdb_backfill", recorded(stopped))

    assert (found["success"], found["updated"]) == (True, 60)
    assert found["stopped"] == "omdb: OMDb: the day's quota is used"


def test_the_bootstrap_tells_of_its_titles_apart_from_the_stages_after_them() -> None:
    found = answer(
        "shows_full_sync",
        TRENDING,
        recorded(TITLES, OMDB, META),
        AIRINGS,
        PRUNED,
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
    found = answer("movies_full_sync", TRENDING, recorded(TITLES, OMDB, META))

    assert "prune" not in found
    assert "calendar" not in found["backfill"]
    assert "errorCount" not in found


def test_the_calendar_answers_in_episodes() -> None:
    assert answer("shows_calendar_sync", AIRINGS) == {
        "success": True,
        "processed": 40,
        "inserted": 36,
        "updated": 4,
        "deleted": 1,
        "runId": "r1",
    }
    assert answer("shows_calendar_prune", PRUNED) == {
        "success": True,
        "deleted": 17,
        "runId": "r1",
    }


def test_days_of_the_calendar_that_did_not_come_are_named() -> None:
    days = "2026-01-31 to 2026-02-04"
    partly = CalendarReport(40, 36, 4, 1, days_missing=(days,), notes=(f"the calendar of {days} is empty",))
    found = answer("shows_calendar_sync", of_calendar(partly))
    assert (found["success"], found["processed"], found["daysMissing"]) == (True, 40, [days])
    assert found["notes"] == f"- the calendar of {days} is empty"
    nothing = CalendarReport(0, 0, 0, 0, days_missing=(days,), nothing_came=True)
    assert answer("shows_calendar_sync", of_calendar(nothing))["success"] is False


def test_every_trigger_starts_a_job_that_exists_and_has_an_answer() -> None:
    jobs = {job.name for job in JOBS}
    started = {endpoint.job for endpoint in ENDPOINTS if endpoint.job}

    assert started <= jobs
    assert started == set(OPERATIONS)


def test_stages_report_by_assets_of_their_medium() -> None:
    for medium in (SHOWS, MOVIES):
        assert OPERATIONS[f"{medium}_trending"].reports == (key(medium, "trending"),)
        assert OPERATIONS[f"{medium}_sync"].reports == (key(medium, "sync_report"),)


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, RUN, READY, HEALTH], ids=lambda endpoint: endpoint.path)
def test_every_example_is_an_answer_as_its_model_says(endpoint: Endpoint) -> None:
    assert endpoint.answer.model_validate(endpoint.example).as_json() == endpoint.example


CYCLE = Cycle(12, "shows", BEGAN, 4211, 100, 98)


@pytest.mark.parametrize(
    ("counts", "stopped", "job", "tasks"),
    [
        (Counts(pending=60, processing=8, done=29, error=1, skipped=2), None, "processing", (60, 8, 29, 1)),
        (Counts(pending=60, done=38, skipped=2), None, "pending", (60, 0, 38, 0)),
        (Counts(pending=60, done=38, skipped=2), "TMDB: the key is refused", "error", (0, 0, 38, 60)),
        # A title skipped since the list was fetched: its entries add up all the same.
        (Counts(done=95, skipped=5), None, "done", (0, 0, 95, 0)),
    ],
)
def test_the_status_adds_up_and_ends_the_wait_for_a_source_that_is_shut(
    counts: Counts, stopped: str | None, job: str, tasks: tuple[int, ...]
) -> None:
    found = status_answer(CYCLE, counts, None, stopped).as_json()

    stats = found["job"]["stats"]
    assert stats["listed"] == stats["eligible"] + stats["skipped"] == 100
    assert (found["job"]["status"], found["job"].get("error")) == (job, stopped)
    assert (*(found["tasks"][name] for name in ("pending", "processing", "done", "error")),) == tasks
    assert found["tasks"]["total"] == stats["eligible"]


def test_before_the_first_cycle_there_is_no_job() -> None:
    assert status_answer(None, Counts(), None, None).as_json()["job"] is None
