"""Clocks: a wrong one opens no cycle, and what it dated ahead of now is right again with the next good cycle."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import RowMapping, Table

from ratingo_pipelines.measures.deltas import complete_months
from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import asked, attempts, failures, monthly, quota
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.pipeline_tables import asked as asked_table
from ratingo_pipelines.storage.pipeline_tables import cycles, metadata, monthly_lists
from ratingo_pipelines.storage.pipeline_tables import quota as quota_table
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines.storage.types import UtcTimestamp
from ratingo_pipelines.sync.airings import prune_calendar, sync_calendar
from ratingo_pipelines.sync.asking import NotBelieved
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.monthly import fetch_month
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.whole_lists import NoCycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.storage.examples import PATIENCE
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, all_rows, limited, run_cycle, title_rows

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WITHOUT_DATE = {"kind": "edit", "api": "trakt", "headers": {"Date": None}}


def trakt_is_ahead(sandbox: RunningSandbox, seconds: float) -> None:
    """Set Trakt's clock: what is ahead of this machine's makes that one be behind."""
    sandbox.control("epoch", {"clock_ahead": seconds})


def last_attempt(ctx: SyncContext, what: str = attempts.TRENDING) -> Attempt:
    with ctx.database.reading() as conn:
        return attempts.latest(conn)["shows"][what]


@pytest.mark.parametrize(("seconds", "said"), [(-2 * 3600, "2 h ahead of"), (2 * 3600, "2 h behind")])
def test_a_clock_that_is_hours_off_opens_no_cycle(
    ctx: SyncContext, sandbox: RunningSandbox, seconds: float, said: str
) -> None:
    trakt_is_ahead(sandbox, seconds)
    with pytest.raises(NoCycle, match=f"this machine's clock is {said} Trakt's: set it"):
        open_trending_cycle(ctx, SHOWS, RUN)
    assert all_rows(ctx.database, cycles) == []
    attempt = last_attempt(ctx)
    assert attempt.outcome == AttemptOutcome.CLOCK
    assert abs((attempt.ahead_seconds or 0) + seconds) < 60
    trakt_is_ahead(sandbox, 0)
    assert open_trending_cycle(ctx, SHOWS, RUN).cycle_id == 1


def test_a_clock_that_is_minutes_off_is_told(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    trakt_is_ahead(sandbox, -600)
    few = limited(ctx, 3)
    report = open_trending_cycle(few, SHOWS, RUN)
    assert report.notes == (
        "this machine's clock is 10 min ahead of Trakt's: set it; from an hour on no cycle is opened",
    )
    assert abs((last_attempt(ctx).ahead_seconds or 0) - 600) < 60


def test_an_answer_without_a_date_says_nothing_of_the_clock(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    trakt_is_ahead(sandbox, -7200)
    sandbox.faults(WITHOUT_DATE)
    assert open_trending_cycle(limited(ctx, 3), SHOWS, RUN).notes == ()
    assert last_attempt(ctx).ahead_seconds is None


def test_a_month_is_over_by_trakts_clock(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    newest, before = complete_months(datetime.now(UTC).date(), 2)
    watched = [{"watcher_count": 9, "show": {"title": "One", "ids": {"trakt": 1, "tmdb": 11}}}]
    endpoint = "/{medium}/watched/monthly/{date}"
    sandbox.faults({"kind": "answer", "api": "trakt", "endpoint": endpoint, "body": watched})
    sandbox.control("epoch", {"now": f"{newest}-15T12:00:00Z"})
    with pytest.raises(NotBelieved, match=f"{newest} is not over yet, by Trakt's clock; its list was not kept"):
        fetch_month(ctx, SHOWS, newest)
    assert fetch_month(ctx, SHOWS, before) == 1
    assert [row["month"] for row in all_rows(ctx.database, monthly_lists)] == [before]


def test_a_wrong_clock_leaves_the_calendar_as_it_is(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    before = all_rows(ctx.database, show_airings)
    trakt_is_ahead(sandbox, -90 * 86_400)
    for change in (sync_calendar, prune_calendar):
        with pytest.raises(NotBelieved, match="90 d ahead of Trakt's"):
            change(ctx)
    assert all_rows(ctx.database, show_airings) == before
    assert last_attempt(ctx, attempts.CALENDAR).outcome == AttemptOutcome.CLOCK
    trakt_is_ahead(sandbox, 0)
    assert sync_calendar(ctx).ok
    assert prune_calendar(ctx).deleted == 0


@pytest.mark.parametrize("days", [2, 400])
def test_after_a_cycle_with_the_clock_days_ahead_the_next_good_cycle_is_right_again(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, days: int
) -> None:
    # The times of cycles are whole seconds.
    started = datetime.now(UTC).replace(microsecond=0)
    run_cycle(limited(ctx, 3))
    first_right = all_rows(ctx.database, cycles)[0]["cycle_at"]
    # Trakt does not say what time it is: the wrong clock is believed, and so are two cycles of it.
    sandbox.faults(WITHOUT_DATE)
    clock.turn(days=days)
    ahead = [run_cycle(ctx)[0].cycle_at for _ in range(2)]
    stub = what_else_waits(ctx)
    assert min(ahead) - started >= timedelta(days=days)
    clock.turn(days=-days)
    sandbox.faults()
    sandbox.control("epoch", {"advance": 1})

    report, batch = run_cycle(ctx)

    assert batch.ok
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []
    times = [row["cycle_at"] for row in sorted(all_rows(ctx.database, cycles), key=lambda row: row["id"])]
    assert times == sorted(times)
    assert times[0] == first_right
    assert times[2] - times[1] == timedelta(seconds=1)
    assert times[-1] == report.cycle_at <= datetime.now(UTC) + timedelta(minutes=1)
    assert all(not is_ahead(ctx, table, row) for table, row in own_rows(ctx))
    snapshots = all_rows(ctx.database, tables_of(SHOWS).snapshots)
    assert {row["created_at"] for row in snapshots} == set(times)
    named = {row["trending_updated_at"] for row in title_rows(ctx.database).values()} - {None}
    assert named <= set(times)
    moved = len([row for row in snapshots if row["created_at"] in times[1:3]])
    assert f"2 cycles dated back, in their order and with {moved} snapshots; " in report.notes[0]
    assert report.notes[0].startswith("this machine's clock was ahead: ")
    waits_no_longer(ctx, stub)


def what_else_waits(ctx: SyncContext) -> int:
    """What a wrong clock makes wait: failures, questions asked, a quota, lists of months to come.

    The failure is of a title that has a row and no list names, so that no sync of titles clears it; its TMDB id.
    """
    now = ctx.now()
    stub = next(tmdb_id for tmdb_id, row in title_rows(ctx.database).items() if row["trending_score"] is None)
    with ctx.database.writing() as conn:
        failures.record(conn, SHOWS, stub, "details", "it broke", now, spends_attempt=True, title=None, policy=PATIENCE)
        asked.record_check(conn, SHOWS, 1, asked.META, now, answered=False)
        asked.record_check(conn, MOVIES, 2, asked.OMDB, now, answered=True)
        quota.take(conn, "omdb", now.date().isoformat(), 1000, 30)
        monthly.put_list(conn, SHOWS, now.strftime("%Y-%m"), [(1, 11, 100)], now)
        monthly.put_list(conn, MOVIES, "2020-01", None, now)
    return stub


def waits_no_longer(ctx: SyncContext, stub: int) -> None:
    now = ctx.now()
    with ctx.database.reading() as conn:
        [failure] = [each for each in failures.all_failures(conn, SHOWS) if each.tmdb_id == stub]
        assert failure.next_attempt_at <= now
        assert failure.next_attempt_at - failure.last_failed_at == PATIENCE.first_delay
        assert asked.due(conn, SHOWS, [1], asked.META, now) == {1}
        assert asked.due(conn, MOVIES, [2], asked.OMDB, now) == {2}
        months = complete_months(now.date())
        assert sorted(monthly.known_months(conn, SHOWS, [*months, now.strftime("%Y-%m")])) == sorted(months)
        assert monthly.missing_months(conn, MOVIES, ["2020-01"], now) == ["2020-01"]
    assert all(row["day"] <= now.date().isoformat() for row in rows_of_quota(ctx))
    assert all(row["next_at"] <= now + 31 * DAY for row in all_rows(ctx.database, asked_table))


def rows_of_quota(ctx: SyncContext) -> list[RowMapping]:
    with ctx.database.reading() as conn:
        return list(conn.execute(quota_table.select()).mappings())


def own_rows(ctx: SyncContext) -> list[tuple[Table, RowMapping]]:
    with ctx.database.reading() as conn:
        return [(table, row) for table in metadata.sorted_tables for row in conn.execute(table.select()).mappings()]


def is_ahead(ctx: SyncContext, table: Table, row: RowMapping) -> bool:
    """Whether something that has happened is dated ahead of now."""
    dated = [c.name for c in table.columns if isinstance(c.type, UtcTimestamp)]
    happened = [row[name] for name in dated if name not in {"next_attempt_at", "next_at", "lease_until"}]
    return any(moment is not None and moment > ctx.now() + timedelta(minutes=5) for moment in happened)


def test_a_cycle_that_lies_ahead_answers_no_trigger(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> None:
    few = limited(ctx, 3)
    open_trending_cycle(few, SHOWS, RUN)
    with ctx.database.writing() as conn:
        conn.execute(cycles.update().values(created_at=datetime.now(UTC) + DAY))
    assert not open_trending_cycle(few, SHOWS, RUN, asked_at=datetime.now(UTC)).reused
