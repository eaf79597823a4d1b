"""When a failure spends one of a title's attempts, and what becomes of titles that were given up."""

from datetime import timedelta

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import cycles, failures
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines_tests.storage.examples import PATIENCE
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, eligible, limited, run_cycle

DETAILS = [TitleStage.DETAILS]
TMDB = {"api": "tmdb", "endpoint": "/{medium}/{id}"}
MANY_WORKERS = pytest.mark.parametrize("workers", [16])
"""No circuit opens by what fails in these tests."""


def recorded(ctx: SyncContext) -> list[Failure]:
    with ctx.database.reading() as conn:
        return failures.all_failures(conn, SHOWS)


def attempts(ctx: SyncContext) -> dict[int, int]:
    return {failure.tmdb_id: failure.attempts for failure in recorded(ctx)}


def test_a_title_that_alone_fails_in_a_batch_spends_one(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    bad = eligible(sandbox.truth(SHOWS, 12))[3]
    sandbox.faults({"kind": "fail", **TMDB, "ids": [bad]})
    run_cycle(ctx)
    assert attempts(ctx) == {bad: 1}


def test_in_a_small_batch_it_spends_none_before_others_came_through_since(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    few = limited(ctx, 3)
    bad = eligible(sandbox.truth(SHOWS, 3))[1]
    sandbox.faults({"kind": "fail", **TMDB, "ids": [bad]})
    run_cycle(few)
    assert attempts(ctx) == {bad: 0}, "it may be that the API was down just then"
    run_cycle(few)
    assert attempts(ctx) == {bad: 1}


def test_a_title_alone_in_its_batch_spends_one_if_others_came_through_in_another(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    few = limited(ctx, 3)
    bad, *others = eligible(sandbox.truth(SHOWS, 12))
    sandbox.faults({"kind": "fail", **TMDB, "ids": [bad]})
    sync_ids(few, SHOWS, RUN, [bad], stages=DETAILS)
    sync_ids(few, SHOWS, RUN, [bad], stages=DETAILS)
    assert attempts(ctx) == {bad: 0}, "there is nobody to compare with"
    sync_ids(few, SHOWS, RUN, others[:1], stages=DETAILS)
    sync_ids(few, SHOWS, RUN, [bad], stages=DETAILS)
    assert attempts(ctx) == {bad: 1}


@MANY_WORKERS
def test_titles_spend_none_while_most_fail_alike(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    """No circuit opens, and titles came through before: the batch alone tells that they are not to blame."""
    listed = eligible(sandbox.truth(SHOWS, 12))
    run_cycle(ctx)
    sandbox.faults({"kind": "fail", **TMDB, "ids": listed[:6]})
    for _ in range(2):
        run_cycle(ctx)
    assert len(listed) < 2 * 6 + 1
    assert attempts(ctx) == dict.fromkeys(listed[:6], 0)


@MANY_WORKERS
def test_what_fails_without_spending_attempts_is_asked_ever_more_rarely(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    [bad] = eligible(sandbox.truth(SHOWS, 3))[:1]
    sandbox.faults({"kind": "fail", **TMDB, "ids": [bad]})
    delays = []
    for _ in range(3):
        sync_ids(ctx, SHOWS, RUN, [bad])
        [failure] = recorded(ctx)
        delays.append((failure.next_attempt_at - failure.last_failed_at) / timedelta(minutes=15))
        clock.turn(hours=2)
    assert (failure.attempts, delays) == (0, [1, 2, 4])


def give_up(ctx: SyncContext, tmdb_id: int) -> None:
    for _ in range(ctx.settings.give_up_after):
        with ctx.database.writing() as conn:
            failures.record(
                conn,
                SHOWS,
                tmdb_id,
                "details",
                "it broke",
                ctx.now(),
                spends_attempt=True,
                title="Gone",
                policy=PATIENCE,
            )


def place_of(ctx: SyncContext, tmdb_id: int) -> str:
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, SHOWS)
        assert cycle is not None
        return str(cycles.standings(conn, cycle.id, [tmdb_id], ctx.now())[tmdb_id])


def test_a_title_that_was_given_up_is_tried_once_in_each_new_list_after_others_came_through(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    few = limited(ctx, 6)
    bad = eligible(sandbox.truth(SHOWS, 6))[0]
    sandbox.faults({"kind": "fail", **TMDB, "ids": [bad]})
    give_up(few, bad)
    open_trending_cycle(few, SHOWS, RUN)
    assert place_of(few, bad) == "error", "nothing has come through since"
    sync_ids(few, SHOWS, RUN, eligible(sandbox.truth(SHOWS, 12))[-1:], stages=DETAILS)
    for tries in (1, 2):
        clock.turn(hours=6)
        run_cycle(few)
        [failure] = recorded(few)
        assert (failure.tmdb_id, failure.attempts) == (bad, 6 + tries)
        assert failure.next_attempt_at - failure.last_failed_at == timedelta(days=7)
    sandbox.faults()
    clock.turn(hours=6)
    run_cycle(few)
    assert (place_of(few, bad), recorded(few)) == ("done", [])
