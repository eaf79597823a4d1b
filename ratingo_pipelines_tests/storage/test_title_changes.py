"""The log of changes: whoever reads on from the last id that it saw misses nothing, whatever is written meanwhile."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from sqlalchemy import select, text

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage import title_changes
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.title_changes import ChangedTitle, ChangeKind, TitleChange
from ratingo_pipelines_tests.storage.examples import NOW

SECONDS = 30


def change(tmdb_id: int) -> ChangedTitle:
    return ChangedTitle(tmdb_id, f"Title {tmdb_id}", TitleChange(ChangeKind.STATUS, "Planned", "Ended"))


def read_on(database: Database, cursor: int, limit: int = 100) -> list[title_changes.RecordedChange]:
    with database.reading() as conn:
        return title_changes.after(conn, cursor, limit)


def test_changes_are_read_in_their_order_from_a_cursor_of_one_medium_or_both(database: Database) -> None:
    with database.writing() as conn:
        title_changes.record(conn, SHOWS, [change(1), change(2)], NOW, cycle_id=7)
        title_changes.record(conn, MOVIES, [change(1)], NOW)
        title_changes.record(conn, MOVIES, [], NOW)
    found = read_on(database, 0)
    assert [(each.id, each.medium, each.tmdb_id, each.cycle_id) for each in found] == [
        (1, "shows", 1, 7),
        (2, "shows", 2, 7),
        (3, "movies", 1, None),
    ]
    first = found[0]
    assert (first.title, first.kind, first.before, first.after) == ("Title 1", "status", "Planned", "Ended")
    assert (first.region, first.changed_at) == (None, NOW)
    assert read_on(database, 1, limit=1) == [found[1]]
    with database.reading() as conn:
        assert title_changes.after(conn, 0, 10, MOVIES) == [found[2]]
        assert title_changes.of_title(conn, SHOWS, 2, 10) == [found[1]]
        assert title_changes.last_id(conn) == 3


def test_a_title_that_was_merged_into_another_takes_its_changes_along(database: Database) -> None:
    with database.writing() as conn:
        title_changes.record(conn, SHOWS, [change(1)], NOW)
        title_changes.record(conn, MOVIES, [change(1)], NOW)
        title_changes.move(conn, SHOWS, 1, 2)
    assert [(each.medium, each.tmdb_id) for each in read_on(database, 0)] == [("shows", 2), ("movies", 1)]


def test_what_is_rolled_back_was_no_change(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as conn:
            title_changes.record(conn, SHOWS, [change(1)], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert read_on(database, 0) == []


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_a_second_writer_waits_until_the_first_is_seen_or_gone(postgres_url: Callable[..., str], ends: str) -> None:
    """The first has the smaller id and is committed later: on its own, a reader between the two would lose it."""
    url = postgres_url()
    first, second = Database(url), Database(url)
    begun = threading.Event()

    def write_second() -> None:
        with second.writing() as conn:
            begun.set()
            title_changes.record(conn, SHOWS, [change(2)], NOW)

    seen: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        with first.engine.connect() as conn:
            transaction = conn.begin()
            title_changes.record(conn, SHOWS, [change(1)], NOW)
            waiting = pool.submit(write_second)
            assert begun.wait(SECONDS)
            until_one_waits(first)
            assert not waiting.done()
            seen += [each.id for each in read_on(first, 0)]
            assert seen == []
            getattr(transaction, ends)()
        waiting.result(SECONDS)
    seen += [each.tmdb_id for each in read_on(first, 0)]
    assert seen == ([1, 2] if ends == "commit" else [2])
    first.dispose()
    second.dispose()


def until_one_waits(database: Database) -> None:
    """Until a connection waits for a lock by name. Raises TimeoutError."""
    waits = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with database.reading() as conn:
            if conn.execute(waits).scalar_one():
                return
        time.sleep(0.01)
    raise TimeoutError("nobody waits")


def test_a_reader_misses_nothing_of_many_writers(database: Database, database_url: str) -> None:
    writers, each = 6, 15
    stopped = threading.Event()

    def write(writer: int) -> None:
        dice = random.Random(writer)  # noqa: S311 - pauses, no secrets
        own = Database(database_url)
        for number in range(each):
            with own.writing() as conn:
                conn.execute(select(1))
                time.sleep(dice.uniform(0, 0.004))
                title_changes.record(conn, SHOWS, [change(writer * 1000 + number)], NOW)
                time.sleep(dice.uniform(0, 0.004))
        own.dispose()

    def follow() -> list[int]:
        found: list[int] = []
        cursor = 0
        while True:
            is_last = stopped.is_set()
            page = read_on(database, cursor, limit=7)
            found += [one.tmdb_id for one in page]
            cursor = page[-1].id if page else cursor
            if is_last and not page:
                return found

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(follow)
        for done in [pool.submit(write, writer) for writer in range(writers)]:
            done.result(SECONDS)
        stopped.set()
        found = reader.result(SECONDS)
    assert sorted(found) == sorted(writer * 1000 + number for writer in range(writers) for number in range(each))


def write_and_stay(url: str, written: "threading.Event") -> None:
    database = Database(url)
    with database.writing() as conn:
        title_changes.record(conn, SHOWS, [change(1)], NOW)
        written.set()
        time.sleep(SECONDS)


def test_a_writer_that_is_killed_before_its_commit_leaves_nothing_and_holds_up_nobody(
    database: Database, database_url: str
) -> None:
    context = get_context("spawn")
    written = context.Event()
    writer = context.Process(target=write_and_stay, args=(database_url, written))
    writer.start()
    assert written.wait(SECONDS)
    writer.kill()
    writer.join()
    assert read_on(database, 0) == []
    with database.writing() as conn:
        title_changes.record(conn, SHOWS, [change(1)], NOW)
    assert [each.tmdb_id for each in read_on(database, 0)] == [1]
