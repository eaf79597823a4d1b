"""Fresh beyond the list: what TMDB's feed names is asked about again, and what it does not name by time."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, update

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import due
from ratingo_pipelines.storage import titles as stored_titles
from ratingo_pipelines.storage.pipeline_tables import due_titles, failures, trending
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.changes import refresh_changed
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import BatchReport, Follower
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    limited,
    pass_time,
    run_cycle,
    title_rows,
)

LONG, SHORT = 40, 6
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
EPISODES = ("next_episode_season", "next_episode_number", "next_episode_air_date")


def left_the_list(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, medium: Medium = SHOWS) -> set[int]:
    """A long list, then a short one; the titles that only the first one named, each asked about since."""
    run_cycle(limited(ctx, LONG), medium)
    pass_time(sandbox, clock, hours=1)
    run_cycle(limited(ctx, SHORT), medium)
    refresh_changed(ctx, medium, RUN)
    named = {entry["tmdb"] for entry in sandbox.truth(medium, SHORT)}
    return {i for i, row in title_rows(ctx.database, medium).items() if row["rating_trakt"] is not None} - named


def truth_of(sandbox: RunningSandbox, medium: Medium, tmdb_id: int) -> Mapping[str, Any]:
    row: Mapping[str, Any] = sandbox.control(f"truth/{medium.plural}/{tmdb_id}")["row"]
    return row


def asked_of(report: BatchReport) -> tuple[int, int]:
    """Titles done, and TMDB's requests for them."""
    return report.succeeded, report.requests.get("tmdb", 0)


def test_a_show_that_left_the_list_and_changed_is_right_again_after_the_next_reading(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    left = left_the_list(ctx, sandbox, clock)
    assert left
    pass_time(sandbox, clock, epochs=1, days=1)

    def wrong() -> set[int]:
        rows = title_rows(ctx.database)
        truths = {tmdb_id: truth_of(sandbox, SHOWS, tmdb_id) for tmdb_id in left}
        return {i for i in left if any(rows[i][name] != truths[i][name] for name in EPISODES)}

    stale = wrong()
    assert stale
    sandbox.control("epoch", {"now": clock().isoformat()})
    report = refresh_changed(ctx, SHOWS, RUN)
    assert report.ok, report
    assert not wrong()
    assert not all_rows(ctx.database, due_titles)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_what_nothing_changed_of_is_asked_about_every_third_day_with_its_ratings_weekly_at_the_latest(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, medium: Medium
) -> None:
    left = left_the_list(ctx, sandbox, clock, medium)
    with ctx.database.writing() as conn:
        if medium is SHOWS:
            conn.execute(update(tables_of(medium).titles).values(next_episode_air_date=None))
    done, rated = [], []
    for _ in range(7):
        clock.turn(days=1)
        run_cycle(limited(ctx, SHORT), medium)
        with ctx.database.writing() as conn:
            if medium is SHOWS:
                conn.execute(update(tables_of(medium).titles).values(next_episode_air_date=None))
        report = refresh_changed(ctx, medium, RUN)
        done.append(report.succeeded)
        rated.append(report.requests.get("trakt", 0))
    assert done == [0, 0, len(left), 0, 0, len(left), 0]
    assert [bool(count) for count in rated] == [False, False, False, False, False, True, False]
    assert rated[5] <= len(left)


def test_a_show_whose_next_episode_has_aired_is_due_at_once(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    left = left_the_list(ctx, sandbox, clock)
    aired = {
        tmdb_id
        for tmdb_id, row in title_rows(ctx.database).items()
        if tmdb_id in left and (row["next_episode_air_date"] or "9") <= clock().date().isoformat()
    }
    chosen = next(iter(aired), min(left))
    with ctx.database.writing() as conn:
        table = tables_of(SHOWS).titles
        conn.execute(update(table).values(next_episode_air_date=None))
        yesterday = {"next_episode_air_date": YESTERDAY}
        conn.execute(update(table).where(table.c.tmdb_id == chosen).values(**yesterday))
    assert asked_of(refresh_changed(ctx, SHOWS, RUN))[0] == 1
    assert title_rows(ctx.database)[chosen]["next_episode_air_date"] != YESTERDAY


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "endpoint": "/tv/changes"},
        {"kind": "edit", "set": {"total_pages": "many"}, "endpoint": "/tv/changes"},
        {"kind": "edit", "set": {"results": None}, "endpoint": "/tv/changes"},
    ],
    ids=["no answer", "no number of pages", "no list"],
)
def test_a_feed_that_does_not_come_whole_is_read_again_from_the_same_moment(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, fault: dict[str, Any]
) -> None:
    left_the_list(ctx, sandbox, clock)
    pass_time(sandbox, clock, epochs=1, days=3)
    sandbox.control("epoch", {"now": clock().isoformat()})
    sandbox.faults({"api": "tmdb", **fault})
    broken = refresh_changed(ctx, SHOWS, RUN)
    assert "the feed of changes did not come" in str(broken.problems)
    assert broken.succeeded, "what is due by time is asked about all the same"
    sandbox.faults()
    pass_time(sandbox, clock, days=1)
    sandbox.control("epoch", {"now": clock().isoformat()})
    whole = refresh_changed(ctx, SHOWS, RUN)
    assert whole.problems == ()
    assert whole.succeeded, "the feed is read from before the time it did not come"


def test_a_feed_that_was_not_read_for_longer_than_it_tells_makes_all_listed_titles_due(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    left = left_the_list(ctx, sandbox, clock)
    listed = {i for i, row in title_rows(ctx.database).items() if row["rating_trakt"] is not None}
    assert listed > left
    pass_time(sandbox, clock, days=15)
    report = refresh_changed(ctx, SHOWS, RUN)
    assert report.succeeded == len(listed)
    assert "all that is listed is due" in str(report.notes)


def test_a_title_that_fails_stays_due_and_waits_for_its_next_try(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    left = sorted(left_the_list(ctx, sandbox, clock))
    pass_time(sandbox, clock, epochs=1, days=1)
    sandbox.control("epoch", {"now": clock().isoformat()})
    failing = left[0]
    with ctx.database.writing() as conn:
        table = tables_of(SHOWS).titles
        conn.execute(update(table).where(table.c.tmdb_id == failing).values(next_episode_air_date=YESTERDAY))
    sandbox.faults({"api": "tmdb", "kind": "status", "status": 500, "endpoint": f"/tv/{failing}"})
    report = refresh_changed(ctx, SHOWS, RUN)
    assert [failure.tmdb_id for failure in report.failures] == [failing]
    assert [row["tmdb_id"] for row in all_rows(ctx.database, failures)] == [failing]
    assert refresh_changed(ctx, SHOWS, RUN).failures == (), "it is not asked about again at once"
    sandbox.faults()
    clock.turn(hours=1)
    assert refresh_changed(ctx, SHOWS, RUN).ok
    assert not all_rows(ctx.database, failures)
    assert not all_rows(ctx.database, due_titles)


def test_a_feed_that_was_read_meanwhile_by_another_run_stays_read_to_where_that_one_came(ctx: SyncContext) -> None:
    now = ctx.now()
    for moment in (now, now - timedelta(days=1), now + timedelta(days=1)):
        with ctx.database.writing() as conn:
            due.remember_read(conn, SHOWS, moment)
    with ctx.database.reading() as conn:
        assert due.read_to(conn, SHOWS) == now + timedelta(days=1)


def test_two_that_note_the_same_titles_at_once_leave_each_once(ctx: SyncContext) -> None:
    barrier = Barrier(2)

    def note() -> None:
        barrier.wait()
        with ctx.database.writing() as conn:
            due.note(conn, SHOWS, range(1, 200), ctx.now())
            due.remember_read(conn, SHOWS, ctx.now())

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(note), pool.submit(note)]:
            done.result()
    assert [row["tmdb_id"] for row in all_rows(ctx.database, due_titles)] == list(range(1, 200))


def test_a_title_named_again_while_it_is_asked_about_stays_due(ctx: SyncContext) -> None:
    now = ctx.now()
    with ctx.database.writing() as conn:
        due.note(conn, SHOWS, [1], now)
        due.note(conn, SHOWS, [1], now + timedelta(seconds=1))
        due.done(conn, SHOWS, 1, now)
        assert due.since(conn, SHOWS, [1]) == {1: now + timedelta(seconds=1)}
        due.done(conn, SHOWS, 1, now + timedelta(seconds=1))
        assert due.since(conn, SHOWS, [1]) == {}


def test_ids_that_no_title_can_have_are_no_trouble(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> None:
    left_the_list(ctx, sandbox, clock)
    pass_time(sandbox, clock, epochs=1, days=1)
    sandbox.control("epoch", {"now": clock().isoformat()})
    sandbox.faults({"api": "tmdb", "kind": "edit", "set": {"results.0.id": 2**40}, "endpoint": "/tv/changes"})
    report = refresh_changed(ctx, SHOWS, RUN)
    assert report.problems == ()
    assert report.succeeded


def read_to(ctx: SyncContext) -> datetime | None:
    with ctx.database.reading() as conn:
        return due.read_to(conn, SHOWS)


def set_air_date(ctx: SyncContext, day: str | None) -> None:
    with ctx.database.writing() as conn:
        conn.execute(update(tables_of(SHOWS).titles).values(next_episode_air_date=day))


def test_a_first_reading_that_does_not_come_is_not_forgotten(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    first = clock()
    sandbox.faults({"api": "tmdb", "kind": "status", "status": 500, "endpoint": "/tv/changes"})
    assert refresh_changed(ctx, SHOWS, RUN).problems
    told = read_to(ctx)
    assert told is not None
    assert abs(told - first) < timedelta(minutes=1)


def test_a_clock_that_was_ahead_does_not_leave_the_feed_unread(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    with ctx.database.writing() as conn:
        due.remember_read(conn, SHOWS, clock() + timedelta(days=30))
    report = refresh_changed(ctx, SHOWS, RUN)
    told = read_to(ctx)
    assert told is not None
    assert told <= clock()
    assert "a clock that was ahead" in str(report.notes)
    assert report.succeeded, "what the feed would have named is due"


def test_titles_of_a_list_that_is_no_longer_fetched_are_due_by_time(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    refresh_changed(ctx, SHOWS, RUN)
    listed = [row for row in title_rows(ctx.database).values() if row["rating_trakt"] is not None]
    clock.turn(days=4)
    set_air_date(ctx, None)
    assert refresh_changed(ctx, SHOWS, RUN).succeeded == len(listed)


def test_an_episode_that_tmdb_names_for_ever_is_no_reason_to_ask_each_day(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    left = left_the_list(ctx, sandbox, clock)
    done = []
    for _ in range(6):
        clock.turn(days=1)
        run_cycle(limited(ctx, SHORT))
        set_air_date(ctx, "2020-01-01")
        done.append(refresh_changed(ctx, SHOWS, RUN).succeeded)
    assert done == [0, 0, len(left), 0, 0, len(left)]


def test_a_title_that_cannot_be_stored_waits_for_its_next_try(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = min(left_the_list(ctx, sandbox, clock))
    with ctx.database.writing() as conn:
        due.note(conn, SHOWS, [failing], clock())
    real = stored_titles.put_title

    def put_title(conn: Any, t: Any, known: Any, values: Mapping[str, Any]) -> int:
        if values["tmdb_id"] == failing:
            raise ValueError("it cannot be")
        return real(conn, t, known, values)

    monkeypatch.setattr(stored_titles, "put_title", put_title)
    assert [failure.stage for failure in refresh_changed(ctx, SHOWS, RUN).failures] == ["store"]
    assert refresh_changed(ctx, SHOWS, RUN).failures == (), "it is not asked about again at once"


@pytest.mark.parametrize(
    ("edited", "comes"),
    [
        ({"total_pages": 2**30}, False),
        ({"page": 7}, False),
        ({"results": [], "total_pages": 1, "total_results": 87}, False),
        ({"results": [], "total_pages": 0, "total_results": 0}, True),
    ],
    ids=["pages without end", "another page", "empty but for its total", "nothing changed"],
)
def test_a_feed_that_contradicts_itself_is_not_believed(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, edited: dict[str, Any], comes: bool
) -> None:
    run_cycle(ctx)
    refresh_changed(ctx, SHOWS, RUN)
    before = read_to(ctx)
    pass_time(sandbox, clock, epochs=1, days=1)
    sandbox.control("epoch", {"now": clock().isoformat()})
    sandbox.faults({"api": "tmdb", "kind": "edit", "set": edited, "endpoint": "/tv/changes"})
    report = refresh_changed(ctx, SHOWS, RUN)
    assert ("did not come" not in str(report.problems)) is comes
    assert (read_to(ctx) != before) is comes


def test_a_title_done_by_another_run_while_it_is_noted_again_is_not_lost(
    ctx: SyncContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ctx.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    now = ctx.now()
    with ctx.database.writing() as conn:
        due.note(conn, SHOWS, [1], now)
    real = update

    def done_just_before(table: Any) -> Any:
        with ctx.database.writing() as other:
            due.done(other, SHOWS, 1, now)
        return real(table)

    monkeypatch.setattr(due, "update", done_just_before)
    with ctx.database.writing() as conn:
        due.note(conn, SHOWS, [1], now + timedelta(seconds=1))
    with ctx.database.reading() as conn:
        assert due.since(conn, SHOWS, [1]) == {1: now + timedelta(seconds=1)}


@pytest.mark.parametrize("fault", [{"kind": "revoked"}, {"kind": "status", "status": 503}], ids=["refuses", "is gone"])
def test_details_are_stored_while_trakt_gives_no_ratings(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, fault: dict[str, Any]
) -> None:
    left = left_the_list(ctx, sandbox, clock)
    clock.turn(days=7)
    sandbox.faults({"api": "trakt", **fault})
    report = refresh_changed(ctx, SHOWS, RUN)
    assert report.succeeded >= len(left)
    assert (report.ok, report.failures, report.ratings) == (False, (), 0)
    assert report.stopped is not None
    assert "Trakt" in report.stopped
    with ctx.database.reading() as conn:
        later = due.titles_due(conn, tables_of(SHOWS), clock() + timedelta(days=3), None)
    assert {title.tmdb_id for title in later if title.ratings} >= left, "they stay due"


def test_a_place_of_the_list_without_a_title_keeps_nothing_from_being_due(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    left = left_the_list(ctx, sandbox, clock)
    with ctx.database.writing() as conn:
        place = dict(conn.execute(select(trending).order_by(trending.c.cycle_id.desc()).limit(1)).mappings().one())
        del place["id"]
        conn.execute(trending.insert().values(**place | {"rank": 999, "tmdb_id": None, "outcome": "pending"}))
        set_none = update(tables_of(SHOWS).titles).values(next_episode_air_date=None)
        conn.execute(set_none)
        found = due.titles_due(conn, tables_of(SHOWS), clock() + timedelta(days=3), place["cycle_id"])
    assert {title.tmdb_id for title in found} == left


def test_the_feed_s_own_requests_are_counted_and_what_trakt_is_asked_is_told_as_such(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(limited(ctx, LONG))
    run_cycle(limited(ctx, SHORT))
    before = sandbox.counters()["tmdb"]["requests"]
    begun: list[tuple[int, str]] = []
    report = refresh_changed(ctx, SHOWS, RUN, follower=Follower(on_start=lambda *told: begun.append(told)))
    assert report.requests["tmdb"] == sandbox.counters()["tmdb"]["requests"] - before > report.succeeded
    assert begun == [(report.fetched, "due"), (report.ratings, "due at Trakt")]
