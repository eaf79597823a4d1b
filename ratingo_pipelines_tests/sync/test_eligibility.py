"""Stored titles that turn out not to be for the list: when they leave it, and what goes with them."""

from typing import Any

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.ineligible import LISTED_BY
from ratingo_pipelines.storage.pipeline_tables import ineligible, trending
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.doubts import open_doubts
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    altered,
    eligible,
    limited,
    pass_time,
    run_cycle,
    title_rows,
)

DETAILS = {"api": "tmdb", "endpoint": "/{medium}/{id}"}
ANIMATION = {"id": 16, "name": "Animation"}


@pytest.fixture
def linked(ctx: SyncContext, sandbox: RunningSandbox) -> int:
    """The show of the list (TMDB id) that most others are related to, after a good cycle."""
    run_cycle(ctx)
    listed = eligible(sandbox.truth(SHOWS, 12))
    return max(listed, key=lambda tmdb_id: len(links(ctx, tmdb_id)))


def links(ctx: SyncContext, tmdb_id: int) -> list[int]:
    """The ids of the rows that link to a show; the column that repeats them says the same."""
    rows, t = title_rows(ctx.database), tables_of(SHOWS)
    found = [row["show_id"] for row in all_rows(ctx.database, t.related) if row[t.related_key] == rows[tmdb_id]["id"]]
    assert sorted(found) == sorted(row["id"] for row in rows.values() if tmdb_id in (row["related"] or ()))
    return found


def figures(ctx: SyncContext, tmdb_id: int) -> list[Any]:
    row = title_rows(ctx.database)[tmdb_id]
    return [row[name] for name in LISTED_BY]


def place(ctx: SyncContext, tmdb_id: int) -> tuple[str, str | None]:
    """Its outcome in the latest cycle, and why."""
    row = [row for row in all_rows(ctx.database, trending) if row["tmdb_id"] == tmdb_id][-1]
    return row["outcome"], row["reason"]


def doubts(ctx: SyncContext) -> list[str]:
    return [found.count.part for found in open_doubts(ctx.database)]


def assert_off_the_list(ctx: SyncContext, tmdb_id: int, reason: str) -> None:
    assert figures(ctx, tmdb_id) == [None] * 4
    assert place(ctx, tmdb_id) == ("skipped", reason)
    assert links(ctx, tmdb_id) == []
    assert [row["reason"] for row in all_rows(ctx.database, ineligible) if row["tmdb_id"] == tmdb_id] == [reason]
    assert doubts(ctx) == []
    row, t = title_rows(ctx.database)[tmdb_id], tables_of(SHOWS)
    assert row["overview"], "what is known of it stays"
    assert [one for one in all_rows(ctx.database, t.snapshots) if one["show_id"] == row["id"]]


def test_a_show_to_which_tmdb_adds_the_genre_leaves_the_list_with_the_second_answer(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, linked: int
) -> None:
    before = links(ctx, linked)
    genres = title_rows(ctx.database)[linked]["genres"]
    assert before
    sandbox.faults({"kind": "edit", **DETAILS, "ids": [linked], "set": {"genres": [ANIMATION]}})
    report = run_cycle(ctx)[1]
    assert (report.ok, doubts(ctx), place(ctx, linked)) == (True, ["anime"], ("done", None))
    assert None not in figures(ctx, linked)
    assert (links(ctx, linked), title_rows(ctx.database)[linked]["genres"]) == (before, genres)
    pass_time(sandbox, clock, hours=6)
    run_cycle(ctx)
    assert_off_the_list(ctx, linked, "anime filter: genre 16")
    # Related lists are asked for anew after a week.
    pass_time(sandbox, clock, days=8)
    run_cycle(ctx)
    assert_off_the_list(ctx, linked, "anime filter: genre 16")
    sandbox.faults()
    pass_time(sandbox, clock, days=8)
    run_cycle(ctx)
    assert None not in figures(ctx, linked)
    assert place(ctx, linked) == ("done", None)
    assert linked not in {row["tmdb_id"] for row in all_rows(ctx.database, ineligible)}


def test_a_show_that_tmdb_does_not_know_any_more_goes_on_until_the_second_answer(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, linked: int
) -> None:
    sandbox.faults({"kind": "fail", **DETAILS, "status": 404, "ids": [linked]})
    pass_time(sandbox, clock, epochs=1)
    trending_now, report = run_cycle(ctx)
    assert (report.ok, doubts(ctx), place(ctx, linked)) == (True, ["unknown"], ("done", None))
    row = title_rows(ctx.database)[linked]
    watchers = {entry["tmdb"]: entry["watchers"] for entry in sandbox.truth(SHOWS, 12)}
    assert (row["rating_trakt"], row["trending_updated_at"]) == (watchers[linked], trending_now.cycle_at)
    pass_time(sandbox, clock, hours=6)
    run_cycle(ctx)
    assert_off_the_list(ctx, linked, "unknown to TMDB")


def test_what_else_was_in_doubt_about_a_show_that_leaves_is_no_doubt_any_more(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, linked: int
) -> None:
    sandbox.faults({"kind": "lie", "name": "no_cast", "ids": [linked]})
    run_cycle(ctx)
    assert doubts(ctx) == ["cast"]
    sandbox.faults({"kind": "fail", **DETAILS, "status": 404, "ids": [linked]})
    pass_time(sandbox, clock, hours=1)
    run_cycle(ctx)
    assert set(doubts(ctx)) == {"cast", "unknown"}
    pass_time(sandbox, clock, hours=6)
    run_cycle(ctx)
    assert place(ctx, linked) == ("skipped", "unknown to TMDB")
    pass_time(sandbox, clock, hours=6)
    backfill_meta(ctx, SHOWS, RUN)
    assert_off_the_list(ctx, linked, "unknown to TMDB")


def test_what_our_own_setting_stops_leaves_the_list_with_the_next_cycle_named_by_it_or_not(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    listed = eligible(sandbox.truth(SHOWS, 12))
    named, left = listed[0], listed[-1]
    rows = title_rows(ctx.database)
    keywords = (rows[named]["title"], rows[left]["title"])
    other = altered(limited(ctx, 6), anime_keywords=keywords)
    opened = open_trending_cycle(other, SHOWS, RUN)
    assert any(note.startswith("2 shows were taken off the list") for note in opened.notes)
    for tmdb_id in (named, left):
        assert (figures(ctx, tmdb_id), links(ctx, tmdb_id)) == ([None] * 4, [])
    assert place(ctx, named) == ("skipped", f"anime filter: keyword '{keywords[0]}'")
    assert sync_pending(other, SHOWS, RUN).ok
    assert doubts(ctx) == []
    assert None not in figures(ctx, listed[1])


def test_a_show_that_trakt_now_calls_anime_is_doubted_though_it_is_told_before_anybody_is_asked(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, linked: int
) -> None:
    title = title_rows(ctx.database)[linked]["title"]
    at = [entry["tmdb"] for entry in sandbox.truth(SHOWS, 12)].index(linked)
    renamed = {f"{at}.show.title": f"{title} (Anime)"}
    sandbox.faults({"kind": "edit", "api": "trakt", "endpoint": "/{medium}/trending", "set": renamed})
    run_cycle(ctx)
    assert (doubts(ctx), place(ctx, linked), title_rows(ctx.database)[linked]["title"]) == (
        ["anime"],
        ("done", None),
        title,
    )
    pass_time(sandbox, clock, hours=6)
    run_cycle(ctx)
    assert_off_the_list(ctx, linked, "anime filter: keyword 'anime'")


def test_anime_is_not_let_in_by_a_cycle_without_genres_and_translations(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    ctx = limited(ctx, 100)
    anime = {entry["tmdb"] for entry in sandbox.truth(SHOWS, 100) if entry["skip"] == "anime"}
    assert len(anime) >= 3
    run_cycle(ctx)
    sandbox.faults(*({"kind": "lie", "name": name} for name in ("no_genres", "no_translations")))
    pass_time(sandbox, clock, hours=6)
    report = run_cycle(ctx)[1]
    assert not report.ok
    rows = title_rows(ctx.database)
    assert not [tmdb_id for tmdb_id in anime if tmdb_id in rows and rows[tmdb_id]["trending_score"] is not None]
    latest = all_rows(ctx.database, trending)[-100:]
    assert {row["outcome"] for row in latest if row["tmdb_id"] in anime} == {"skipped"}
