"""What a wrong clock dated ahead of now: rows are dated anew and due, those of the past stay as they are."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import ahead, failures
from ratingo_pipelines.storage import asked as books
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import GIVEN_UP_DELAY
from ratingo_pipelines.storage.pipeline_tables import asked
from ratingo_pipelines.storage.pipeline_tables import failures as failures_table
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import NOW, PATIENCE, rows_of, save_title

SHOW = tables_of(SHOWS)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
FIRST_DELAY, LEASE = timedelta(minutes=15), timedelta(minutes=1)


def test_titles_named_and_snapshots_taken_ahead_are_dated_anew(database: Database) -> None:
    save_title(database, 1, at=NOW + DAY, trending_updated_at=NOW + DAY)
    save_title(database, 2, at=NOW, trending_updated_at=NOW)

    with database.writing() as conn:
        ahead.redate_strays(conn, SHOW, NOW, NOW - SECOND)

    seen = [row["trending_updated_at"] for row in rows_of(database, SHOW.titles)]
    taken = [row["created_at"] for row in rows_of(database, SHOW.snapshots)]
    assert seen == taken == [NOW - SECOND, NOW]


def next_attempt(database: Database) -> datetime:
    [row] = rows_of(database, failures_table)
    found: datetime = row["next_attempt_at"]
    return found


@pytest.mark.parametrize(
    ("next_at", "then"),
    [
        pytest.param(NOW + GIVEN_UP_DELAY + SECOND, NOW, id="later than any failure waits"),
        pytest.param(NOW + GIVEN_UP_DELAY, NOW + GIVEN_UP_DELAY, id="as one that was given up waits"),
        pytest.param(NOW - DAY, NOW - DAY, id="due already"),
    ],
)
def test_a_failure_that_waits_longer_than_any_does_is_due(
    database: Database, next_at: datetime, then: datetime
) -> None:
    with database.writing() as conn:
        failures.record(conn, SHOWS, 1, "details", "it broke", NOW - DAY, True, None, PATIENCE)
        conn.execute(update(failures_table).values(next_attempt_at=next_at))

        ahead.make_due(conn, NOW, NOW, LEASE, FIRST_DELAY)

    assert next_attempt(database) == then


def test_a_failure_of_the_time_ahead_failed_a_first_delay_ago_and_is_due(database: Database) -> None:
    with database.writing() as conn:
        failures.record(conn, SHOWS, 1, "details", "it broke", NOW + DAY, True, None, PATIENCE)

        ahead.make_due(conn, NOW, NOW, LEASE, FIRST_DELAY)

    [row] = rows_of(database, failures_table)
    assert row["next_attempt_at"] == NOW
    assert row["first_failed_at"] == row["last_failed_at"] == NOW - FIRST_DELAY


@pytest.mark.parametrize(
    ("asked_at", "next_at", "then"),
    [
        pytest.param(NOW + SECOND, NOW + DAY, NOW, id="asked ahead"),
        pytest.param(NOW, NOW + 30 * DAY + SECOND, NOW, id="waits longer than any does"),
        pytest.param(NOW, NOW + 30 * DAY, NOW + 30 * DAY, id="waits its longest"),
    ],
)
def test_what_was_asked_ahead_or_waits_too_long_is_due(
    database: Database, asked_at: datetime, next_at: datetime, then: datetime
) -> None:
    with database.writing() as conn:
        books.record_check(conn, SHOWS, 1, books.OMDB, NOW, answered=True)
        conn.execute(update(asked).values(asked_at=asked_at, next_at=next_at))

        ahead.make_due(conn, NOW, NOW, LEASE, FIRST_DELAY)

    [row] = rows_of(database, asked)
    assert row["next_at"] == then
