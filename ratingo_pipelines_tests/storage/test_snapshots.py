"""Watchers over time."""

from datetime import timedelta

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.storage import snapshots
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import NOW, rows_of

SHOW = tables_of(SHOWS)
HOUR = timedelta(hours=1)


def _add(database: Database, medium: Medium, title_id: int, hours: int, watchers: int) -> bool:
    with database.writing() as conn:
        at = NOW + hours * HOUR
        return snapshots.add_snapshot(conn, tables_of(medium), title_id, title_id * 10, watchers, at)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_title_has_one_snapshot_a_cycle(database: Database, medium: Medium) -> None:
    assert _add(database, medium, 1, 0, 100)
    assert not _add(database, medium, 1, 0, 200)
    assert _add(database, medium, 2, 0, 300)
    assert _add(database, medium, 1, 6, 400)
    rows = rows_of(database, tables_of(medium).snapshots)
    found = [(row[f"{medium.singular}_id"], row["tmdb_id"], row["watchers"], row["created_at"]) for row in rows]
    assert found == [(1, 10, 100, NOW), (2, 20, 300, NOW), (1, 10, 400, NOW + 6 * HOUR)]


def test_recent_watchers_come_newest_first_up_to_an_instant(database: Database) -> None:
    for hours in range(8):
        _add(database, SHOWS, 1, hours, hours)
    with database.reading() as conn:
        assert snapshots.recent_watchers(conn, SHOW, 1, 6, NOW + 6 * HOUR) == [6, 5, 4, 3, 2, 1]
        assert snapshots.recent_watchers(conn, SHOW, 2, 6, NOW) == []


def test_duplicates_of_an_old_database_count_once(database: Database) -> None:
    with database.writing() as conn:
        row = {"show_id": 1, "tmdb_id": 10, "watchers": 5, "created_at": NOW}
        conn.execute(SHOW.snapshots.insert(), [row, row, row | {"created_at": NOW + HOUR}])
    with database.reading() as conn:
        assert snapshots.recent_watchers(conn, SHOW, 1, 6, NOW + HOUR) == [5, 5]
        assert snapshots.last_snapshots(conn, SHOW, [1]) == {1: [(NOW, 5), (NOW + HOUR, 5)]}
        assert snapshots.since(conn, SHOW, [1], NOW) == [(1, NOW, 5), (1, NOW + HOUR, 5)]


def test_snapshots_since_an_instant_come_in_time_order(database: Database) -> None:
    for title_id in (2, 1):
        for hours in (3, 0, 1):
            _add(database, SHOWS, title_id, hours, hours * 10 + title_id)
    with database.reading() as conn:
        found = snapshots.since(conn, SHOW, [1, 2, 3], NOW + HOUR)
    assert [(row.title_id, row.watchers) for row in found] == [(1, 11), (2, 12), (1, 31), (2, 32)]


def test_the_last_ten_snapshots_of_each_of_fifty_titles_come_in_time_order(database: Database) -> None:
    rows = [
        {"show_id": title, "tmdb_id": title, "watchers": title * 100 + hours, "created_at": NOW + hours * HOUR}
        for hours in reversed(range(15))
        for title in range(1, 52)
    ]
    with database.writing() as conn:
        conn.execute(SHOW.snapshots.insert(), rows)
    with database.reading() as conn:
        found = snapshots.last_snapshots(conn, SHOW, range(1, 51))
    assert set(found) == set(range(1, 51))
    assert all(
        series == [(NOW + hours * HOUR, title * 100 + hours) for hours in range(5, 15)]
        for title, series in found.items()
    )
