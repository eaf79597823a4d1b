"""Who works on what: claims, leases, and cycles that overtake each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from time import monotonic

import pytest
from sqlalchemy import event

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.pipeline_tables import trending
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.leases import kept_leases
from ratingo_pipelines.sync.report import Follower, TitleOutcome, TitleStatus
from ratingo_pipelines.sync.status import status_of_media
from ratingo_pipelines.sync.store import CLAIM_LOST
from ratingo_pipelines.sync.titles import sync_ids, sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    altered,
    another_kit,
    eligible,
    limited,
    run_cycle,
    title_rows,
)


def wait_until(happens: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not happens():
        assert monotonic() < deadline
        Event().wait(0.02)


def test_two_syncs_of_one_cycle_never_do_the_same_title(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    with another_kit(ctx) as other, ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(sync_pending, *who, limit=6) for who in ((ctx, SHOWS, "one"), (other, SHOWS, "two"))]
        reports = [run.result() for run in runs]
    assert all(report.ok for report in some(reports))
    assert sorted(report.fetched for report in some(reports)) == [6, 6]
    assert sum(report.succeeded for report in some(reports)) == len(eligible(sandbox.truth(SHOWS, 12)))
    counters = sandbox.counters()
    assert counters["trakt"]["repeated"] == {}
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []


def test_leases_that_cannot_be_renewed_are_said_and_tried_again(
    ctx: SyncContext, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = altered(ctx, lease_seconds=1)
    listed = open_trending_cycle(ctx, SHOWS, RUN)
    refused: list[str] = []
    with ctx.database.writing() as conn:
        cycles.claim(conn, listed.cycle_id, RUN, ctx.now() + timedelta(seconds=1), ctx.now())

    def until() -> datetime:
        found = [row["lease_until"] for row in all_rows(ctx.database, trending) if row["lease_until"]]
        return max(datetime.fromisoformat(str(each)) for each in found)

    claimed_until = until()

    @event.listens_for(ctx.database.engine, "before_cursor_execute", retval=True)
    def refuse(conn: object, cursor: object, statement: str, parameters: object, *rest: object) -> tuple[str, object]:
        if statement.startswith("UPDATE") and "lease_until" in statement and len(refused) < 2:
            refused.append(statement)
            return "a statement that no database takes", ()
        return statement, parameters

    with kept_leases(replace(ctx, now=lambda: claimed_until + timedelta(days=1)), RUN):
        wait_until(lambda: until() > claimed_until)
    assert len(refused) == 2
    assert caplog.text.count("claims not renewed, tried again in 0.1 s") == 2


def test_titles_that_another_run_holds_are_left_to_it_and_that_is_said(ctx: SyncContext, clock: Clock) -> None:
    listed = open_trending_cycle(ctx, SHOWS, RUN)
    with ctx.database.writing() as conn:
        lease = clock() + timedelta(seconds=ctx.settings.lease_seconds)
        held = cycles.claim(conn, listed.cycle_id, "dead", lease, clock(), limit=9)
    first = sync_pending(ctx, SHOWS, RUN)
    assert first.fetched == listed.eligible - len(held)
    assert first.notes == (
        "9 titles are being worked on by another run; the claims of one that died are free within 60 s",
    )
    told: list[TitleOutcome] = []
    sync_ids(ctx, SHOWS, RUN, [held[0].tmdb_id], follower=Follower(on_outcome=told.append))
    assert [(one.status, one.reason) for one in told] == [(TitleStatus.SKIPPED, "another run is working on it")]
    assert status_of_media(ctx.database, clock())[0].counts.processing == 9
    clock.turn(seconds=ctx.settings.lease_seconds + 1)
    assert status_of_media(ctx.database, clock())[0].counts.processing == 0
    assert sync_pending(ctx, SHOWS, RUN).fetched == 9
    assert {row["outcome"] for row in all_rows(ctx.database, trending)} <= {"done", "skipped"}


def test_a_long_run_keeps_its_claims(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ctx = altered(limited(ctx, 4), lease_seconds=1)
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({"kind": "latency", "ms": 2500, "api": "tmdb", "endpoint": "/{medium}/{id}"})
    with another_kit(ctx) as other, ThreadPoolExecutor(1) as pool:
        long = pool.submit(sync_pending, ctx, SHOWS, "long")
        wait_until(lambda: status_of_media(ctx.database, ctx.now())[0].counts.processing > 0)
        Event().wait(1.5 * ctx.settings.lease_seconds)
        meanwhile = sync_pending(other, SHOWS, "eager")
        report = long.result()
    assert meanwhile.fetched == 0
    assert report.succeeded == report.fetched > 0


def test_an_older_cycle_never_overwrites_a_newer_one(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    listed = eligible(sandbox.truth(SHOWS, 12))
    slow = listed[0]
    older = open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({"kind": "latency", "ms": 2500, "api": "tmdb", "ids": [slow], "times": 1})
    told: list[TitleOutcome] = []
    with another_kit(ctx) as other, ThreadPoolExecutor(1) as pool:
        overtaken = pool.submit(sync_pending, ctx, SHOWS, "older", follower=Follower(on_outcome=told.append))
        wait_until(lambda: sandbox.control("faults")["faults"][0]["hits"] > 0)
        sandbox.control("epoch", {"advance": 1})
        newer, report = run_cycle(other, run_id="newer")
        overtaken.result()
    assert report.ok
    assert [one.reason for one in told if one.tmdb_id == slow] == [CLAIM_LOST]
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []
    places = {row["cycle_id"]: row for row in all_rows(ctx.database, trending) if row["tmdb_id"] == slow}
    assert (places[older.cycle_id]["outcome"], places[newer.cycle_id]["outcome"]) == ("skipped", "done")
    t, row = tables_of(SHOWS), title_rows(ctx.database)[slow]
    snapshots = [one["created_at"] for one in all_rows(ctx.database, t.snapshots) if one["show_id"] == row["id"]]
    assert older.cycle_at not in snapshots
    assert len(snapshots) == len(set(snapshots)) == 2


def test_what_a_new_cycle_supersedes_is_said_to_be(ctx: SyncContext) -> None:
    first = open_trending_cycle(ctx, SHOWS, RUN)
    sync_pending(ctx, SHOWS, RUN, limit=2)
    open_trending_cycle(ctx, SHOWS, RUN)
    rows = [row for row in all_rows(ctx.database, trending) if row["cycle_id"] == first.cycle_id]
    assert [row["outcome"] for row in rows].count("done") == 2
    assert {row["reason"] for row in rows if row["outcome"] == "skipped"} == {cycles.SUPERSEDED}
    assert sync_pending(ctx, SHOWS, RUN).ok


def test_cycles_opened_within_one_second_still_follow_each_other(ctx: SyncContext) -> None:
    times = [open_trending_cycle(ctx, SHOWS, RUN).cycle_at for _ in range(3)]
    assert times == sorted(set(times))
    assert all(moment.microsecond == 0 for moment in some(times))
