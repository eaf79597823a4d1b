"""Cycles: their times, claims with leases, outcomes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Counts, Cycle, Entry, Standing
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import cycles as cycles_table
from ratingo_pipelines.storage.pipeline_tables import trending
from ratingo_pipelines_tests.storage.examples import NOW, rows_of

LEASE = timedelta(minutes=1)
ENTRIES = (
    Entry(1, 11, 101, "one", "tt0000011", "One", 2020, 500, 8.5, 1000),
    Entry(2, 12, 102, "two", None, "Two", 2021, 400),
    Entry(3, None, 103, "three", None, "Three", None, 300, outcome="skipped", reason="no TMDB id"),
    Entry(4, 11, 104, "one-again", None, "One again", 2020, 200, outcome="skipped", reason="listed twice"),
    Entry(5, 15, 105, "five", None, "Five", 2022, 100),
)


def _open(database: Database, hours: float = 0) -> Cycle:
    with database.writing() as conn:
        return cycles.open_cycle(conn, SHOWS, NOW + timedelta(hours=hours), ENTRIES, 10_000, "opener")


def _ranks(database: Database, cycle: Cycle, run_id: str, **others: object) -> list[int]:
    at = others.pop("now", NOW)
    with database.writing() as conn:
        claimed = cycles.claim(conn, cycle.id, run_id, at + LEASE, at, **others)  # type: ignore[operator, arg-type]
    return [title.rank for title in claimed]


def _mark(database: Database, cycle: Cycle, rank: int, run_id: str, outcome: str = "done") -> bool:
    row = rows_of(database, trending, cycle_id=cycle.id, rank=rank)[0]
    with database.writing() as conn:
        return cycles.mark(conn, row["id"], run_id, outcome, "because")


def test_a_cycle_holds_every_entry_of_the_list(database: Database) -> None:
    cycle = _open(database)
    assert cycle == Cycle(cycle.id, "shows", NOW, 10_000, listed=5, eligible=3)
    with database.reading() as conn:
        assert cycles.latest_cycle(conn, SHOWS) == cycle
        assert cycles.latest_cycle(conn, MOVIES) is None
        assert cycles.counts(conn, cycle.id, NOW) == Counts(pending=3, skipped=2)
        assert cycles.counts(conn, cycle.id, NOW).total == 3
    rows = rows_of(database, trending)
    assert [(row["rank"], row["tmdb_id"], row["outcome"], row["reason"]) for row in rows] == [
        (1, 11, "pending", None),
        (2, 12, "pending", None),
        (3, None, "skipped", "no TMDB id"),
        (4, 11, "skipped", "listed twice"),
        (5, 15, "pending", None),
    ]
    assert (rows[0]["rating"], rows[0]["votes"], rows[0]["imdb_id"]) == (8.5, 1000, "tt0000011")


def test_the_times_of_cycles_are_whole_seconds_and_strictly_increase(database: Database) -> None:
    asked_at = [NOW.replace(microsecond=999_999), NOW, NOW - timedelta(days=1), NOW + timedelta(hours=6)]
    with database.writing() as conn:
        times = [cycles.open_cycle(conn, SHOWS, at, (), 10_000, None).cycle_at for at in asked_at]
        movies = cycles.open_cycle(conn, MOVIES, NOW, (), 10_000, None).cycle_at
    assert times == [NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2), NOW + timedelta(hours=6)]
    assert movies == NOW


def test_a_new_cycle_supersedes_the_unfinished_titles_of_the_old_one(database: Database) -> None:
    old = _open(database)
    assert _ranks(database, old, "worker") == [1, 2, 5]
    _mark(database, old, 1, "worker", "done")
    _mark(database, old, 2, "worker", "error")
    _open(database, hours=6)

    assert not _mark(database, old, 5, "worker")
    rows = {row["rank"]: row for row in rows_of(database, trending, cycle_id=old.id)}
    assert [rows[rank]["outcome"] for rank in (1, 2, 5)] == ["done", "error", "skipped"]
    assert rows[5]["reason"] == cycles.SUPERSEDED
    assert _ranks(database, old, "other", now=NOW + timedelta(days=1)) == []


def test_a_claimed_title_is_nobody_elses_while_its_lease_lives(database: Database) -> None:
    cycle = _open(database)
    assert _ranks(database, cycle, "one", limit=2) == [1, 2]
    assert _ranks(database, cycle, "two") == [5]
    with database.reading() as conn:
        assert cycles.counts(conn, cycle.id, NOW) == Counts(processing=3, skipped=2)
        assert cycles.counts(conn, cycle.id, NOW + LEASE) == Counts(pending=3, skipped=2)
    assert _ranks(database, cycle, "three", now=NOW + LEASE) == [1, 2, 5]
    assert not _mark(database, cycle, 1, "one")
    assert _mark(database, cycle, 1, "three")


def test_a_renewed_lease_lives_on(database: Database) -> None:
    cycle = _open(database)
    _ranks(database, cycle, "one", limit=2)
    _mark(database, cycle, 1, "one")
    with database.writing() as conn:
        assert cycles.renew(conn, "one", NOW + 2 * LEASE) == 1
    assert _ranks(database, cycle, "two", now=NOW + LEASE) == [5]


def test_a_released_title_may_be_claimed_at_once(database: Database) -> None:
    cycle = _open(database)
    _ranks(database, cycle, "one")
    _mark(database, cycle, 1, "one")
    with database.writing() as conn:
        assert cycles.release(conn, "one") == 2
    assert _ranks(database, cycle, "two") == [2, 5]


def test_only_the_titles_asked_for_are_claimed(database: Database) -> None:
    cycle = _open(database)
    assert _ranks(database, cycle, "one", tmdb_ids=[12, 99]) == [2]


def test_finished_titles_are_retaken_but_never_what_another_run_holds(database: Database) -> None:
    cycle = _open(database)
    _ranks(database, cycle, "one")
    _mark(database, cycle, 1, "one")
    _mark(database, cycle, 2, "one", "error")
    assert _ranks(database, cycle, "two", tmdb_ids=[11, 12, 15]) == []
    assert _ranks(database, cycle, "two", tmdb_ids=[11, 12, 15], retake=True) == [1, 2]
    row = rows_of(database, trending, cycle_id=cycle.id, rank=2)[0]
    assert (row["outcome"], row["reason"], row["run_id"]) == ("pending", None, "two")


def test_an_outcome_is_set_once_by_the_run_that_holds_the_title(database: Database) -> None:
    cycle = _open(database)
    assert not _mark(database, cycle, 1, "one")
    _ranks(database, cycle, "one")
    assert not _mark(database, cycle, 1, "two")
    assert _mark(database, cycle, 1, "one", "skipped")
    assert not _mark(database, cycle, 1, "one", "done")
    row = rows_of(database, trending, cycle_id=cycle.id, rank=1)[0]
    assert (row["outcome"], row["reason"], row["lease_until"]) == ("skipped", "because", None)


def test_a_retaken_title_tells_the_outcome_from_before_the_claim(database: Database) -> None:
    cycle = _open(database)
    _ranks(database, cycle, "one")
    _mark(database, cycle, 1, "one")
    _mark(database, cycle, 2, "one", "error")
    with database.writing() as conn:
        cycles.release(conn, "one")
        claimed = cycles.claim(conn, cycle.id, "two", NOW + LEASE, NOW, retake=True)
    assert [(title.outcome, title.reason) for title in claimed] == [
        ("done", "because"),
        ("error", "because"),
        ("pending", None),
    ]
    assert {row["outcome"] for row in rows_of(database, trending, run_id="two")} == {"pending"}


def test_standings_tell_what_has_become_of_each_title(database: Database) -> None:
    cycle = _open(database)
    _ranks(database, cycle, "one", limit=2)
    _mark(database, cycle, 1, "one")
    with database.reading() as conn:
        found = cycles.standings(conn, cycle.id, [11, 12, 15, 99], NOW)
    assert found == {11: Standing.DONE, 12: Standing.PROCESSING, 15: Standing.PENDING}


def test_the_previous_watchers_are_those_of_the_cycle_before(database: Database) -> None:
    first = _open(database)
    with database.writing() as conn:
        entries = [replace(ENTRIES[0], watchers=900), replace(ENTRIES[1], watchers=0)]
        second = cycles.open_cycle(conn, SHOWS, NOW + timedelta(hours=6), entries, 10_000, None)
        third = cycles.open_cycle(conn, SHOWS, NOW + timedelta(hours=12), (), 10_000, None)
        assert cycles.previous_watchers(conn, first) == {}
        assert cycles.previous_watchers(conn, second) == {11: 500, 12: 400, 15: 100}
        assert cycles.previous_watchers(conn, third) == {11: 900}


def test_a_titles_identity_is_what_the_last_list_that_named_it_said(database: Database) -> None:
    _open(database)
    with database.writing() as conn:
        entries = [replace(ENTRIES[0], title="One, renamed"), replace(ENTRIES[3], rank=2)]
        cycles.open_cycle(conn, SHOWS, NOW + timedelta(hours=6), entries, 10_000, None)
        found = cycles.identities(conn, SHOWS, [11, 12, 99])
        assert cycles.identities(conn, MOVIES, [11]) == {}
    assert {tmdb_id: (title.title, title.trakt_id) for tmdb_id, title in found.items()} == {
        11: ("One, renamed", 101),
        12: ("Two", 102),
    }


def test_the_titles_of_a_cycle_come_in_the_lists_order(database: Database) -> None:
    cycle = _open(database)
    with database.reading() as conn:
        assert [title.rank for title in cycles.titles_of(conn, cycle.id)] == [1, 2, 4, 5]
        skipped = cycles.titles_of(conn, cycle.id, "skipped")
    assert [(title.rank, title.reason) for title in skipped] == [(4, "listed twice")]


def test_requests_spent_on_a_cycle_add_up(database: Database) -> None:
    cycle = _open(database)
    for spent in ({"trakt": 2}, {"trakt": 1, "tmdb": 5}, {}):
        with database.writing() as conn:
            cycles.add_requests(conn, cycle.id, spent)
    assert rows_of(database, cycles_table)[0]["requests"] == {"trakt": 3, "tmdb": 5}


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        pytest.param(0, 0, True, id="just then"),
        pytest.param(-1, 0, True, id="at its end"),
        pytest.param(0, 1, True, id="at its beginning"),
        pytest.param(1, 2, False, id="before it"),
        pytest.param(-2, -1, False, id="after it"),
    ],
)
def test_a_cycle_is_opened_in_a_time_with_both_its_bounds(
    database: Database, since: int, until: int, found: bool
) -> None:
    with database.writing() as conn:
        opened = cycles.open_cycle(conn, SHOWS, NOW, [], 100, "run")
        conn.execute(update(cycles_table).values(created_at=NOW))
        bounds = [NOW + timedelta(seconds=second) for second in (since, until)]
        cycle = cycles.cycle_opened_between(conn, SHOWS, *bounds)
    assert (cycle is not None and cycle.id == opened.id) is found
