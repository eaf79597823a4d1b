"""What is remembered between runs: failures, questions asked, quotas, monthly lists."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage import asked, cycles, failures, monthly, quota, witnesses
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import NOW, PATIENCE

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _fail(database: Database, **others: object) -> failures.Failure:
    facts = {"now": NOW, "spends_attempt": True, "title": "Title", "policy": PATIENCE} | others
    with database.writing() as conn:
        return failures.record(conn, SHOWS, 42, "details", "it broke", **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last", "attempts", "delay"),
    [
        (None, 0, 15 * MINUTE),
        (None, 1, 15 * MINUTE),
        (15 * MINUTE, 1, 30 * MINUTE),
        (15 * MINUTE, 2, 30 * MINUTE),
        (2 * HOUR, 5, 4 * HOUR),
        (4 * HOUR, 5, 6 * HOUR),
        (6 * HOUR, 5, 6 * HOUR),
        (4 * HOUR, 6, 7 * DAY),
        (7 * DAY, 1_000, 7 * DAY),
        (7 * DAY, 5, 6 * HOUR),
    ],
)
def test_the_delay_grows_with_each_try_until_a_title_is_given_up(
    last: timedelta | None, attempts: int, delay: timedelta
) -> None:
    assert failures.next_delay(last, attempts, PATIENCE) == delay


def test_how_long_the_first_delay_is_and_when_a_title_is_given_up_is_configured() -> None:
    policy = failures.RetryPolicy(give_up_after=2, first_delay=MINUTE)
    assert [failures.next_delay(last, n, policy) for last, n in ((None, 1), (MINUTE, 2))] == [MINUTE, 7 * DAY]


def test_a_failure_counts_its_attempts_across_cycles(database: Database) -> None:
    _fail(database)
    later = _fail(database, now=NOW + 6 * HOUR)
    assert (later.attempts, later.first_failed_at, later.last_failed_at) == (2, NOW, NOW + 6 * HOUR)
    with database.reading() as conn:
        assert failures.all_failures(conn, SHOWS) == [later]
        assert failures.all_failures(conn, MOVIES) == []


def test_the_next_try_is_ever_further_off_also_where_none_spends_an_attempt(database: Database) -> None:
    now, delays = NOW, []
    for _ in range(7):
        failure = _fail(database, spends_attempt=False, now=now)
        delays.append((failure.next_attempt_at - now) / HOUR)
        now = failure.next_attempt_at
    assert (failure.attempts, delays) == (0, [0.25, 0.5, 1, 2, 4, 6, 6])


def test_a_try_that_told_nothing_puts_off_the_next_one_and_changes_nothing_else(database: Database) -> None:
    before = _fail(database)
    for _ in range(2):
        with database.writing() as conn:
            failures.postpone(conn, SHOWS, 42, ["details", "ratings"], NOW + 15 * MINUTE, PATIENCE)
    with database.reading() as conn:
        [after] = failures.all_failures(conn, SHOWS)
    assert after.next_attempt_at == NOW + 15 * MINUTE + 90 * MINUTE
    assert replace(after, next_attempt_at=before.next_attempt_at) == before


def test_a_try_that_told_nothing_brings_no_later_one_forward(database: Database) -> None:
    for _ in range(6):
        given_up = _fail(database)
    with database.writing() as conn:
        failures.postpone(conn, SHOWS, 42, ["details"], NOW - DAY, PATIENCE)
        assert failures.all_failures(conn, SHOWS) == [given_up]


def test_the_failures_of_titles_that_nothing_will_try_again_are_forgotten(database: Database) -> None:
    shows = tables_of(SHOWS)
    with database.writing() as conn:
        for tmdb_id in (1, 2, 3, 4):
            failures.record(
                conn, SHOWS, tmdb_id, "details", "it broke", NOW, spends_attempt=True, title=None, policy=PATIENCE
            )
        failures.record(conn, MOVIES, 1, "details", "it broke", NOW, spends_attempt=True, title=None, policy=PATIENCE)
        conn.execute(insert(shows.titles).values(tmdb_id=1, title="Stored"))
        cycles.open_cycle(conn, SHOWS, NOW - 10 * DAY, [_entry(2)], 1, None)
        cycles.open_cycle(conn, SHOWS, NOW, [_entry(3)], 1, None)
        assert failures.forget_lost(conn, shows, NOW - DAY) == 2
        assert [failure.tmdb_id for failure in failures.all_failures(conn, SHOWS)] == [1, 3]
        assert len(failures.all_failures(conn, MOVIES)) == 1


def _entry(tmdb_id: int) -> cycles.Entry:
    return cycles.Entry(1, tmdb_id, None, None, None, "Listed", None, 1)


def test_a_failure_is_due_when_its_time_has_come(database: Database) -> None:
    failure = _fail(database)
    with database.reading() as conn:
        assert failures.due(conn, SHOWS, NOW + 14 * MINUTE) == []
        assert failures.due(conn, SHOWS, NOW + 15 * MINUTE) == [failure]


def test_success_clears_the_failures_of_a_title(database: Database) -> None:
    _fail(database)
    with database.writing() as conn:
        failures.record(conn, SHOWS, 42, "omdb", "N/A", NOW, spends_attempt=True, title=None, policy=PATIENCE)
        failures.record(conn, SHOWS, 43, "details", "it broke", NOW, spends_attempt=True, title=None, policy=PATIENCE)
        assert failures.failing_ids(conn, SHOWS, [42, 43, 44]) == {42, 43}
        assert failures.clear(conn, SHOWS, 42, ["details"]) == 1
        assert failures.failing_ids(conn, SHOWS, [42]) == {42}
        assert failures.clear(conn, SHOWS, 42) == 1
        assert failures.failing_ids(conn, SHOWS, [42, 43]) == {43}


def _witnesses(database: Database, stage: str = "details", source: str = "TMDB") -> list[int]:
    with database.reading() as conn:
        return [one.tmdb_id for one in witnesses.latest(conn, SHOWS, source, stage)]


def _answered(database: Database, tmdb_ids: list[int], now: datetime = NOW, keep: int = 3) -> None:
    with database.writing() as conn:
        witnesses.record(conn, SHOWS, "TMDB", "details", tmdb_ids, now, keep=keep)


def test_the_titles_a_source_answered_well_for_last_are_kept_the_latest_first(database: Database) -> None:
    _answered(database, [1, 2])
    _answered(database, [3], NOW + HOUR)
    assert _witnesses(database) == [3, 1, 2]
    _answered(database, [4, 2], NOW + 2 * HOUR)
    assert _witnesses(database) == [4, 2, 3]
    _answered(database, [9, 8, 7, 6, 5], NOW + 3 * HOUR)
    assert _witnesses(database) == [9, 8, 7]
    assert _witnesses(database, stage="ratings") == _witnesses(database, source="Trakt") == []


def test_a_title_no_longer_answered_well_for_is_withdrawn_but_the_last_one_stays(database: Database) -> None:
    _answered(database, [1, 2])
    for _ in range(2):
        with database.writing() as conn:
            witnesses.withdraw(conn, SHOWS, "TMDB", "details", _witnesses(database)[0])
    assert _witnesses(database) == [2]


@pytest.mark.parametrize(
    ("stage", "since", "tmdb_id", "came_through"),
    [
        ("details", NOW - MINUTE, 2, True),
        ("details", NOW, 2, False),
        ("details", NOW - MINUTE, 1, False),
        ("store", NOW - MINUTE, 2, False),
    ],
)
def test_whether_another_title_came_through_a_stage_since(
    database: Database, stage: str, since: datetime, tmdb_id: int, came_through: bool
) -> None:
    _answered(database, [1])
    with database.reading() as conn:
        assert witnesses.others_since(conn, SHOWS, stage, since, tmdb_id) is came_through
        assert not witnesses.others_since(conn, MOVIES, stage, since, tmdb_id)


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
        asked.record_check(conn, SHOWS, 1, "omdb", NOW, answered=True)
        asked.record_check(conn, SHOWS, 2, "omdb", NOW, answered=False)
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
