"""Titles that wait are told apart as the plan of a day does, on both back ends."""

from datetime import timedelta

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import asked, cycles
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.storage.turns import Turn
from ratingo_pipelines_tests.storage.examples import NOW, save_title

SHOW = tables_of(SHOWS)


def test_a_title_is_of_the_first_class_that_fits_it(database: Database) -> None:
    save_title(database, 1, trending_updated_at=NOW)
    save_title(database, 2, trending_updated_at=NOW - timedelta(days=1))
    save_title(database, 3, trending_score=None)
    save_title(database, 4, trending_score=None)
    save_title(database, 5, trending_score=None)
    save_title(database, 6, imdb_id=None)
    with database.writing() as conn:
        # 5 has no score yet, as the list that names it is not worked off.
        entries = [Entry(rank, n, n, None, None, f"Title {n}", 2020, 100) for rank, n in enumerate((1, 5, 99), 1)]
        cycle = cycles.open_cycle(conn, SHOWS, NOW, entries, 100, "run")
        asked.record_check(conn, SHOWS, 4, asked.OMDB, NOW - timedelta(days=3), answered=False)

    def due(turn: Turn, limit: int | None = None) -> list[int]:
        rows = asked.titles_lacking_omdb(conn, SHOW, NOW, limit, turn=turn, cycle_id=cycle.id)
        return [row.tmdb_id for row in rows]

    with database.reading() as conn:
        assert asked.waiting_at_omdb(conn, SHOW, NOW, cycle_id=cycle.id) == {
            Turn.TRENDING: 2,
            Turn.LISTED: 1,
            Turn.NEW: 1,
            Turn.OLDEST: 1,
        }
        assert {turn: due(turn) for turn in Turn} == {
            Turn.TRENDING: [1, 5],
            Turn.LISTED: [2],
            Turn.NEW: [3],
            Turn.OLDEST: [4],
        }
        assert due(Turn.TRENDING, 1) == [1]


def test_without_a_cycle_nothing_is_trending_and_of_nothing_nobody_waits(database: Database) -> None:
    with database.reading() as conn:
        assert asked.waiting_at_omdb(conn, SHOW, NOW, cycle_id=None) == {}
    save_title(database, 1, trending_updated_at=NOW)
    with database.reading() as conn:
        assert asked.waiting_at_omdb(conn, SHOW, NOW, cycle_id=None) == {Turn.LISTED: 1}
