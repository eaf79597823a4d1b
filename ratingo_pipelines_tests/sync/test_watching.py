"""What is being watched, read from the database: in the order asked for, with what is known of each title."""

import pytest
from sqlalchemy import update

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.listing import Sort
from ratingo_pipelines.storage.pipeline_tables import trending
from ratingo_pipelines.sync.airings import sync_calendar
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.watching import watched
from ratingo_pipelines_tests.sync.syncing import Clock, all_rows, limited, pass_time, run_cycle, title_rows


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_it_is_the_sites_list_with_what_each_cycle_brought(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, medium: Medium
) -> None:
    run_cycle(ctx, medium)
    pass_time(sandbox, clock, epochs=1, hours=6)
    run_cycle(ctx, medium)

    found = watched(ctx.database, medium, clock())

    rows = title_rows(ctx.database, medium)
    assert len(found) > 5
    assert [title.rank for title in found] == list(range(1, len(found) + 1))
    assert [title.score for title in found] == sorted((title.score for title in found), reverse=True)
    for title in found:
        row = rows[title.tmdb_id]
        assert (title.title, title.original_title) == (row["title_uk"] or row["title"], row["title"])
        assert (title.watchers, title.change) == (row["rating_trakt"], row["watchers_delta"])
        assert (title.rating_trakt, title.rating_tmdb) == (row["rating_trakt_avg"], row["rating_tmdb"])
    both = [title for title in found if len(title.trend) == 2]
    assert both
    assert all(title.trend[1] - title.trend[0] == title.change for title in both if title.listed)
    assert any(title.watch_in_ukraine for title in found)


def test_by_how_many_places_a_title_rose_in_the_list_is_told(ctx: SyncContext) -> None:
    run_cycle(limited(ctx, 6))
    assert {title.rose for title in watched(ctx.database, SHOWS, ctx.now())} == {None}, "all are new to a first list"
    run_cycle(limited(ctx, 6))
    first, last = (
        place for place in all_rows(ctx.database, trending) if place["cycle_id"] == 1 and place["rank"] in {1, 6}
    )
    with ctx.database.writing() as conn:
        for place, rank in ((first, 99), (last, 1), (first, 6)):
            conn.execute(update(trending).where(trending.c.id == place["id"]).values(rank=rank))
    rose = {title.tmdb_id: title.rose for title in watched(ctx.database, SHOWS, ctx.now())}
    moved = {first["tmdb_id"]: 5, last["tmdb_id"]: -5}
    assert rose == dict.fromkeys(rose, 0) | {tmdb_id: places for tmdb_id, places in moved.items() if tmdb_id in rose}
    assert set(rose.values()) != {0}


@pytest.mark.parametrize(
    ("sort", "value"), [(Sort.WATCHERS, "watchers"), (Sort.DELTA, "change"), (Sort.DELTA_3M, "three_months")]
)
def test_it_is_sorted_by_what_is_asked_for(ctx: SyncContext, clock: Clock, sort: Sort, value: str) -> None:
    run_cycle(ctx)
    values = [getattr(title, value) for title in watched(ctx.database, SHOWS, clock(), sort, limit=5)]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)


def test_a_shows_next_episode_is_the_calendars_first_one(ctx: SyncContext, clock: Clock) -> None:
    run_cycle(ctx)
    assert all(title.next_episode is None for title in watched(ctx.database, SHOWS, clock()))
    sync_calendar(ctx)
    coming = [title.next_episode for title in watched(ctx.database, SHOWS, clock()) if title.next_episode]
    assert coming
    assert all(clock().strftime("%Y-%m-%d") <= episode.airs_at for episode in coming)


def test_a_title_that_the_latest_list_does_not_name_is_told_apart(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    assert all(title.listed for title in watched(ctx.database, SHOWS, clock()))
    for _ in range(8):
        pass_time(sandbox, clock, epochs=1, hours=6)
        run_cycle(ctx)
    standing = {title.listed for title in watched(ctx.database, SHOWS, clock(), limit=50)}
    assert standing == {True, False}


def test_before_the_first_cycle_nothing_is_watched(ctx: SyncContext, clock: Clock) -> None:
    assert watched(ctx.database, SHOWS, clock()) == ()
