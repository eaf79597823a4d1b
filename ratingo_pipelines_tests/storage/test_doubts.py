"""Doubts and ineligible titles as they are kept: rows written, ended and counted; titles taken off the list."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage import cycles, doubts, failures, ineligible
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import PATIENCE, own, rows_of, save_title

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHOW = tables_of(SHOWS)
CAST, UA = ("cast", ""), ("providers", "UA")


def test_a_doubt_keeps_when_it_was_first_told_and_moves_when_it_was_told_last(database: Database) -> None:
    with database.writing() as conn:
        doubts.record(conn, SHOWS, 1, {CAST: None}, NOW)
        doubts.record(conn, SHOWS, 1, {CAST: None, UA: None}, NOW + HOUR)
        doubts.record(conn, SHOWS, 2, {CAST: "why"}, NOW)
        doubts.record(conn, MOVIES, 1, {CAST: None}, NOW)
        doubts.mark_many(conn, SHOWS, CAST, [2])
        found = doubts.of_titles(conn, SHOWS, [1, 2, 3])
        assert {
            tmdb_id: {doubt.key: (doubt.first_at, doubt.last_at) for doubt in all_} for tmdb_id, all_ in found.items()
        } == {
            1: {CAST: (NOW, NOW + HOUR), UA: (NOW + HOUR, NOW + HOUR)},
            2: {CAST: (NOW, NOW)},
        }
        assert [(doubt.many, doubt.reason) for doubt in found[2]] == [(True, "why")]
        counted = [(one.part, one.region, one.titles, one.many) for one in doubts.counts(conn, SHOWS)]
        assert counted == [("cast", "", 2, 1), ("providers", "UA", 1, 0)]
        doubts.end(conn, SHOWS, 1, [CAST, ("videos", "")])
        assert [doubt.key for doubt in doubts.of_titles(conn, SHOWS, [1])[1]] == [UA]
        assert doubts.of_titles(conn, MOVIES, [1])[1]


def test_due_are_titles_with_a_row_that_were_not_asked_about_lately_and_do_not_fail(database: Database) -> None:
    for tmdb_id in (1, 2, 3, 4):
        save_title(database, tmdb_id)
    with database.writing() as conn:
        for tmdb_id, hours in ((1, 6), (2, 4), (3, 7), (4, 8), (5, 9)):
            doubts.record(conn, SHOWS, tmdb_id, {CAST: None, UA: None}, NOW - hours * HOUR)
        failures.record(conn, SHOWS, 4, "details", "it broke", NOW, spends_attempt=True, title=None, policy=PATIENCE)
        assert doubts.due(conn, SHOW, NOW - 5 * HOUR, NOW) == [3, 1]


def test_doubts_come_with_the_names_of_titles(database: Database) -> None:
    save_title(database, 1)
    with database.writing() as conn:
        for tmdb_id in (1, 2):
            doubts.record(conn, SHOWS, tmdb_id, {UA: None}, NOW + tmdb_id * HOUR)
        assert [doubt.title for doubt in doubts.open_doubts(conn, SHOW, "providers", "UA")] == ["Title 1", None]
        assert doubts.open_doubts(conn, SHOW, "providers", "US") == []
        assert len(doubts.open_doubts(conn, SHOW, "providers")) == 2


def test_a_title_taken_off_the_list_loses_the_links_to_it_in_rows_and_columns(database: Database) -> None:
    linked: dict[int, Any] = {1: [7, 17, 2], 2: [17, 170], 3: None, 17: [1]}
    for tmdb_id in linked:
        save_title(database, tmdb_id)
    titles = {row["tmdb_id"]: row["id"] for row in rows_of(database, SHOW.titles)}
    with database.writing() as conn:
        for tmdb_id, related in linked.items():
            conn.execute(SHOW.titles.update().where(SHOW.titles.c.tmdb_id == tmdb_id).values(related=related))
        # An adopted database may hold one without the other.
        rows = [
            {"show_id": titles[one], "related_show_id": titles[other]} for one, other in ((1, 17), (3, 17), (17, 1))
        ]
        conn.execute(SHOW.related.delete())
        conn.execute(insert(SHOW.related), rows)
        assert ineligible.take_off_list(conn, SHOW, [17]) == sorted(titles[tmdb_id] for tmdb_id in (1, 2, 3))
        assert ineligible.take_off_list(conn, SHOW, [17, 99]) == []
    after = {row["tmdb_id"]: row for row in rows_of(database, SHOW.titles)}
    assert {tmdb_id: after[tmdb_id]["related"] for tmdb_id in linked} == {1: [7, 2], 2: [170], 3: None, 17: [1]}
    assert [after[17][name] for name in ineligible.LISTED_BY] == [None] * 4
    assert after[1]["trending_score"] is not None
    with database.writing() as conn:
        nobody = dict.fromkeys(ineligible.LISTED_BY, 0.0)
        conn.execute(SHOW.titles.update().where(SHOW.titles.c.tmdb_id == 17).values(nobody))
        ineligible.take_off_list(conn, SHOW, [17])
    [row] = rows_of(database, SHOW.titles, tmdb_id=17)
    assert [row[name] for name in ineligible.LISTED_BY] == [None] * 4, "0 is a figure as well"
    assert [row["related_show_id"] for row in rows_of(database, SHOW.related)] == [titles[1]]


def test_titles_that_the_newest_list_skipped_are_ineligible_after_an_upgrade(database: Database) -> None:
    def entries(*reasons: str | None) -> list[Entry]:
        return [
            Entry(n, n, n, None, None, f"Title {n}", 2020, 10, outcome="skipped" if why else "done", reason=why)
            for n, why in enumerate(reasons, start=1)
        ]

    with database.writing() as conn:
        anime, gone = "anime filter: genre 16", "unknown to TMDB"
        cycles.open_cycle(conn, SHOWS, NOW, entries(anime, anime, None, gone), 10_000, "run")
        cycles.open_cycle(conn, SHOWS, NOW, entries(None, anime, "listed twice", gone), 10_000, "run")
        cycles.open_cycle(conn, MOVIES, NOW, entries(gone), 10_000, "run")
        for name in ("doubts", "ineligible", "entry_counts"):
            conn.execute(text(f"DROP TABLE {own(database)}pipeline_{name}"))
        conn.execute(text(f"UPDATE {own(database)}pipeline_alembic_version SET version_num = '0006'"))  # noqa: S608
    assert upgrade(database) == []
    with database.reading() as conn:
        assert ineligible.reasons(conn, SHOWS, range(9)) == {2: anime, 4: gone}
        assert ineligible.all_ids(conn, MOVIES) == {1}
