"""Answers that empty or deny: what is known stays until it is believed, and it is told what is doubted."""

from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.lies import PARTS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import doubts
from ratingo_pipelines.storage.doubts import Doubt
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import cycles
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.doubts import accept, open_doubts
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.status import status_of_media
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, all_rows, eligible, pass_time, run_cycle, title_rows

POSTERS = {"api": "tmdb", "endpoint": "/{medium}/{id}"}
MOVING = {"updated_at", "trending_updated_at", "watchers_delta", "delta_3m"}
"""Columns that each cycle may change, whatever the sources say."""
Facts = dict[tuple[str, int, str], Any]


def facts(database: Database, medium: Medium) -> Facts:
    """All that is stored of a medium's titles, without what moves: (table, row, column) -> value."""
    t = tables_of(medium)
    return {
        (table.name, row["id"], name): value
        for table in (t.titles, *t.children)
        for row in all_rows(database, table)
        for name, value in row.items()
        if name not in MOVING
    }


def changed(before: Facts, after: Facts) -> dict[tuple[str, int, str], tuple[Any, Any]]:
    """The facts that differ, as they were and as they are."""
    both = before.keys() | after.keys()
    return {place: (before.get(place), after.get(place)) for place in both if before.get(place) != after.get(place)}


def doubted(database: Database, medium: Medium = SHOWS) -> list[Doubt]:
    return [doubt for found in open_doubts(database, [medium]) for doubt in found.titles]


def keys(database: Database, medium: Medium = SHOWS) -> set[str]:
    return {f"{doubt.part} {doubt.region}".rstrip() for doubt in doubted(database, medium)}


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_cycle_whose_answers_all_lack_every_part_changes_no_row_for_the_worse_and_fails(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, medium: Medium
) -> None:
    run_cycle(ctx, medium)
    before = facts(ctx.database, medium)
    sandbox.faults(*({"kind": "lie", "name": lie} for lie in PARTS if lie != "no_ratings"))
    _, report = run_cycle(ctx, medium)
    assert changed(before, facts(ctx.database, medium)) == {}
    assert not report.ok
    assert report.failures == ()
    assert any("TMDB says that" in said and "have no cast any more" in said for said in report.problems)
    assert any("Trakt says that" in said and "no buckets any more" in said for said in report.problems)
    many = {
        (count.part, count.region)
        for count in status_of_media(ctx.database, clock())[MEDIA.index(medium)].doubts
        if count.many
    }
    assert many >= {("cast", ""), ("genres", ""), ("overview", "en-US"), ("buckets", "")}
    sandbox.faults()
    assert run_cycle(ctx, medium)[1].ok
    assert doubted(ctx.database, medium) == []
    assert differences(ctx.database, medium, sandbox.truth(medium, 12)) == []


@pytest.fixture
def lost(ctx: SyncContext, sandbox: RunningSandbox) -> int:
    """A show (TMDB id) that has providers in Ukraine and elsewhere, after a good cycle; TMDB then lists none."""
    run_cycle(ctx)
    rows = title_rows(ctx.database)
    regions = {tmdb_id: {offer["region"] for offer in row["watch_providers"] or ()} for tmdb_id, row in rows.items()}
    chosen = next(i for i in eligible(sandbox.truth(SHOWS, 12)) if regions[i] == {"UA", "US"})
    sandbox.faults({"kind": "lie", "name": "no_providers", "ids": [chosen]})
    return chosen


def offers(ctx: SyncContext, tmdb_id: int) -> list[str]:
    """The regions of a show's offers, as its child table and its own row have them."""
    row, t = title_rows(ctx.database)[tmdb_id], tables_of(SHOWS)
    own_offers = [offer["region"] for offer in row["watch_providers"]]
    children = [offer["region"] for offer in all_rows(ctx.database, t.watch_providers) if offer["show_id"] == row["id"]]
    assert sorted(own_offers) == sorted(children)
    return children


def test_one_title_that_really_lost_its_providers_loses_them_with_the_next_answer_five_hours_on(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, lost: int
) -> None:
    before = offers(ctx, lost)
    report = run_cycle(ctx)[1]
    assert (report.ok, report.problems) == (True, ())
    assert any(note.startswith("1 show came without what they had") or "1 show came" in note for note in report.notes)
    assert keys(ctx.database) == {"providers UA", "providers US"}
    pass_time(sandbox, clock, hours=4, minutes=59)
    run_cycle(ctx)
    assert offers(ctx, lost) == before
    pass_time(sandbox, clock, minutes=2)
    report = run_cycle(ctx)[1]
    assert offers(ctx, lost) == []
    assert "1 show lost what two answers say is gone (providers UA: 1, providers US: 1)." in report.notes
    assert doubted(ctx.database) == []
    with ctx.database.reading() as conn:
        assert doubts.counts(conn, SHOWS) == []


def test_an_answer_that_has_the_part_again_ends_the_doubt(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, lost: int
) -> None:
    before = offers(ctx, lost)
    run_cycle(ctx)
    sandbox.faults()
    run_cycle(ctx)
    assert doubted(ctx.database) == []
    sandbox.faults({"kind": "lie", "name": "no_providers", "ids": [lost]})
    pass_time(sandbox, clock, hours=6)
    run_cycle(ctx)
    assert offers(ctx, lost) == before, "it is doubted anew"


def test_a_title_in_doubt_that_left_the_list_is_asked_about_again_by_the_meta_backfill(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, lost: int
) -> None:
    trakt = next(entry["trakt"] for entry in sandbox.truth(SHOWS, 12) if entry["tmdb"] == lost)
    lies = [{"kind": "lie", "name": "no_providers", "ids": [lost]}]
    lies += [{"kind": "lie", "name": name, "ids": [trakt]} for name in ("no_distribution", "no_related")]
    sandbox.faults(*lies)
    sync_ids(ctx, SHOWS, RUN, [lost], force=True)
    assert keys(ctx.database) == {"providers UA", "providers US", "buckets", "related"}
    backfill_meta(ctx, SHOWS, RUN)
    assert len(keys(ctx.database)) == 4
    asked = sandbox.counters()["tmdb"]["endpoints"]["/{medium}/{id}"]
    assert backfill_meta(ctx, SHOWS, RUN).fetched == 0, "it is not yet due"
    pass_time(sandbox, clock, hours=5, minutes=1)
    report = backfill_meta(ctx, SHOWS, RUN)
    assert report.fetched == sandbox.counters()["tmdb"]["endpoints"]["/{medium}/{id}"] - asked
    assert doubted(ctx.database) == []
    assert offers(ctx, lost) == []
    row, t = title_rows(ctx.database)[lost], tables_of(SHOWS)
    assert row["related"] == []
    for table, left in ((t.related, []), (t.rating_buckets, [0] * 10)):
        rows = [one for one in all_rows(ctx.database, table) if one["show_id"] == row["id"]]
        assert [one.get("count") for one in rows] == left


def test_what_is_said_of_many_titles_is_believed_after_a_week_or_when_a_person_says_so(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    sandbox.faults(*({"kind": "lie", "name": lie} for lie in ("no_cast", "no_videos", "no_votes", "no_texts")))
    before = title_rows(ctx.database)
    for _ in range(2):
        report = run_cycle(ctx)[1]
        assert len(report.problems) >= 4, "it is raised each time"
        pass_time(sandbox, clock, days=3)
    kept = {tmdb_id: row["videos"] for tmdb_id, row in title_rows(ctx.database).items()}
    assert kept == {tmdb_id: row["videos"] for tmdb_id, row in before.items()}
    assert accept(ctx.settings, ctx.database, "cast", None, [SHOWS]) > 5
    assert not all_rows(ctx.database, tables_of(SHOWS).cast)
    assert "cast" not in keys(ctx.database)
    assert accept(ctx.settings, ctx.database, "title", "uk-UA", [SHOWS]) > 5
    pass_time(sandbox, clock, days=1, minutes=1)
    report = run_cycle(ctx)[1]
    assert report.ok
    rows = [row for row in title_rows(ctx.database).values() if row["trending_score"] is not None]
    assert len(rows) > 5
    for row in rows:
        assert (row["rating_tmdb"], row["rating_tmdb_count"], row["videos"], row["title_uk"]) == (None, 0, [], None)
        assert row["primary_rating"] == row["rating_trakt_avg"]
        assert row["trending_score"] == pytest.approx(60 * min(row["rating_trakt"] / maximum(ctx), 1), abs=0.01)
    assert not all_rows(ctx.database, tables_of(SHOWS).videos)
    left = {row["locale"] for row in all_rows(ctx.database, tables_of(SHOWS).translations)}
    assert left == {"en-US"}, "the title in English is the details' own"


def maximum(ctx: SyncContext) -> int:
    return int(all_rows(ctx.database, cycles)[-1]["max_watchers"])


def test_what_an_old_sync_made_up_goes_with_the_first_answer_and_the_rating_made_of_it_as_well(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(ctx)
    tmdb_id = next(e["tmdb"] for e in sandbox.truth(SHOWS, 12) if not e["skip"] and not e["oddities"])
    row, t = title_rows(ctx.database)[tmdb_id], tables_of(SHOWS)
    made_up = {"title_uk": row["title"], "overview_uk": row["overview"], "poster_uk": row["poster"]}
    made_up |= {"rating_tmdb": 0.0, "rating_tmdb_count": None, "rating_trakt_avg": 0.0, "rating_trakt_votes": None}
    made_up |= {"rating_imdb": None, "primary_rating": 7.0}
    with ctx.database.writing() as conn:
        conn.execute(t.titles.update().where(t.titles.c.tmdb_id == tmdb_id).values(made_up))
        conn.execute(t.translations.delete().where(t.translations.c.show_id == row["id"]))
    lies: list[dict[str, Any]] = [
        {"kind": "lie", "name": name, "ids": [tmdb_id]} for name in ("no_ukrainian", "no_votes")
    ]
    lies += [{"kind": "edit", **POSTERS, "ids": [tmdb_id], "set": {"images.posters": []}}]
    sandbox.faults(*lies)
    sync_ids(ctx, SHOWS, RUN, [tmdb_id], force=True, stages=[TitleStage.DETAILS])
    after = title_rows(ctx.database)[tmdb_id]
    gone = ("title_uk", "overview_uk", "poster_uk", "rating_tmdb")
    assert [after[name] for name in gone] == [None] * len(gone)
    assert (after["rating_tmdb_count"], after["primary_rating"]) == (0, None)
    assert doubted(ctx.database) == []
