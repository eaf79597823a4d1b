"""Titles in Ukrainian and in English: several translations of one language, one locale alone, and pairs that agree."""

from typing import Any

import pytest
from sqlalchemy import update

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, all_rows, another_kit, pass_time, title_rows


def children(ctx: SyncContext, medium: Medium, table: str, tmdb_id: int, by: str) -> dict[str, Any]:
    """A title's rows of a child table."""
    t = tables_of(medium)
    title_id = title_rows(ctx.database, medium)[tmdb_id]["id"]
    return {row[by]: row for row in all_rows(ctx.database, getattr(t, table)) if row[t.parent_key] == title_id}


def plain(sandbox: RunningSandbox, medium: Medium) -> int:
    """A title that is like most."""
    return int(next(e["tmdb"] for e in sandbox.truth(medium, 12) if not e["skip"] and not e["oddities"]))


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_half_filled_translations_of_two_regions_are_read_field_by_field(
    ctx: SyncContext, sandbox: RunningSandbox, medium: Medium
) -> None:
    title = plain(sandbox, medium)
    texts = {"PL": ("Назва з Польщі", "Опис з Польщі", "Гасло з Польщі"), "UA": ("", "Опис", "")}
    translations = [
        {
            "iso_639_1": "uk",
            "iso_3166_1": region,
            "data": {medium.tmdb_name: name, "overview": overview, "tagline": tagline},
        }
        for region, (name, overview, tagline) in texts.items()
    ]
    sandbox.faults({"kind": "edit", "api": "tmdb", "ids": [title], "set": {"translations.translations": translations}})

    sync_ids(ctx, medium, RUN, [title])

    row = title_rows(ctx.database, medium)[title]
    ukrainian = children(ctx, medium, "translations", title, "locale")["uk-UA"]
    told = tuple(ukrainian[name] for name in ("title", "overview", "tagline"))
    assert told == ("Назва з Польщі", "Опис", "Гасло з Польщі")
    assert (row["title_uk"], row["overview_uk"]) == told[:2]


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_with_the_ukrainian_locale_alone_english_names_do_not_become_ukrainian(
    ctx: SyncContext, sandbox: RunningSandbox, medium: Medium
) -> None:
    untranslated = sandbox.control("oddities")["no_ukrainian_translation"][medium.plural][0]["tmdb"]
    translated = plain(sandbox, medium)

    with another_kit(ctx, locales=("uk-UA",)) as alone:
        report = sync_ids(alone, medium, RUN, [untranslated, translated])

    assert report.succeeded == 2
    rows = title_rows(ctx.database, medium)
    truth = {i: sandbox.control(f"truth/{medium.plural}/{i}")["row"] for i in (untranslated, translated)}
    assert rows[untranslated]["title"]
    assert (rows[untranslated]["title_uk"], rows[untranslated]["overview_uk"]) == (None, None)
    assert children(ctx, medium, "translations", untranslated, "locale") == {}
    assert rows[translated]["title_uk"] == truth[translated]["title_uk"] is not None
    [ukrainian] = children(ctx, medium, "translations", translated, "locale").values()
    assert ukrainian["title"] == rows[translated]["title_uk"]


def test_pairs_that_drifted_apart_agree_again_once_two_answers_said_so(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    unrated = sandbox.control("oddities")["no_votes"]["shows"][0]["tmdb"]
    uncertified = sandbox.control("oddities")["empty_certification"]["shows"][0]["tmdb"]
    wanted = [plain(sandbox, SHOWS), unrated, uncertified]
    sync_ids(ctx, SHOWS, RUN, wanted)
    titles = tables_of(SHOWS).titles
    drifted: dict[str, Any] = {
        "content_rating": "99+",
        "rating_tmdb": 9.9,
        "rating_tmdb_count": 0,
        "latest_season_number": 99,
        "latest_season_episodes": 4,
        "title_uk": "Not what the translation says",
    }
    with ctx.database.writing() as conn:
        conn.execute(update(titles).where(titles.c.tmdb_id.in_(wanted)).values(drifted))

    sync_ids(ctx, SHOWS, RUN, wanted, force=True)
    assert title_rows(ctx.database)[unrated]["rating_tmdb"] is None, "an average of 0 votes is nobody's"
    # A certification that TMDB does not name is doubted first.
    pass_time(sandbox, clock, hours=5, minutes=1)
    sync_ids(ctx, SHOWS, RUN, wanted, force=True)

    rows = title_rows(ctx.database)
    for tmdb_id in wanted:
        row, truth = rows[tmdb_id], sandbox.control(f"truth/shows/{tmdb_id}")["row"]
        assert {name: row[name] for name in drifted} == {name: truth[name] for name in drifted}
        certified = children(ctx, SHOWS, "content_ratings", tmdb_id, "region").get("UA")
        assert row["content_rating"] == (certified and certified["rating"])
        ukrainian = children(ctx, SHOWS, "translations", tmdb_id, "locale").get("uk-UA")
        assert row["title_uk"] == (ukrainian and ukrainian["title"])
    assert (rows[unrated]["rating_tmdb"], rows[unrated]["rating_tmdb_count"]) == (None, 0)
    assert rows[uncertified]["content_rating"] is None
