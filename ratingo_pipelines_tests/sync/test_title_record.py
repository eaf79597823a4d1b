"""All that is known and on record of one title, and how a title is found by its name."""

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import CycleTitle
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines.sync.title_record import TitleRecord, named, record_of
from ratingo_pipelines_tests.sync.syncing import Clock, altered, pass_time, run_cycle, title_rows


def places(ctx: SyncContext, medium: Medium, outcome: str) -> list[CycleTitle]:
    """The titles of the latest cycle of which that came."""
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        assert cycle is not None
        return cycles.titles_of(conn, cycle.id, outcome)


def record(ctx: SyncContext, medium: Medium, tmdb_id: int) -> TitleRecord:
    found = record_of(ctx.database, medium, tmdb_id, ctx.now())
    assert found is not None
    return found


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_each_fact_is_the_rows_with_its_source(ctx: SyncContext, medium: Medium) -> None:
    run_cycle(ctx, medium)
    first = places(ctx, medium, "done")[0]
    found, row = record(ctx, medium, first.tmdb_id), title_rows(ctx.database, medium)[first.tmdb_id]
    assert (found.id, found.title, found.title_uk, found.listed) == (row["id"], row["title"], row["title_uk"], True)
    facts = {fact.name: fact for fact in found.facts}
    assert {name: fact.value for name, fact in facts.items()} == {name: row[name] for name in facts}
    assert {fact.source for fact in found.facts} >= {"TMDB", "Trakt", "computed"}
    assert (facts["rating_trakt"].source, facts["title"].source) == ("Trakt", "Trakt")
    assert facts["title"].answered_at is not None
    assert found.links["TMDB"].endswith(f"/{medium.tmdb_path}/{first.tmdb_id}")
    assert found.links["Trakt"] == f"https://trakt.tv/{medium.plural}/{first.slug}"


def test_a_rating_is_the_sources_that_gave_it_last(ctx: SyncContext) -> None:
    run_cycle(ctx)
    tmdb_id = next(i for i, row in title_rows(ctx.database).items() if row["imdb_votes"] and row["trending_score"])
    of_cycle = {fact.name: fact for fact in record(ctx, SHOWS, tmdb_id).facts}
    backfill_omdb(ctx, SHOWS)
    found = {fact.name: fact for fact in record(ctx, SHOWS, tmdb_id).facts}
    for name in ("rating_imdb", "imdb_votes"):
        assert (of_cycle[name].source, found[name].source) == ("Trakt", "OMDb")
        assert found[name].answered_at is not None


def test_its_places_in_the_last_cycles_come_newest_first(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    for _ in range(3):
        run_cycle(ctx)
        pass_time(sandbox, clock, hours=6)
    first = places(ctx, SHOWS, "done")[0]
    told = record(ctx, SHOWS, first.tmdb_id).places
    assert [place.cycle_id for place in told] == [3, 2, 1]
    assert {place.outcome for place in told} == {"done"}
    assert told[0].watchers == first.watchers


def test_when_it_is_asked_about_next_is_told(ctx: SyncContext) -> None:
    run_cycle(ctx)
    backfill_omdb(ctx, SHOWS)
    found = record(ctx, SHOWS, places(ctx, SHOWS, "done")[0].tmdb_id)
    asked = {each.source: each for each in found.asked}
    assert "omdb" in asked
    assert asked["omdb"].next_at > asked["omdb"].asked_at


def test_a_title_that_is_skipped_has_no_row_and_tells_why(ctx: SyncContext) -> None:
    run_cycle(altered(ctx, trending_limit=100))
    skipped = [title for title in places(ctx, SHOWS, "skipped") if title.reason == "unknown to TMDB"]
    assert skipped
    found = record(ctx, SHOWS, skipped[0].tmdb_id)
    assert (found.id, found.facts, found.listed) == (None, (), False)
    assert found.places[0].reason == "unknown to TMDB"


def test_what_fails_is_told_with_its_reason(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    title = places(ctx, SHOWS, "done")[0]
    sandbox.faults({"kind": "status", "status": 500, "api": "tmdb", "endpoint": f"/tv/{title.tmdb_id}"})
    run_cycle(ctx)
    found = record(ctx, SHOWS, title.tmdb_id)
    assert [failure.stage for failure in found.failures] == ["details"]
    assert found.places[0].outcome == "error"
    assert found.facts


def test_a_title_is_found_by_its_name_in_both_languages_whatever_the_case(ctx: SyncContext) -> None:
    run_cycle(ctx, MOVIES)
    row = next(row for row in title_rows(ctx.database, MOVIES).values() if row["title_uk"] and row["trending_score"])
    for name in (row["title"], row["title_uk"], row["title"].upper(), row["title_uk"].upper()):
        assert row["tmdb_id"] in [found.tmdb_id for found in named(ctx.database, MOVIES, name)]
    part = row["title_uk"][1:-1]
    assert row["tmdb_id"] in [found.tmdb_id for found in named(ctx.database, MOVIES, part)]
    assert named(ctx.database, MOVIES, "no such title as this") == []


def test_a_name_that_is_exactly_so_goes_before_those_that_hold_it(ctx: SyncContext) -> None:
    run_cycle(ctx)
    titles = {row["tmdb_id"]: row["title"] for row in title_rows(ctx.database).values()}
    for tmdb_id, title in titles.items():
        found = [name.tmdb_id for name in named(ctx.database, SHOWS, title)]
        assert tmdb_id in found
        assert all(titles[other].casefold() == title.casefold() for other in found)


def test_a_title_that_nobody_named_has_no_record(ctx: SyncContext) -> None:
    assert record_of(ctx.database, SHOWS, 99, ctx.now()) is None
