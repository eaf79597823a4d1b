"""Watchers over time."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, func, select

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


def test_the_previous_watchers_are_those_of_the_newest_older_snapshot_within_a_bound(database: Database) -> None:
    for hours in (0, 1, 6):
        _add(database, SHOWS, 1, hours, 100 + hours)

    with database.reading() as conn:

        def previous(title_id: int, before: int, not_before: int) -> int | None:
            bounds = (NOW + before * HOUR, NOW + not_before * HOUR)
            return snapshots.previous_watchers(conn, SHOW, title_id, *bounds)

        assert previous(1, 7, 0) == 106
        # That of the instant itself is not older.
        assert previous(1, 6, 0) == 101
        assert previous(1, 6, 1) == 101
        assert previous(1, 6, 2) is None
        assert previous(1, 0, -24) is None
        assert previous(2, 7, 0) is None


def test_duplicates_of_an_old_database_count_once(database: Database) -> None:
    with database.writing() as conn:
        row = {"show_id": 1, "tmdb_id": 10, "watchers": 5, "created_at": NOW}
        conn.execute(SHOW.snapshots.insert(), [row, row, row | {"created_at": NOW + HOUR}])
    with database.reading() as conn:
        assert snapshots.previous_watchers(conn, SHOW, 1, NOW + HOUR, NOW) == 5
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


TITLES, CYCLES = 40, 250
NEW_TITLE = TITLES + 1


@pytest.fixture(scope="module")
def misjudged(shared_database: Database) -> Database:
    """10,000 snapshots, one of them of a new title; what the planner knows would have it walk through all in time."""
    rows = [
        {"show_id": title, "tmdb_id": title, "watchers": cycle, "created_at": NOW + cycle * HOUR}
        for cycle in range(CYCLES)
        for title in range(1, TITLES + 1)
    ]
    with shared_database.writing() as conn:
        conn.execute(SHOW.snapshots.insert(), rows)
    if shared_database.dialect == "postgresql":
        # As where titles are too many to be known one by one: six of any are soon met on a walk back in time.
        column = "ALTER TABLE show_watchers_snapshots ALTER show_id"
        _execute(shared_database, f"{column} SET STATISTICS 1", f"{column} SET (n_distinct = 10)")
    _execute(shared_database, "ANALYZE")
    _add(shared_database, SHOWS, NEW_TITLE, CYCLES, 1)
    if shared_database.dialect == "sqlite":
        _execute(
            shared_database,
            "DELETE FROM sqlite_stat1 WHERE tbl = 'show_watchers_snapshots'",
            "INSERT INTO sqlite_stat1 VALUES ('show_watchers_snapshots', 'show_watchers_snapshots_show_id_idx', "
            "'10001 1000'), ('show_watchers_snapshots', 'show_watchers_snapshots_created_idx', '10001 1')",
        )
        # A connection reads the statistics when it is opened.
        shared_database.dispose()
    return shared_database


def _execute(database: Database, *statements: str) -> None:
    with database.writing() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


def _plan(database: Database, statement: Select[*tuple[Any, ...]]) -> str:
    text_of = str(statement.compile(database.engine, compile_kwargs={"literal_binds": True}))
    # What SQLAlchemy puts before an OFFSET of SQLite's is no literal.
    text_of = text_of.replace("LIMIT ?", "LIMIT -1")
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    with database.reading() as conn:
        return "\n".join(" ".join(map(str, row)) for row in conn.exec_driver_sql(f"{explain} {text_of}"))


def test_a_plain_statement_would_walk_through_all_snapshots(misjudged: Database) -> None:
    c = SHOW.snapshots.c
    plain = select(func.max(c.watchers)).where(c.show_id == NEW_TITLE, c.created_at <= NOW + CYCLES * HOUR)
    plan = _plan(misjudged, plain.group_by(c.created_at).order_by(c.created_at.desc()).limit(6))
    assert "show_watchers_snapshots_created_idx" in plan, plan


@pytest.mark.parametrize("name", ["previous_watchers", "since", "last_snapshots"])
def test_a_titles_snapshots_are_found_by_the_title_whatever_the_statistics(misjudged: Database, name: str) -> None:
    ids, until = [NEW_TITLE, 1, 2], NOW + CYCLES * HOUR
    statement = {
        "previous_watchers": snapshots.previous_statement(SHOW).params(
            of_title=NEW_TITLE, before=until, not_before=NOW
        ),
        "since": snapshots.since_statement(misjudged.dialect, SHOW, ids, NOW),
        "last_snapshots": snapshots.last_statement(misjudged.dialect, SHOW, ids, 10),
    }[name]
    plan = _plan(misjudged, statement)
    assert "show_watchers_snapshots_show_id_idx" in plan, plan
    assert not re.search("created_idx|seq scan|scan show_watchers_snapshots", plan, re.IGNORECASE), plan
