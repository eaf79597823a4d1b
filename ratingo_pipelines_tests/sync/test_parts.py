"""Parts of titles, asked for alone or together; what is fresh; titles that no list names."""

import pytest
from sqlalchemy import select

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.pipeline_tables import failures, trending
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.gather import WITHOUT_ROW
from ratingo_pipelines.sync.report import Follower, TitleOutcome, TitleStatus
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines_tests.sync.syncing import RUN, all_rows, counts, eligible, limited, run_cycle, title_rows


@pytest.fixture
def first(sandbox: RunningSandbox) -> int:
    """The TMDB id of the most watched show."""
    return eligible(sandbox.truth(SHOWS, 12))[0]


def outcome_of(ctx: SyncContext, tmdb_id: int) -> str:
    with ctx.database.reading() as conn:
        statement = select(trending.c.outcome).where(trending.c.tmdb_id == tmdb_id).order_by(trending.c.cycle_id.desc())
        return str(conn.execute(statement).scalars().first())


def test_ratings_alone_ask_trakt_alone(ctx: SyncContext, sandbox: RunningSandbox, first: int) -> None:
    run_cycle(ctx)
    sandbox.control("epoch", {"advance": 2})
    before = sandbox.counters()
    report = sync_ids(ctx, SHOWS, RUN, [first], stages=[TitleStage.RATINGS], force=True)
    after = sandbox.counters()
    assert report.ok
    assert after["tmdb"]["requests"] == before["tmdb"]["requests"]
    assert after["trakt"]["requests"] == before["trakt"]["requests"] + 1
    truth = next(entry["facts"] for entry in sandbox.truth(SHOWS) if entry["tmdb"] == first)
    row, t = title_rows(ctx.database)[first], tables_of(SHOWS)
    assert row["rating_trakt_avg"] == truth["row"]["rating_trakt_avg"]
    own = [one for one in all_rows(ctx.database, t.rating_buckets) if one["show_id"] == row["id"]]
    assert {str(one["bucket"]): one["count"] for one in own} == truth["buckets"]
    assert row["rating_trakt"] != truth["row"]["rating_trakt"], "watchers are the sparkline's business"


def test_ratings_of_a_title_without_a_row_fail_with_that_reason(
    ctx: SyncContext, sandbox: RunningSandbox, first: int
) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    report = sync_ids(ctx, SHOWS, RUN, [first], stages=[TitleStage.RATINGS])
    assert [(failure.stage, failure.reason) for failure in report.failures] == [("ratings", WITHOUT_ROW)]
    assert counts(ctx.database)["shows"] == 0
    assert "tmdb" not in sandbox.counters()


def test_details_alone_store_the_details_and_leave_the_title_unfinished(
    ctx: SyncContext, sandbox: RunningSandbox, first: int
) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    report = sync_ids(ctx, SHOWS, RUN, [first], stages=[TitleStage.DETAILS])
    row = title_rows(ctx.database)[first]
    assert (report.ok, report.snapshots, report.ratings) == (True, 0, 0)
    assert row["overview"]
    assert row["trending_updated_at"] is None
    assert row["rating_trakt"] is None
    assert outcome_of(ctx, first) == "pending"


def test_sparklines_alone_ask_nobody(ctx: SyncContext, sandbox: RunningSandbox, first: int) -> None:
    run_cycle(ctx)
    sandbox.control("epoch", {"advance": 1})
    open_trending_cycle(ctx, SHOWS, RUN)
    before = sandbox.counters()
    report = sync_ids(ctx, SHOWS, RUN, [first], stages=[TitleStage.SPARKLINES])
    assert sandbox.counters() == before
    assert report.snapshots == 1
    watchers = next(entry["watchers"] for entry in sandbox.truth(SHOWS) if entry["tmdb"] == first)
    assert title_rows(ctx.database)[first]["rating_trakt"] == watchers


def test_a_title_done_in_the_cycle_is_fresh_unless_forced(
    ctx: SyncContext, sandbox: RunningSandbox, first: int
) -> None:
    run_cycle(ctx)
    before = sandbox.counters()
    told: list[TitleOutcome] = []
    report = sync_ids(ctx, SHOWS, RUN, [first], follower=Follower(on_outcome=told.append))
    assert sandbox.counters() == before
    assert [(one.tmdb_id, one.status, one.reason) for one in told] == [(first, TitleStatus.SKIPPED, "fresh")]
    assert (report.ok, report.skipped) == (True, {"fresh": 1})
    forced = sync_ids(ctx, SHOWS, RUN, [first], force=True)
    assert (forced.succeeded, forced.snapshots, forced.snapshots_unchanged) == (1, 0, 1)
    assert outcome_of(ctx, first) == "done"


def test_a_title_outside_the_latest_cycle_keeps_what_only_lists_tell(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    ids = eligible(sandbox.truth(SHOWS, 12))
    before = title_rows(ctx.database)[ids[-1]]
    open_trending_cycle(limited(ctx, 1), SHOWS, RUN)
    report = sync_ids(ctx, SHOWS, RUN, [ids[-1]])
    after = title_rows(ctx.database)[ids[-1]]
    assert (report.succeeded, report.snapshots) == (1, 0)
    kept = ("rating_trakt", "trending_score", "watchers_delta", "delta_3m", "trending_updated_at")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_a_title_that_no_list_named_is_asked_about_by_its_imdb_id(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    never = sandbox.control("oddities")["related_stubs"]["shows"][0]["tmdb"]
    report = sync_ids(ctx, SHOWS, RUN, [never])
    assert not report.failures
    row = title_rows(ctx.database)[never]
    assert row["overview"]
    assert row["rating_trakt_avg"] is not None
    assert (row["trending_score"], row["rating_trakt"]) == (None, None)


def test_success_of_a_part_clears_the_failures_of_that_part_alone(
    ctx: SyncContext, sandbox: RunningSandbox, first: int
) -> None:
    run_cycle(ctx)
    sandbox.control("epoch", {"advance": 1})
    [trakt_id] = {row["trakt_id"] for row in all_rows(ctx.database, trending) if row["tmdb_id"] == first}
    details = {"kind": "types", "api": "tmdb", "ids": [first]}
    ratings = {"kind": "types", "api": "trakt", "endpoint": "/{medium}/{id}/ratings", "ids": [trakt_id]}
    sandbox.faults(details, ratings)
    sync_ids(ctx, SHOWS, RUN, [first], force=True)
    assert {row["stage"] for row in all_rows(ctx.database, failures)} == {"details", "ratings"}
    sandbox.faults()
    sync_ids(ctx, SHOWS, RUN, [first], stages=[TitleStage.RATINGS], force=True)
    assert {row["stage"] for row in all_rows(ctx.database, failures)} == {"details"}
    sync_ids(ctx, SHOWS, RUN, [first], force=True)
    assert all_rows(ctx.database, failures) == []
