"""Whose value is written where several sources may give one: the decision in a table, and what cycles store of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage.pipeline_tables import provenance, trending
from ratingo_pipelines.storage.provenance import Origin, move, origins_of
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.omdb import backfill_omdb, backfill_omdb_ids
from ratingo_pipelines.sync.precedence import HELD, PRECEDENCE, RENEWED, settle
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines_tests.sync.syncing import Clock, limited, run_cycle, title_rows

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RATINGS = [TitleStage.RATINGS]
ROW = {"rating_imdb": 8.0, "imdb_votes": 100, "rating_metacritic": 70.0, "imdb_id": "tt1", "title": "One"}
SOON, LATE = NOW - timedelta(days=6), NOW - HELD
"""When the stored value was answered."""
THEIRS = {"rating_imdb": 7.0, "imdb_votes": 90}
NOT_NOTED, NOT_WRITTEN = None, dict[str, Any]()


@pytest.mark.parametrize(
    ("told", "said_by", "stored", "written", "noted"),
    [
        (THEIRS, "trakt", None, THEIRS, "trakt"),
        (THEIRS, "trakt", ("omdb", SOON), NOT_WRITTEN, NOT_NOTED),
        (THEIRS, "trakt", ("omdb", LATE), THEIRS, "trakt"),
        (THEIRS, "omdb", ("trakt", SOON), THEIRS, "omdb"),
        (THEIRS, "omdb", ("imdb", SOON), NOT_WRITTEN, NOT_NOTED),
        (THEIRS, "imdb", ("omdb", SOON), THEIRS, "imdb"),
        ({"rating_imdb": 8.0, "imdb_votes": 100}, "trakt", ("omdb", LATE), NOT_WRITTEN, NOT_NOTED),
        ({"rating_imdb": 8.0, "imdb_votes": 101}, "trakt", ("omdb", LATE), {"rating_imdb": 8.0}, "trakt"),
        ({"rating_imdb": 8.0, "imdb_votes": 100}, "omdb", ("trakt", SOON), {"rating_imdb": 8.0}, "omdb"),
        ({"rating_imdb": 8.0}, "trakt", ("trakt", NOW - RENEWED / 2), {"rating_imdb": 8.0}, NOT_NOTED),
        ({"rating_imdb": 8.0}, "trakt", ("trakt", NOW - RENEWED), {"rating_imdb": 8.0}, "trakt"),
        ({"rating_imdb": None}, "omdb", ("trakt", LATE), {"rating_imdb": None}, NOT_NOTED),
        ({"title": "Two"}, "tmdb", ("trakt", NOW - timedelta(days=900)), NOT_WRITTEN, NOT_NOTED),
        ({"title": "Two"}, "trakt", ("tmdb", SOON), {"title": "Two"}, "trakt"),
        ({"imdb_id": "tt2"}, "tmdb", ("trakt", SOON), NOT_WRITTEN, NOT_NOTED),
        ({"imdb_id": "tt2"}, "tmdb", ("trakt", LATE), {"imdb_id": "tt2"}, "tmdb"),
        ({"rating_metacritic": 60.0}, "trakt", ("omdb", SOON), NOT_WRITTEN, NOT_NOTED),
    ],
)
def test_the_first_source_that_answered_within_a_week_is_believed(
    told: dict[str, Any],
    said_by: str,
    stored: tuple[str, Any] | None,
    written: dict[str, Any],
    noted: str | None,
) -> None:
    [value] = told.keys() & PRECEDENCE.keys()
    origins = {value: Origin(*stored)} if stored else {}
    settled = settle(told, {value: said_by}, ROW, origins, NOW)
    assert settled.columns.items() >= written.items()
    assert bool(settled.columns) == bool(written)
    assert settled.origins == ({value: Origin(noted, NOW)} if noted else {})


def test_ratings_that_were_anothers_hold_no_place() -> None:
    origins = {"imdb_id": Origin("tmdb", SOON), "rating_imdb": Origin("omdb", SOON)}
    told, said_by = {"imdb_id": "tt2", **THEIRS}, {"imdb_id": "trakt", "rating_imdb": "trakt"}
    assert settle(told, said_by, ROW, origins, NOW).columns == told
    assert settle(told, said_by, ROW | {"imdb_id": "tt2"}, origins, NOW).columns == {"imdb_id": "tt2"}


def test_what_the_old_sync_made_up_gives_way_to_any() -> None:
    made_up = ROW | {"rating_imdb": 0.0, "imdb_votes": 0}
    assert settle(THEIRS, {"rating_imdb": "trakt"}, made_up, {"rating_imdb": Origin("omdb", SOON)}, NOW).columns


def stored_origins(ctx: SyncContext) -> dict[int, dict[str, Origin]]:
    with ctx.database.reading() as conn:
        return origins_of(conn, SHOWS, title_rows(ctx.database))


def test_each_value_is_stored_with_its_source_and_omdbs_outlives_the_cycles_of_a_week(
    ctx: SyncContext, clock: Clock
) -> None:
    run_cycle(limited(ctx, 12))
    rated = {i for i, row in title_rows(ctx.database).items() if row["rating_imdb"] and row["trending_score"]}
    first = stored_origins(ctx)
    assert {first[i]["rating_imdb"].source for i in rated} == {"trakt"}
    assert {first[i]["title"].source for i in rated} == {"trakt"}
    tmdb_id = min(rated)
    backfill_omdb(ctx, SHOWS)
    assert stored_origins(ctx)[tmdb_id]["rating_imdb"].source == "omdb"

    titles = tables_of(SHOWS).titles
    with ctx.database.writing() as conn:
        conn.execute(update(titles).where(titles.c.tmdb_id == tmdb_id).values(rating_imdb=1.5))
    clock.turn(days=6)
    sync_ids(ctx, SHOWS, "later", [tmdb_id], stages=RATINGS, force=True)
    assert title_rows(ctx.database)[tmdb_id]["rating_imdb"] == 1.5, "Trakt's came, and OMDb's stayed"
    clock.turn(days=2)
    sync_ids(ctx, SHOWS, "later still", [tmdb_id], stages=RATINGS, force=True)
    assert title_rows(ctx.database)[tmdb_id]["rating_imdb"] != 1.5
    assert stored_origins(ctx)[tmdb_id]["rating_imdb"].source == "trakt"
    backfill_omdb_ids(ctx, SHOWS, [tmdb_id], force=True)
    assert stored_origins(ctx)[tmdb_id]["rating_imdb"].source == "omdb"


@pytest.mark.parametrize(("given_by", "stays"), [("trakt", True), (None, True), ("tmdb", False)])
def test_a_name_of_trakts_outlives_its_place_in_the_lists_and_one_of_tmdbs_follows_tmdb(
    ctx: SyncContext, given_by: str | None, stays: bool
) -> None:
    run_cycle(limited(ctx, 2))
    tmdb_id, told = next(iter(stored_origins(ctx).items()))
    titles, mine = tables_of(SHOWS).titles, provenance.c.tmdb_id == tmdb_id
    with ctx.database.writing() as conn:
        conn.execute(delete(trending))
        conn.execute(update(titles).where(titles.c.tmdb_id == tmdb_id).values(title="Another name"))
        conn.execute(update(provenance).where(mine, provenance.c.value == "title").values(source=given_by or ""))
        if given_by is None:
            conn.execute(delete(provenance).where(mine))
    sync_ids(ctx, SHOWS, "later", [tmdb_id], stages=[TitleStage.DETAILS], force=True)
    assert told["title"].source == "trakt"
    assert (title_rows(ctx.database)[tmdb_id]["title"] == "Another name") is stays


def test_origins_follow_a_title_to_the_id_it_was_merged_into(ctx: SyncContext) -> None:
    run_cycle(limited(ctx, 2))
    tmdb_id, told = next(iter(stored_origins(ctx).items()))
    with ctx.database.writing() as conn:
        move(conn, SHOWS, tmdb_id, 1)
        assert origins_of(conn, SHOWS, [tmdb_id, 1]) == {1: told}
