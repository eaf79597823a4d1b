"""What is remembered between runs: failures, questions asked, quotas, monthly lists."""

from datetime import timedelta

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage import asked, failures, monthly, quota
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines_tests.storage.examples import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _fail(database: Database, **others: object) -> failures.Failure:
    facts = {"now": NOW, "spends_attempt": True, "title": "Title"} | others
    with database.writing() as conn:
        return failures.record(conn, SHOWS, 42, "details", "it broke", **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attempts", "delay"),
    [
        (0, 15 * MINUTE),
        (1, 15 * MINUTE),
        (2, 30 * MINUTE),
        (3, HOUR),
        (4, 2 * HOUR),
        (5, 4 * HOUR),
        (6, 7 * DAY),
        (1_000, 7 * DAY),
    ],
)
def test_the_delay_grows_with_each_attempt_until_a_title_is_given_up(attempts: int, delay: timedelta) -> None:
    assert failures.next_attempt(attempts, NOW) == NOW + delay


def test_the_delay_is_never_longer_than_six_hours_before_that() -> None:
    assert failures.next_attempt(9, NOW, give_up_after=10) == NOW + 6 * HOUR


def test_a_failure_counts_its_attempts_across_cycles(database: Database) -> None:
    _fail(database)
    later = _fail(database, now=NOW + 6 * HOUR)
    assert (later.attempts, later.first_failed_at, later.last_failed_at) == (2, NOW, NOW + 6 * HOUR)
    with database.reading() as conn:
        assert failures.all_failures(conn, SHOWS) == [later]
        assert failures.all_failures(conn, MOVIES) == []


def test_an_api_that_is_down_spends_no_attempt(database: Database) -> None:
    for _ in range(20):
        failure = _fail(database, spends_attempt=False)
    assert (failure.attempts, failure.next_attempt_at) == (0, NOW + 15 * MINUTE)


def test_a_failure_waits_for_as_long_as_the_source_said(database: Database) -> None:
    assert _fail(database, not_before=NOW + 5 * HOUR).next_attempt_at == NOW + 5 * HOUR
    assert _fail(database, not_before=NOW).next_attempt_at == NOW + 30 * MINUTE


def test_a_failure_is_due_when_its_time_has_come(database: Database) -> None:
    failure = _fail(database)
    with database.reading() as conn:
        assert failures.due(conn, SHOWS, NOW + 14 * MINUTE) == []
        assert failures.due(conn, SHOWS, NOW + 15 * MINUTE) == [failure]


def test_success_clears_the_failures_of_a_title(database: Database) -> None:
    _fail(database)
    with database.writing() as conn:
        failures.record(conn, SHOWS, 42, "omdb", "N/A", NOW, spends_attempt=True, title=None)
        failures.record(conn, SHOWS, 43, "details", "it broke", NOW, spends_attempt=True, title=None)
        assert failures.failing_ids(conn, SHOWS, [42, 43, 44]) == {42, 43}
        assert failures.clear(conn, SHOWS, 42, ["details"]) == 1
        assert failures.failing_ids(conn, SHOWS, [42]) == {42}
        assert failures.clear(conn, SHOWS, 42) == 1
        assert failures.failing_ids(conn, SHOWS, [42, 43]) == {43}


@pytest.mark.parametrize(
    ("source", "answered", "consecutive_misses", "delay"),
    [
        ("omdb", True, 0, 7 * DAY),
        ("omdb", False, 1, 3 * DAY),
        ("omdb", False, 2, 6 * DAY),
        ("omdb", False, 4, 24 * DAY),
        ("omdb", False, 5, 30 * DAY),
        ("omdb", False, 10_000, 30 * DAY),
        ("meta", True, 0, 30 * DAY),
        ("meta", False, 1, DAY),
        ("meta", False, 5, 16 * DAY),
        ("meta", False, 6, 30 * DAY),
        ("related", True, 0, 7 * DAY),
        ("related", False, 9, 7 * DAY),
    ],
)
def test_a_source_without_an_answer_is_asked_after_a_growing_interval(
    source: str, answered: bool, consecutive_misses: int, delay: timedelta
) -> None:
    assert asked.next_ask(source, answered, consecutive_misses, NOW) == NOW + delay


def test_a_title_that_was_asked_about_is_not_due_until_its_interval_is_over(database: Database) -> None:
    with database.writing() as conn:
        asked.record_checks(conn, SHOWS, {1: True, 2: False}, "omdb", NOW)
        asked.record_check(conn, SHOWS, 3, "meta", NOW, answered=False)
        assert asked.due(conn, SHOWS, [1, 2, 3], "omdb", NOW) == {3}
        assert asked.due(conn, SHOWS, [1, 2, 3], "omdb", NOW + 3 * DAY) == {2, 3}
        assert asked.due(conn, SHOWS, [1, 2, 3], "omdb", NOW + 7 * DAY) == {1, 2, 3}
        assert asked.due(conn, MOVIES, [1, 2, 3], "omdb", NOW) == {1, 2, 3}


def test_an_answer_ends_a_streak_of_empty_ones(database: Database) -> None:
    with database.writing() as conn:
        for answered in (False, False, True, False):
            asked.record_check(conn, SHOWS, 1, "omdb", NOW, answered=answered)
        assert asked.due(conn, SHOWS, [1], "omdb", NOW + 3 * DAY - MINUTE) == set()
        assert asked.due(conn, SHOWS, [1], "omdb", NOW + 3 * DAY) == {1}


def test_a_quota_ends_with_its_limit_and_begins_anew_each_day(database: Database) -> None:
    with database.writing() as conn:
        assert [quota.take(conn, "omdb", "2026-03-01", 3, reserve=1) for _ in range(3)] == [True, True, False]
        assert quota.take(conn, "omdb", "2026-03-01", 3)
        assert quota.used(conn, "omdb", "2026-03-01") == 3
        assert quota.used(conn, "omdb", "2026-03-02") == 0
        assert quota.take(conn, "omdb", "2026-03-02", 3)


def test_a_quota_of_nothing_gives_nothing(database: Database) -> None:
    with database.writing() as conn:
        assert not quota.take(conn, "omdb", "2026-03-01", 0)


def test_an_exhausted_quota_stays_exhausted(database: Database) -> None:
    with database.writing() as conn:
        quota.exhaust(conn, "omdb", "2026-03-01", 1_000)
        quota.exhaust(conn, "omdb", "2026-03-01", 10)
        assert quota.used(conn, "omdb", "2026-03-01") == 1_000
        assert not quota.take(conn, "omdb", "2026-03-01", 1_000)


def test_a_months_list_is_fetched_once_and_kept(database: Database) -> None:
    months = ["2026-02", "2026-01", "2025-12"]
    with database.writing() as conn:
        monthly.put_list(conn, SHOWS, "2026-02", [(1, 11, 100), (2, None, 50), (1, 11, 99)], NOW)
        monthly.put_list(conn, SHOWS, "2026-01", [], NOW)
        assert monthly.missing_months(conn, SHOWS, months, NOW + 365 * DAY) == ["2025-12"]
        assert monthly.missing_months(conn, MOVIES, months, NOW) == months
        assert monthly.known_months(conn, SHOWS, months) == ["2026-01", "2026-02"]
        assert monthly.watchers_rows(conn, SHOWS, months) == [("2026-02", 1, 100), ("2026-02", 2, 50)]


def test_a_month_that_was_not_found_is_asked_for_again_after_a_week(database: Database) -> None:
    with database.writing() as conn:
        monthly.put_list(conn, SHOWS, "2026-02", None, NOW)
        assert monthly.missing_months(conn, SHOWS, ["2026-02"], NOW + 6 * DAY) == []
        assert monthly.missing_months(conn, SHOWS, ["2026-02"], NOW + 7 * DAY) == ["2026-02"]
        assert monthly.known_months(conn, SHOWS, ["2026-02"]) == []
        monthly.put_list(conn, SHOWS, "2026-02", [(1, 11, 100)], NOW + 7 * DAY)
        assert monthly.known_months(conn, SHOWS, ["2026-02"]) == ["2026-02"]
