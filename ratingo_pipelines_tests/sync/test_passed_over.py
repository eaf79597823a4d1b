"""What a retry passes over changes the failure that asked for it; else the same run would be started every hour."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import asked, cycles, failures, quota
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.decisions import RetryFacts, Wait, decide_retries
from ratingo_pipelines.sync.omdb import backfill_omdb, backfill_omdb_ids
from ratingo_pipelines.sync.report import StopReason
from ratingo_pipelines.sync.titles import sync_ids, sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.storage.examples import PATIENCE
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, altered, eligible, limited, run_cycle

SHOW = tables_of(SHOWS)
TITLE = 210_000
Prepare = Callable[[SyncContext], SyncContext]


def fail(ctx: SyncContext, tmdb_id: int, stage: str) -> None:
    with ctx.database.writing() as conn:
        failures.record(
            conn, SHOWS, tmdb_id, stage, "it broke", ctx.now(), spends_attempt=True, title=None, policy=PATIENCE
        )


def failing(ctx: SyncContext) -> list[Failure]:
    with ctx.database.reading() as conn:
        return failures.all_failures(conn, SHOWS)


def store(ctx: SyncContext, tmdb_id: int = TITLE, imdb_id: str | None = "tt0000001") -> None:
    with ctx.database.writing() as conn:
        conn.execute(insert(SHOW.titles).values(tmdb_id=tmdb_id, title="Title", imdb_id=imdb_id))


def without_key(ctx: SyncContext) -> SyncContext:
    store(ctx)
    return replace(ctx, omdb=None)


def without_row(ctx: SyncContext) -> SyncContext:
    return ctx


def without_imdb_id(ctx: SyncContext) -> SyncContext:
    store(ctx, imdb_id=None)
    return ctx


def asked_within_the_week(ctx: SyncContext) -> SyncContext:
    store(ctx)
    with ctx.database.writing() as conn:
        asked.record_check(conn, SHOWS, TITLE, asked.OMDB, ctx.now(), answered=False)
    return ctx


def with_nothing_left_of_the_day(ctx: SyncContext) -> SyncContext:
    store(ctx)
    with ctx.database.writing() as conn:
        quota.exhaust(conn, "omdb", ctx.now().date().isoformat(), ctx.settings.omdb_daily_limit)
    return ctx


OMDB_CASES = [without_key, without_row, without_imdb_id, asked_within_the_week, with_nothing_left_of_the_day]


@pytest.mark.parametrize("prepare", OMDB_CASES)
@pytest.mark.parametrize("alone", [True, False], ids=["a run of its own", "one run for many"])
def test_a_failure_at_omdb_is_not_due_once_it_was_tried(
    ctx: SyncContext, clock: Clock, prepare: Prepare, alone: bool
) -> None:
    fail(ctx, TITLE, "omdb")
    prepared = prepare(ctx)
    clock.turn(minutes=16)
    assert not isinstance(decision(ctx), Wait), "it is due"
    report = backfill_omdb_ids(prepared, SHOWS, [TITLE]) if alone else backfill_omdb(prepared, SHOWS)
    assert report.ok
    assert isinstance(decision(ctx), Wait)


def decision(ctx: SyncContext) -> object:
    return decide_retries(RetryFacts("shows", failing(ctx), {TITLE}, 6), ctx.now())


def test_the_failures_that_a_spent_quota_did_not_reach_are_put_off_as_well(ctx: SyncContext, clock: Clock) -> None:
    for number in range(1, 41):
        store(ctx, number, f"tt{number:07}")
        fail(ctx, number, "omdb")
    clock.turn(minutes=16)
    report = backfill_omdb(with_nothing_left_of_the_day(altered(ctx, concurrency=2)), SHOWS)
    assert report.stopped_by is StopReason.QUOTA
    assert len(failing(ctx)) == 40
    assert {failure.next_attempt_at > clock() for failure in failing(ctx)} == {True}


def test_a_title_that_failed_since_it_was_done_in_its_cycle_is_not_fresh(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    few = limited(ctx, 3)
    title = eligible(sandbox.truth(SHOWS, 3))[0]
    run_cycle(few)
    fail(few, title, "details")
    clock.turn(minutes=16)
    report = sync_ids(few, SHOWS, RUN, [title])
    assert (report.succeeded, failing(few)) == (1, [])


def test_a_title_that_another_run_holds_is_put_off(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> None:
    few = limited(ctx, 3)
    title = eligible(sandbox.truth(SHOWS, 3))[0]
    cycle_id = open_trending_cycle(few, SHOWS, RUN).cycle_id
    fail(few, title, "details")
    clock.turn(minutes=16)
    with few.database.writing() as conn:
        assert cycle_id is not None
        cycles.claim(conn, cycle_id, "another", clock() + timedelta(hours=1), clock())
    assert sync_ids(few, SHOWS, RUN, [title]).skipped == {"another run is working on it": 1}
    [failure] = failing(few)
    assert failure.next_attempt_at > clock()
    assert (failure.attempts, failure.last_error) == (1, "it broke")


def test_the_failure_of_a_title_that_is_neither_stored_nor_listed_is_forgotten(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    few = limited(ctx, 3)
    kept, gone = eligible(sandbox.truth(SHOWS, 3))[:2]
    run_cycle(few)
    with few.database.writing() as conn:
        conn.execute(delete(SHOW.titles))
    fail(few, kept, "details")
    fail(few, TITLE, "details")
    sync_pending(few, SHOWS, RUN)
    assert [failure.tmdb_id for failure in failing(few)] == [kept]
    clock.turn(days=few.settings.partition_keep_days + 1)
    open_trending_cycle(altered(few, trending_limit=1), SHOWS, RUN)
    fail(few, gone, "details")
    sync_pending(few, SHOWS, RUN)
    assert gone not in [failure.tmdb_id for failure in failing(few)]


def test_a_failure_whose_imdb_id_was_taken_away_is_forgotten(ctx: SyncContext) -> None:
    store(ctx)
    fail(ctx, TITLE, "omdb")
    with ctx.database.writing() as conn:
        conn.execute(update(SHOW.titles).values(imdb_id=""))
    assert backfill_omdb_ids(ctx, SHOWS, [TITLE]).skipped == {"no IMDb id": 1}
    assert failing(ctx) == []
