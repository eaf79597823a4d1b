"""The same wrong answer for everybody: the batch stops, says which source is at fault, and leaves all as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.pipeline_tables import asked, failures, trending
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.omdb import backfill_omdb, backfill_omdb_ids
from ratingo_pipelines.sync.report import BatchReport, Follower, StopReason, TitleOutcome
from ratingo_pipelines.sync.titles import sync_ids, sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    altered,
    another_kit,
    counts,
    eligible,
    limited,
    run_cycle,
    title_rows,
)

pytestmark = pytest.mark.long

LIST = 12
WORKERS = 5
TMDB = {"api": "tmdb", "endpoint": "/{medium}/{id}"}
RATINGS = {"api": "trakt", "endpoint": "/{medium}/{id}/ratings"}


@pytest.fixture
def few(ctx: SyncContext) -> SyncContext:
    """As many workers as make the smallest round, so that a list of 12 has several."""
    return altered(ctx, concurrency=WORKERS)


def lie(sandbox: RunningSandbox, name: str, **narrowed: object) -> None:
    sandbox.faults({"kind": "lie", "name": name, **narrowed})


def outcomes(ctx: SyncContext) -> set[str]:
    """Of the latest cycle's titles that are no ineligible entries."""
    rows = all_rows(ctx.database, trending)
    return {row["outcome"] for row in rows if row["cycle_id"] == rows[-1]["cycle_id"]} - {"skipped"}


def requests(sandbox: RunningSandbox, api: str, endpoint: str) -> int:
    return int(sandbox.counters().get(api, {}).get("endpoints", {}).get(endpoint, 0))


def at_fault(report: BatchReport, variable: str) -> str:
    """What the report says of the source that is at fault; it is one line that names the variable."""
    assert (report.ok, report.stopped_by, report.failures) == (False, StopReason.SOURCE, ())
    assert report.stopped is not None
    assert variable in report.stopped
    assert "\n" not in report.stopped
    return report.stopped


TOLD_OF_TITLES = ["foreign_404", "error_with_200", "bad_request", "unknown_to_tmdb"]


@pytest.mark.parametrize("name", TOLD_OF_TITLES)
def test_a_lie_of_tmdb_about_every_title_of_a_first_cycle_loses_none(
    few: SyncContext, sandbox: RunningSandbox, name: str
) -> None:
    open_trending_cycle(few, SHOWS, RUN)
    lie(sandbox, name, **TMDB)
    before = counts(few.database)
    report = sync_pending(few, SHOWS, RUN)
    assert "TMDB failed alike for 5 of 5 titles" in at_fault(report, "TMDB_BASE_URL")
    assert outcomes(few) == {"pending"}
    # Unusable answers are asked for once more.
    assert requests(sandbox, "tmdb", "/{medium}/{id}") <= 2 * WORKERS
    assert requests(sandbox, "trakt", RATINGS["endpoint"]) == 0
    assert counts(few.database) == before
    sandbox.faults()
    assert sync_pending(few, SHOWS, RUN).ok
    assert differences(few.database, SHOWS, sandbox.truth(SHOWS, LIST)) == []


def test_titles_that_are_stored_and_failures_on_record_stay_as_they_are(
    few: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    broken = eligible(sandbox.truth(SHOWS, LIST))[2]
    sandbox.faults({"kind": "types", **TMDB, "ids": [broken]})
    run_cycle(few)
    [failure] = all_rows(few.database, failures)
    clock.turn(hours=6)
    open_trending_cycle(few, SHOWS, RUN)
    lie(sandbox, "unknown_to_tmdb")
    before = counts(few.database)
    at_fault(sync_pending(few, SHOWS, RUN), "TMDB_BASE_URL")
    assert outcomes(few) == {"pending"}
    [after] = all_rows(few.database, failures)
    kept = ("attempts", "last_error", "first_failed_at", "last_failed_at")
    assert [after[name] for name in kept] == [failure[name] for name in kept]
    assert counts(few.database) == {**before, "pipeline_witnesses": before["pipeline_witnesses"] - 1}
    sandbox.faults()
    assert sync_pending(few, SHOWS, RUN).ok
    assert all_rows(few.database, failures) == []


def test_a_witness_is_asked_past_the_cache_and_told_of(few: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(few)
    open_trending_cycle(few, SHOWS, RUN)
    before = requests(sandbox, "tmdb", "/{medium}/{id}")
    lie(sandbox, "unknown_to_tmdb")
    said = at_fault(sync_pending(few, SHOWS, RUN), "TMDB_BASE_URL")
    assert "and likewise for " in said
    assert ", which it answered well for on 20" in said
    assert requests(sandbox, "tmdb", "/{medium}/{id}") == before + WORKERS + 1


def test_a_short_list_is_no_protection(few: SyncContext, sandbox: RunningSandbox) -> None:
    short = altered(limited(few, 4), concurrency=16)
    open_trending_cycle(short, SHOWS, RUN)
    lie(sandbox, "foreign_404", api="tmdb")
    titles = len(eligible(sandbox.truth(SHOWS, 4)))
    report = sync_pending(short, SHOWS, RUN)
    assert f"TMDB failed alike for {titles} of {titles} titles" in at_fault(report, "TMDB_BASE_URL")
    assert outcomes(short) == {"pending"}


def test_a_lie_that_begins_in_the_middle_costs_no_title(few: SyncContext, sandbox: RunningSandbox) -> None:
    wide = limited(few, 60)
    open_trending_cycle(wide, SHOWS, RUN)
    done = 0

    def listener(outcome: TitleOutcome) -> None:
        nonlocal done
        done += bool(outcome.stored)
        if done == 20 and outcome.stored:
            lie(sandbox, "bad_request", **TMDB)

    report = sync_pending(wide, SHOWS, RUN, follower=Follower(on_outcome=listener))
    assert "just before" in at_fault(report, "TMDB_BASE_URL")
    assert 20 <= report.succeeded < 50
    assert outcomes(wide) == {"pending", "done"}
    assert all_rows(few.database, failures) == []
    sandbox.faults()
    assert sync_pending(wide, SHOWS, RUN).ok
    assert differences(few.database, SHOWS, sandbox.truth(SHOWS, 60)) == []


@pytest.mark.parametrize("name", ["no_ratings", "error_with_200", "foreign_404"])
def test_a_lie_of_trakt_about_every_title_s_ratings_loses_none(
    few: SyncContext, sandbox: RunningSandbox, name: str
) -> None:
    open_trending_cycle(few, SHOWS, RUN)
    lie(sandbox, name, **({} if name == "no_ratings" else RATINGS))
    at_fault(sync_pending(few, SHOWS, RUN), "TRAKT_BASE_URL")
    assert outcomes(few) == {"pending"}
    sandbox.faults()
    assert sync_pending(few, SHOWS, RUN).ok
    assert differences(few.database, SHOWS, sandbox.truth(SHOWS, LIST)) == []


def test_related_titles_that_nobody_has_are_not_replaced_by_others(few: SyncContext, sandbox: RunningSandbox) -> None:
    open_trending_cycle(few, SHOWS, RUN)
    sandbox.faults({"kind": "types", "api": "trakt", "endpoint": "/{medium}/{id}/related"})
    at_fault(sync_pending(few, SHOWS, RUN), "TRAKT_BASE_URL")
    assert all_rows(few.database, tables_of(SHOWS).related) == []
    sandbox.faults()
    sync_pending(few, SHOWS, RUN)
    assert differences(few.database, SHOWS, sandbox.truth(SHOWS, LIST)) == []


def test_eight_hours_of_lies_spend_no_attempt_and_all_are_stored_by_the_first_run_after(
    few: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    lie(sandbox, "bad_request", **TMDB)
    for _ in range(4):
        run_cycle(few)
        sync_pending(few, SHOWS, RUN)
        clock.turn(hours=2)
    assert all_rows(few.database, failures) == []
    sandbox.faults()
    assert sync_pending(few, SHOWS, RUN).ok
    assert differences(few.database, SHOWS, sandbox.truth(SHOWS, LIST)) == []


def test_a_single_title_that_is_asked_for_by_id_is_compared_with_a_witness(
    few: SyncContext, sandbox: RunningSandbox
) -> None:
    listed = eligible(sandbox.truth(SHOWS, LIST))
    run_cycle(few)
    lie(sandbox, "bad_request", **TMDB, ids=[listed[0]])
    [failure] = sync_ids(few, SHOWS, RUN, [listed[0]], force=True).failures
    assert (failure.tmdb_id, failure.spends_attempt) == (listed[0], True)
    lie(sandbox, "bad_request", **TMDB)
    before = all_rows(few.database, failures)
    at_fault(sync_ids(few, SHOWS, RUN, [listed[0]], force=True), "TMDB_BASE_URL")
    [after] = all_rows(few.database, failures)
    assert (after["attempts"], after["last_failed_at"]) == (1, before[0]["last_failed_at"])
    assert after["next_attempt_at"] > before[0]["next_attempt_at"], "a try that told nothing puts off the next"


@contextmanager
def uncached(ctx: SyncContext) -> Iterator[SyncContext]:
    with another_kit(ctx, http_cache=False, concurrency=WORKERS) as other:
        yield other


@pytest.mark.parametrize("name", ["omdb_timeout", "omdb_conversion", "omdb_getting_data", "omdb_another_title"])
def test_a_failure_of_omdb_s_own_stops_after_the_first_round_and_nothing_is_remembered(
    few: SyncContext, sandbox: RunningSandbox, name: str
) -> None:
    run_cycle(few)
    lie(sandbox, name)
    report = backfill_omdb(few, SHOWS)
    at_fault(report, "OMDB_BASE_URL")
    assert report.succeeded == 0
    assert report.requests["omdb"] <= 2 * WORKERS
    assert [row for row in all_rows(few.database, asked) if row["source"] == "omdb"] == []
    assert all_rows(few.database, failures) == []
    sandbox.faults()
    assert backfill_omdb(few, SHOWS).succeeded > 40


def test_titles_that_omdb_honestly_does_not_know_are_remembered_and_the_others_asked(
    few: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(few)
    lie(sandbox, "omdb_knows_nobody")
    report = backfill_omdb(few, SHOWS, limit=30)
    assert (report.ok, report.stopped, report.succeeded) == (True, None, 30)
    assert len([row for row in all_rows(few.database, asked) if row["source"] == "omdb"]) == 30


@pytest.mark.parametrize("name", ["omdb_knows_nobody", "omdb_not_available", "omdb_getting_data"])
def test_an_omdb_that_lost_the_ratings_of_everybody_is_not_believed(
    few: SyncContext, sandbox: RunningSandbox, clock: Clock, name: str
) -> None:
    run_cycle(few)
    backfill_omdb(few, SHOWS)
    before = all_rows(few.database, asked)
    clock.turn(days=8)
    lie(sandbox, name)
    with uncached(few) as anew:
        at_fault(backfill_omdb(anew, SHOWS), "OMDB_BASE_URL")
    answered = [row for row in before if row["source"] == "omdb" and row["empty_streak"] == 0]
    now = {row["id"]: row for row in all_rows(few.database, asked)}
    assert len(answered) > WORKERS
    assert [now[row["id"]] for row in answered] == answered


def test_known_values_survive_an_omdb_that_is_unreadable(few: SyncContext, sandbox: RunningSandbox) -> None:
    tmdb_id = sandbox.control("oddities")["imdb_only_at_omdb"]["shows"][0]["tmdb"]
    sync_ids(few, SHOWS, RUN, [tmdb_id], stages=[TitleStage.DETAILS])
    backfill_omdb_ids(few, SHOWS, [tmdb_id])
    before = title_rows(few.database)[tmdb_id]
    sandbox.faults({"kind": "types", "api": "omdb"})
    with uncached(few) as anew:
        at_fault(backfill_omdb_ids(anew, SHOWS, [tmdb_id], force=True), "OMDB_BASE_URL")
    assert before["rating_imdb"] is not None
    assert title_rows(few.database)[tmdb_id] == before


def test_stubs_that_tmdb_honestly_does_not_know_are_remembered_and_the_others_asked(
    few: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(limited(few, 3))
    due = {row["tmdb_id"] for row in all_rows(few.database, tables_of(SHOWS).titles)}
    listed = set(eligible(sandbox.truth(SHOWS, 3)))
    sandbox.faults({"kind": "fail", "status": 404, **TMDB, "ids": sorted(due - listed)})
    report = backfill_meta(few, SHOWS, RUN)
    assert (report.ok, report.stopped) == (True, None)
    assert report.skipped == {"unknown to TMDB": len(due - listed)}
    assert backfill_meta(few, SHOWS, RUN).fetched == 0
