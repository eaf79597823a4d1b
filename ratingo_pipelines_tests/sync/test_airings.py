"""The calendar: what airs of the shows that the site lists, and what is removed again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import BadPayload
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines.sync.airings import prune_calendar, sync_calendar
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines_tests.sync.syncing import Clock, all_rows, eligible, run_cycle, title_rows

KINDS = {"season_premiere": "premiere", "season_finale": "finale", "series_finale": "finale", "standard": "episode"}


def calendar(sandbox: RunningSandbox, ctx: SyncContext) -> list[Mapping[str, Any]]:
    """What Trakt says of the days that the sync_context asks about."""
    path = f"/calendars/all/shows/{ctx.now():%Y-%m-%d}/{ctx.settings.airings_calendar_days}"
    headers = {"trakt-api-key": sandbox.key_of("trakt"), "trakt-api-version": "2"}
    answer = requests.get(sandbox.url_of("trakt") + path, {"extended": "full"}, headers=headers, timeout=30)
    found: list[Mapping[str, Any]] = answer.json()
    return found


def stored(ctx: SyncContext) -> dict[tuple[int, int, int], Mapping[str, Any]]:
    return {(row["tmdb_id"], row["season"], row["episode"]): row for row in all_rows(ctx.database, show_airings)}


def test_the_calendar_of_listed_shows_is_stored_as_trakt_tells_it(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    report = sync_calendar(ctx)
    rows, titles = stored(ctx), title_rows(ctx.database)
    listed = set(eligible(sandbox.truth(SHOWS, 12)))
    expected = {
        (entry["show"]["ids"]["tmdb"], entry["episode"]["season"], entry["episode"]["number"]): entry
        for entry in calendar(sandbox, ctx)
        if entry["show"]["ids"]["tmdb"] in listed
    }
    assert expected
    assert rows.keys() == expected.keys()
    assert (report.processed, report.inserted) == (len(expected), len(expected))
    for key, entry in expected.items():
        row, kind = rows[key], entry["episode"].get("episode_type")
        assert row["show_id"] == titles[key[0]]["id"]
        assert row["trakt_id"] == entry["show"]["ids"]["trakt"]
        assert (row["title"], row["episode_title"]) == (entry["show"]["title"], entry["episode"]["title"])
        assert (row["air_date"], row["network"]) == (entry["first_aired"], entry["show"]["network"])
        assert row["type"] == (KINDS[kind] if kind else "premiere" if key[2] == 1 else "episode")


def test_a_second_sync_changes_nothing_and_a_moved_episode_moves(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    before = stored(ctx)
    again = sync_calendar(ctx)
    assert (again.inserted, again.updated, again.deleted) == (0, 0, 0)
    sandbox.control("epoch", {"advance": 3})
    moved = sync_calendar(ctx)
    assert moved.updated > 0
    after = stored(ctx)
    assert {key: row["id"] for key, row in after.items() if key in before} == {
        key: row["id"] for key, row in before.items() if key in after
    }


def test_a_calendar_that_cannot_be_read_removes_nothing(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    before = stored(ctx)
    sandbox.faults({"kind": "types", "api": "trakt", "endpoint": "/calendars/*"})
    with pytest.raises(BadPayload):
        sync_calendar(ctx)
    assert stored(ctx) == before


FIVE_DAYS = timedelta(days=5)


def of_piece(ctx: SyncContext, number: int, **fault: Any) -> dict[str, Any]:
    """A fault of one piece of the calendar alone, counted from 0."""
    start = ctx.now() + number * FIVE_DAYS
    return {"api": "trakt", "endpoint": f"/calendars/all/shows/{start:%Y-%m-%d}/*", **fault}


def within(ctx: SyncContext, number: int, air_date: str) -> bool:
    """Whether an episode airs on the days of a piece."""
    start = ctx.now() + number * FIVE_DAYS
    return f"{start:%Y-%m-%d}" <= air_date < f"{start + FIVE_DAYS:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "types"}, "did not come (Trakt: "),
        ({"kind": "list", "empty": True}, "is empty"),
        ({"kind": "list", "nulls": 0.5}, "names a show in only "),
        ({"kind": "list", "repeat": True}, "has only 1 episode in "),
        ({"kind": "edit", "set": {"*.first_aired": "2031-01-01T00:00:00.000Z"}}, "tells of other days only"),
    ],
    ids=["failed", "empty", "nulls", "one episode alone", "other days"],
)
def test_days_that_did_not_come_stay_as_they_are_and_are_named(
    ctx: SyncContext, sandbox: RunningSandbox, fault: dict[str, Any], said: str
) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    before = stored(ctx)
    with ctx.database.writing() as conn:
        # What the other days say is stored all the same.
        conn.execute(update(show_airings).values(network="none"))
    sandbox.control("epoch", {"advance": 2})
    sandbox.faults(of_piece(ctx, 1, **fault))

    report = sync_calendar(ctx)

    days = f"{ctx.now() + FIVE_DAYS:%Y-%m-%d} to {ctx.now() + 2 * FIVE_DAYS - timedelta(days=1):%Y-%m-%d}"
    assert (report.ok, report.days_missing) == (False, (days,))
    [note] = report.notes
    assert note.startswith(f"the calendar of {days} {said}")
    assert note.endswith("; what is known of these days stays")
    after = stored(ctx)
    kept = {key: row for key, row in before.items() if within(ctx, 1, row["air_date"])}
    assert kept
    assert kept.keys() <= after.keys()
    told = {key: row for key, row in after.items() if not within(ctx, 1, row["air_date"])}
    assert {row["network"] for key, row in told.items() if key not in kept} & {"none"} == set()
    sandbox.faults()
    assert sync_calendar(ctx).ok


def test_a_calendar_of_which_no_piece_comes_changes_nothing(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    before = stored(ctx)
    sandbox.faults({"kind": "list", "api": "trakt", "endpoint": "/calendars/*", "empty": True})
    report = sync_calendar(ctx)
    assert (report.ok, report.nothing_came, len(report.days_missing)) == (False, True, 6)
    assert stored(ctx) == before


@pytest.mark.parametrize(
    "edit",
    [
        {"set": {"*.first_aired": "sometime"}},
        {"set": {"*.episode.number": "several"}},
        {"set": {"0.show": None}, "drop": ["1"]},
        {"set": {"*.show.ids.tmdb": None}},
    ],
    ids=["no time", "no number", "one names no show and another is gone", "no TMDB ids"],
)
def test_an_episode_of_which_something_cannot_be_read_keeps_its_row(
    ctx: SyncContext, sandbox: RunningSandbox, edit: dict[str, Any]
) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    before = stored(ctx)
    sandbox.faults(of_piece(ctx, 1, kind="edit", **edit))
    sync_calendar(ctx)
    assert stored(ctx) == before


def test_an_empty_calendar_removes_nothing(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    before = stored(ctx)
    sandbox.control("epoch", {"today": "2031-01-01"})
    assert calendar(sandbox, ctx) == []
    assert sync_calendar(ctx).deleted == 0
    assert stored(ctx) == before


def test_pruning_removes_what_aired_long_ago_and_what_is_not_listed(ctx: SyncContext, clock: Clock) -> None:
    run_cycle(ctx)
    sync_calendar(ctx)
    rows = stored(ctx)
    shows = sorted({key[0] for key in rows})
    titles = tables_of(SHOWS).titles
    with ctx.database.writing() as conn:
        conn.execute(update(titles).where(titles.c.tmdb_id == shows[0]).values(rating_trakt=None))
    unlisted = {key for key in rows if key[0] == shows[0]}
    assert prune_calendar(ctx).deleted == len(unlisted)
    assert stored(ctx).keys() == rows.keys() - unlisted
    clock.turn(days=ctx.settings.airings_keep_days + 14)
    before = (clock() - timedelta(days=ctx.settings.airings_keep_days)).strftime("%Y-%m-%dT%H:%M:%S")
    prune_calendar(ctx)
    assert stored(ctx).keys() == {key for key in rows.keys() - unlisted if rows[key]["air_date"] >= before}
    assert stored(ctx)
