"""Processes and threads that write the same rows at once neither deadlock, nor collide, nor lose anything."""

from collections import Counter

import pytest
from sqlalchemy import func, select

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import asked, cycles, failures, quota
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import asked as asked_table
from ratingo_pipelines.storage.pipeline_tables import monthly_lists, monthly_watchers, trending
from ratingo_pipelines.storage.schema import differences, ensure_current
from ratingo_pipelines.storage.tables import genres, show_airings, tables_of, watch_providers_registry
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.storage import workers
from ratingo_pipelines_tests.storage.examples import CHILDREN, NOW, count, rows_of

pytestmark = pytest.mark.long

SHOW = tables_of(SHOWS)


def test_shared_rows_written_by_three_processes_are_there_once(database: Database, database_url: str) -> None:
    found = workers.together(workers.put_shared_rows, database_url, [1, 2, 3])

    ids = {row["tmdb_id"]: row["id"] for row in rows_of(database, genres)}
    assert set(ids) == set(range(1, 61))
    assert all(
        ids[tmdb_id] == genre_id for one in some(found) for each in some(one) for tmdb_id, genre_id in each.items()
    )
    assert count(database, watch_providers_registry) == count(database, SHOW.titles) == 60


def test_the_same_new_titles_stored_by_three_processes_are_whole(database: Database, database_url: str) -> None:
    assert workers.together(workers.put_titles, database_url, [1, 2, 3]) == [40, 40, 40]

    titles = rows_of(database, SHOW.titles)
    assert sorted(row["tmdb_id"] for row in titles) == list(range(1, 41))
    expected = {"ratings": 1, "rating_buckets": 10, "translations": 2, "genres": 2, "videos": 6}
    expected |= {"watch_providers": 12, "cast": 12, "content_ratings": 2, "snapshots": 1}
    for name, each in expected.items():
        rows = rows_of(database, getattr(SHOW, name))
        assert Counter(row["show_id"] for row in rows) == {row["id"]: each for row in titles}, name
    # Row and children are of the same version: the one of the process that stored the title last.
    version = {row["id"]: row["rating_tmdb_count"] for row in titles}
    assert all(row["votes"] == version[row["show_id"]] for row in some(rows_of(database, SHOW.ratings)))
    assert all(row["count"] == version[row["show_id"]] for row in some(rows_of(database, SHOW.rating_buckets)))
    assert all(row["order"] == version[row["show_id"]] for row in some(rows_of(database, SHOW.cast)))
    assert all(row["rank"] == version[row["show_id"]] for row in some(rows_of(database, SHOW.watch_providers)))
    known = set(version)
    for name in CHILDREN:
        assert {row["show_id"] for row in rows_of(database, getattr(SHOW, name))} <= known
    assert {row["related_show_id"] for row in rows_of(database, SHOW.related)} <= known


def test_two_processes_never_claim_the_same_title(database: Database, database_url: str) -> None:
    entries = [cycles.Entry(rank, rank, rank, None, None, f"Title {rank}", None, 10) for rank in range(1, 101)]
    with database.writing() as conn:
        cycle = cycles.open_cycle(conn, SHOWS, NOW, entries, 10_000, None)

    claimed = workers.together(workers.claim_all, database_url, ["one", "two", "three"])

    assert sorted(rank for ranks in claimed for rank in ranks) == list(range(1, 101))
    with database.reading() as conn:
        assert cycles.counts(conn, cycle.id, NOW) == cycles.Counts(done=100)


def test_cycles_opened_at_one_instant_have_times_of_their_own(database: Database, database_url: str) -> None:
    times = workers.together(workers.open_cycles, database_url, ["one", "two", "three"])

    assert len({time for each in times for time in each}) == 30
    with database.reading() as conn:
        newest = cycles.latest_cycle(conn, SHOWS)
        assert newest is not None
        unfinished = select(func.count()).where(trending.c.outcome == "pending", trending.c.cycle_id != newest.id)
        assert conn.execute(unfinished).scalar_one() == 0


def test_a_quota_is_never_overdrawn(database: Database, database_url: str) -> None:
    taken = workers.together(workers.take_quota, database_url, [60, 60, 60])
    assert sum(taken) == 100
    with database.reading() as conn:
        assert quota.used(conn, "omdb", "2026-03-01") == 100


def test_the_books_kept_by_three_processes_balance(database: Database, database_url: str) -> None:
    workers.together(workers.keep_books, database_url, [1, 2, 3])

    with database.reading() as conn:
        assert sum(failure.attempts for failure in failures.all_failures(conn, SHOWS)) == 30
        assert asked.due(conn, SHOWS, range(1, 31), "omdb", NOW) == {30}
    # Of two processes that ask for the first time at once, one finds the other's answer there.
    assert all(row["empty_streak"] >= 28 for row in some(rows_of(database, asked_table)))
    assert (count(database, monthly_lists), count(database, monthly_watchers)) == (10, 490)
    assert count(database, show_airings) == 50


def test_processes_that_upgrade_at_once_do_not_collide(empty_database: Database) -> None:
    url = empty_database.url.render_as_string(hide_password=False)
    assert workers.together(workers.upgrade_schema, url, [1, 2, 3]) == [[], [], []]
    ensure_current(empty_database)
    assert differences(empty_database) == []
