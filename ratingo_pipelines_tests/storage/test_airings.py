"""The calendar: episodes stored, corrected, dropped, pruned."""

from datetime import timedelta
from typing import Any

from ratingo_pipelines.storage import airings
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import show_airings
from ratingo_pipelines_tests.storage.examples import NOW, rows_of

DAY = timedelta(days=1)
WINDOW = (NOW, NOW + 30 * DAY)


def _airing(tmdb_id: int, episode: int | None, days: float, **others: Any) -> dict[str, Any]:
    return {
        "show_id": tmdb_id * 10,
        "tmdb_id": tmdb_id,
        "trakt_id": tmdb_id * 100,
        "title": f"Show {tmdb_id}",
        "episode_title": None,
        "season": 1,
        "episode": episode,
        "air_date": airings.iso(NOW + days * DAY),
        "type": "episode",
        "network": "HBO",
    } | others


def _put(database: Database, *rows: dict[str, Any], shows: tuple[int, ...] = (1, 2)) -> tuple[int, int, int]:
    with database.writing() as conn:
        return airings.put_airings(conn, rows, [WINDOW], set(shows))


def test_episodes_are_inserted_updated_and_otherwise_left_alone(database: Database) -> None:
    assert _put(database, _airing(1, 1, 1), _airing(2, 1, 2)) == (2, 0, 0)
    before = rows_of(database, show_airings)
    assert _put(database, _airing(1, 1, 1), _airing(2, 1, 2, episode_title="Пілот")) == (0, 1, 0)
    after = rows_of(database, show_airings)
    assert after[0] == before[0]
    assert (after[1]["id"], after[1]["episode_title"]) == (before[1]["id"], "Пілот")


def test_an_episode_is_not_made_worse_by_null(database: Database) -> None:
    _put(database, _airing(1, 1, 1, episode_title="Пілот"))
    before = rows_of(database, show_airings)
    sparse = _airing(1, 1, 1, trakt_id=None, title=None, air_date=None, network=None)
    assert _put(database, sparse) == (0, 0, 0)
    assert rows_of(database, show_airings) == before


def test_an_episode_that_moves_keeps_its_row(database: Database) -> None:
    _put(database, _airing(1, 1, 1))
    assert _put(database, _airing(1, 1, 8)) == (0, 1, 0)
    assert [row["air_date"] for row in rows_of(database, show_airings)] == ["2026-03-09T12:00:00.000Z"]


def test_an_episode_that_the_calendar_dropped_from_its_days_is_removed(database: Database) -> None:
    _put(database, _airing(1, 1, -1), _airing(1, 2, 1), _airing(1, 3, 31), _airing(2, 1, 1), _airing(3, 1, 1))
    assert _put(database, _airing(2, 1, 1)) == (0, 0, 1)
    left = [(row["tmdb_id"], row["episode"]) for row in rows_of(database, show_airings)]
    assert left == [(1, 1), (1, 3), (2, 1), (3, 1)]


def test_episodes_without_a_number_do_not_pile_up(database: Database) -> None:
    _put(database, _airing(1, None, 1))
    assert _put(database, _airing(1, None, 1), _airing(1, None, 2)) == (0, 0, 0)
    assert len(rows_of(database, show_airings)) == 1


def test_an_empty_calendar_for_no_show_removes_nothing(database: Database) -> None:
    _put(database, _airing(1, 1, 1))
    assert _put(database, shows=()) == (0, 0, 0)


def test_pruning_removes_what_is_not_listed_and_what_aired_long_ago(database: Database) -> None:
    _put(database, _airing(1, 1, -40), _airing(1, 2, -20), _airing(2, 1, 1), _airing(1, 3, 1, air_date=None))
    with database.writing() as conn:
        assert airings.prune(conn, {1}, NOW - 30 * DAY) == 2
        assert airings.prune(conn, {1}, NOW - 30 * DAY) == 0
    assert [(row["tmdb_id"], row["episode"]) for row in rows_of(database, show_airings)] == [(1, 2), (1, 3)]
    with database.writing() as conn:
        assert airings.prune(conn, set(), NOW - 30 * DAY) == 2


def test_what_airs_next_comes_in_time_order(database: Database) -> None:
    _put(database, _airing(1, 2, 3), _airing(1, 1, 0), _airing(2, 1, 1), _airing(3, 1, 1), _airing(1, 3, 7))
    with database.reading() as conn:
        week = airings.next_airings(conn, NOW, NOW + 7 * DAY, {1, 2})
        everything = airings.next_airings(conn, NOW, NOW + 8 * DAY)
    assert [(row["tmdb_id"], row["episode"]) for row in week] == [(1, 1), (2, 1), (1, 2)]
    assert len(everything) == 5
