"""What a visitor of the site sees: units, order, translations, and titles that fail in part."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.pipeline_tables import asked
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.delisting import take_off_what_left
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines.sync.overview import watchers_by_day
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    altered,
    eligible,
    limited,
    run_cycle,
    title_rows,
)

SHOW = tables_of(SHOWS)
LISTED_BY = ("trending_score", "rating_trakt", "watchers_delta", "delta_3m")


def children(ctx: SyncContext, table: Any, tmdb_id: int) -> list[Any]:
    """A title's rows of a child table, by their ids."""
    title_id = title_rows(ctx.database)[tmdb_id]["id"]
    return [row for row in all_rows(ctx.database, table) if row["show_id"] == title_id]


def test_rises_and_falls_are_people_watching_now_and_never_months(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    first = {entry["tmdb"]: entry["watchers"] for entry in sandbox.truth(SHOWS, 12)}
    assert {row["watchers_delta"] for row in title_rows(ctx.database).values() if row["rating_trakt"]} == {0.0}

    clock.turn(hours=6)
    sandbox.control("epoch", {"advance": 1})
    run_cycle(ctx)

    now = {entry["tmdb"]: entry["watchers"] for entry in sandbox.truth(SHOWS, 12) if entry["skip"] is None}
    both = now.keys() & first.keys()
    rows = title_rows(ctx.database)
    assert len(both) > 5
    assert {i: rows[i]["watchers_delta"] for i in both} == {i: float(now[i] - first[i]) for i in both}


def test_a_snapshot_older_than_a_week_is_nothing_to_compare_with(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    clock.turn(days=7, minutes=1)
    sandbox.control("epoch", {"advance": 1})
    run_cycle(ctx)

    named = eligible(sandbox.truth(SHOWS, 12))
    rows = title_rows(ctx.database)
    assert {rows[tmdb_id]["watchers_delta"] for tmdb_id in named} == {0.0}


def test_a_title_whose_ratings_fail_is_on_the_list_all_the_same(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    seventh = [entry for entry in sandbox.truth(SHOWS, 12) if entry["skip"] is None][6]
    sandbox.faults({"kind": "fail", "api": "trakt", "endpoint": "/{medium}/{id}/ratings", "ids": [seventh["trakt"]]})

    trending, report = run_cycle(ctx)

    row = title_rows(ctx.database)[seventh["tmdb"]]
    assert [failure.tmdb_id for failure in report.failures] == [seventh["tmdb"]]
    assert row["trending_updated_at"] == trending.cycle_at
    assert None not in [row[name] for name in LISTED_BY]


def test_ids_ascend_in_the_order_of_the_list_whatever_was_there_before(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(ctx)
    [first, *_] = eligible(sandbox.truth(SHOWS, 12))
    before = children(ctx, SHOW.cast, first)
    with ctx.database.writing() as conn:
        # A lead is missing, as an older list had it: it must come back as the first, not as the last.
        conn.execute(delete(SHOW.cast).where(SHOW.cast.c.id == before[0]["id"]))

    sync_ids(ctx, SHOWS, RUN, [first], force=True)

    after = children(ctx, SHOW.cast, first)
    assert len(after) > 2
    assert [row["person_id"] for row in after] == [row["person_id"] for row in before]
    assert [row["created_at"] for row in after[1:]] == [row["created_at"] for row in before[1:]]
    sync_ids(ctx, SHOWS, RUN, [first], force=True)
    assert children(ctx, SHOW.cast, first) == after


def test_what_an_adopted_database_made_up_goes_with_the_first_answer(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    untranslated = sandbox.control("oddities")["no_ukrainian_translation"]["shows"][0]["tmdb"]
    sync_ids(ctx, SHOWS, RUN, [untranslated])
    row = title_rows(ctx.database)[untranslated]
    made_up = {"title_uk": row["title"], "overview_uk": row["overview"], "poster_uk": row["poster"]}
    with ctx.database.writing() as conn:
        conn.execute(update(SHOW.titles).where(SHOW.titles.c.tmdb_id == untranslated).values(made_up))

    sync_ids(ctx, SHOWS, RUN, [untranslated], force=True)

    after = title_rows(ctx.database)[untranslated]
    truth = sandbox.control(f"truth/shows/{untranslated}")["row"]
    assert {name: after[name] for name in made_up} == {name: truth[name] for name in made_up}
    assert after["title_uk"] is None


def test_a_0_under_imdb_or_metacritic_is_no_rating_and_goes(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    nameless = sandbox.control("oddities")["no_imdb_id"]["shows"][0]["tmdb"]
    zeros = {"rating_imdb": 0.0, "imdb_votes": 0, "rating_metacritic": 0.0}
    sync_ids(ctx, SHOWS, RUN, [nameless])
    _change(ctx, nameless, zeros)

    sync_ids(ctx, SHOWS, RUN, [nameless], force=True)

    assert [title_rows(ctx.database)[nameless][name] for name in zeros] == [None] * 3


def test_omdb_is_asked_about_a_title_that_has_0_for_a_rating(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ctx = limited(ctx, 3)
    run_cycle(ctx)
    [first, *_] = eligible(sandbox.truth(SHOWS, 3))
    zeros = {"rating_imdb": 0.0, "imdb_votes": 0, "rating_metacritic": 0.0, "primary_rating": 0.0}
    # What is shown is IMDb's where TMDB and Trakt know none.
    _change(ctx, first, {**zeros, "rating_tmdb": None, "rating_trakt_avg": None})

    backfill_omdb(ctx, SHOWS)

    row = title_rows(ctx.database)[first]
    told = sandbox.control(f"truth/shows/{first}")["facts"]["after_omdb"]
    assert (row["rating_imdb"], row["rating_metacritic"]) == (told["rating_imdb"], told["rating_metacritic"])
    assert row["primary_rating"] == row["rating_imdb"] > 0


def _change(ctx: SyncContext, tmdb_id: int, values: dict[str, Any]) -> None:
    with ctx.database.writing() as conn:
        conn.execute(update(SHOW.titles).where(SHOW.titles.c.tmdb_id == tmdb_id).values(values))


def test_a_stubs_title_and_imdb_id_follow_tmdb_and_omdb_is_asked_again(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    ctx = limited(ctx, 3)
    run_cycle(ctx)
    listed = set(eligible(sandbox.truth(SHOWS, 3)))
    stub = min(title_rows(ctx.database).keys() - listed)
    truth = sandbox.control(f"truth/shows/{stub}")["row"]
    with ctx.database.writing() as conn:
        values = {"title": "What Trakt's related list said", "imdb_id": "tt0000001"}
        conn.execute(update(SHOW.titles).where(SHOW.titles.c.tmdb_id == stub).values(values))
        once = {"asked_at": clock(), "next_at": clock() + timedelta(days=7), "empty_streak": 0}
        conn.execute(insert(asked).values(medium="shows", tmdb_id=stub, source="omdb", **once))

    backfill_meta(ctx, SHOWS, RUN)

    row = title_rows(ctx.database)[stub]
    assert row["imdb_id"] not in (None, "tt0000001")
    assert row["title"] == truth["title"]
    with ctx.database.reading() as conn:
        left = conn.execute(select(asked).where(asked.c.tmdb_id == stub, asked.c.source == "omdb")).all()
    assert left == []


@pytest.mark.parametrize(("days", "kept_for", "stays"), [(31, 30, False), (29, 30, True), (400, 0, True)])
def test_a_title_that_left_the_list_leaves_the_site_after_a_while(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, days: int, kept_for: int, stays: bool
) -> None:
    ctx = altered(ctx, listed_days=kept_for)
    run_cycle(ctx)
    before = set(eligible(sandbox.truth(SHOWS, 12)))
    clock.turn(days=days)

    run_cycle(limited(ctx, 6))

    gone = before - set(eligible(sandbox.truth(SHOWS, 6)))
    rows = title_rows(ctx.database)
    assert gone
    for tmdb_id in gone:
        assert [rows[tmdb_id][name] is None for name in LISTED_BY] == [not stays] * len(LISTED_BY)
        assert rows[tmdb_id]["title"]
        assert children(ctx, SHOW.snapshots, tmdb_id)


def test_while_the_new_list_is_not_worked_off_nothing_leaves(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    clock.turn(days=31)
    open_trending_cycle(limited(ctx, 6), SHOWS, RUN)

    assert take_off_what_left(ctx, SHOWS) == ()


def test_a_sparkline_begins_with_the_value_from_before_its_window(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    [first, *_] = eligible(sandbox.truth(SHOWS, 12))
    watchers = int(title_rows(ctx.database)[first]["rating_trakt"])
    clock.turn(days=45)

    with ctx.database.reading() as conn:
        assert watchers_by_day(conn, tables_of(SHOWS), first, clock()) == [watchers] * 30
