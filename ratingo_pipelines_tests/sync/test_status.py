"""How far the cycles are, at any size of the database in the same few statements."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import event, insert

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import attempts, cycles, failures, quota
from ratingo_pipelines.storage.attempts import Attempt
from ratingo_pipelines.storage.cycles import Counts, Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.status import status
from ratingo_pipelines.sync.tmdb_list import LISTED_TWICE, WITHOUT_TMDB_ID
from ratingo_pipelines.terminal.reports import status_lines
from ratingo_pipelines_tests.storage.examples import NOW, PATIENCE, save_title

SETTINGS = Settings(_env_file=None, ratingo_home=Path("/nowhere"))
"""Not the home of the checkout, in which a demo may have run."""
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def open_cycle(database: Database, size: int) -> None:
    """A cycle of shows: the first is done, the second is being worked on, the third is skipped."""
    entries = [
        Entry(
            rank,
            rank,
            rank,
            None,
            None,
            f"Title {rank}",
            2020,
            100,
            outcome={1: "done", 3: "skipped"}.get(rank, "pending"),
        )
        for rank in range(1, size + 1)
    ]
    now = utc_now()
    with database.writing() as conn:
        cycle = cycles.open_cycle(conn, SHOWS, now - timedelta(minutes=5), entries, 10_000, "run")
        cycles.claim(conn, cycle.id, "run", now + timedelta(minutes=1), now, tmdb_ids=[2])


def test_a_database_without_a_cycle_has_a_status_as_well(database: Database) -> None:
    state = status(database, SETTINGS, utc_now())

    assert [(medium.medium, medium.cycle, medium.counts) for medium in state.media] == [
        ("shows", None, Counts()),
        ("movies", None, Counts()),
    ]
    assert list(status_lines(state)) == [
        "shows: no cycle yet: `ratingo sync shows`",
        "movies: no cycle yet: `ratingo sync movies`",
        "OMDb: 1000 of 1000 requests left until midnight UTC",
    ]


def test_it_counts_titles_by_standing_and_tells_ages_and_what_is_left_of_the_quota(database: Database) -> None:
    open_cycle(database, 5)
    with database.writing() as conn:
        quota.take(conn, "omdb", utc_now().date().isoformat(), 1000, 30)

    found = status(database, SETTINGS, utc_now()).as_dict()

    assert found["media"]["shows"]["titles"] == {
        "total": 4,
        "pending": 2,
        "processing": 1,
        "done": 1,
        "skipped": 1,
        "error": 0,
    }
    assert 300 <= found["media"]["shows"]["age_seconds"] < 360
    assert found["omdb"] == {"used": 30, "limit": 1000, "left": 970}
    assert found["waiting"] == []


@pytest.mark.parametrize(
    ("used", "limit", "until"),
    [
        pytest.param(0, 2, ["2026-03-02 00:00 UTC", "2026-03-03 00:00 UTC"], id="today and tomorrow"),
        pytest.param(2, 2, ["2026-03-03 00:00 UTC", "2026-03-04 00:00 UTC"], id="today is used up"),
        pytest.param(0, 0, [None, None], id="never"),
    ],
)
def test_it_tells_who_waits_for_omdb_and_until_when(
    database: Database, used: int, limit: int, until: list[str | None]
) -> None:
    for tmdb_id in (1, 2, 3):
        save_title(database, tmdb_id, trending_score=1.0 if tmdb_id == 1 else None)
    save_title(database, 1, medium=MOVIES, trending_score=None)
    with database.writing() as conn:
        quota.take(conn, "omdb", NOW.date().isoformat(), 1000, used)
    settings = SETTINGS.model_copy(update={"omdb_api_key": SecretStr("of a test"), "omdb_daily_limit": limit})

    state = status(database, settings, NOW)

    assert [(each.api, each.turn, each.titles) for each in state.waiting] == [("omdb", "listed", 1), ("omdb", "new", 3)]
    assert [each.until and f"{each.until:%Y-%m-%d %H:%M} UTC" for each in state.waiting] == until
    assert list(status_lines(state))[-2:] == [
        f"  waiting: 1 listed title, {f'until {until[0]}' if until[0] else 'for ever: OMDB_DAILY_LIMIT is 0'}",
        f"  waiting: 3 new titles, {f'until {until[1]}' if until[1] else 'for ever: OMDB_DAILY_LIMIT is 0'}",
    ]


def test_without_a_key_nobody_waits(database: Database) -> None:
    save_title(database, 1, trending_score=None)
    assert status(database, SETTINGS, NOW).waiting == ()


def test_failures_come_with_their_reasons_and_whether_they_were_given_up(database: Database) -> None:
    open_cycle(database, 5)
    with database.writing() as conn:
        for _ in range(2):
            failures.record(
                conn, SHOWS, 4, "details", "it broke", utc_now(), spends_attempt=True, title="Title 4", policy=PATIENCE
            )
        failures.record(
            conn, MOVIES, 7, "ratings", "it was down", utc_now(), spends_attempt=False, title=None, policy=PATIENCE
        )

    state = status(database, SETTINGS.model_copy(update={"give_up_after": 2}), utc_now())

    [shows, movies] = state.as_dict()["media"].values()
    assert [(each["tmdb_id"], each["last_error"], each["given_up"]) for each in shows["failures"]] == [
        (4, "it broke", True)
    ]
    assert [(each["tmdb_id"], each["given_up"]) for each in movies["failures"]] == [(7, False)]
    assert any("(2 attempts, given up, next " in line for line in status_lines(state))


def test_ten_thousand_titles_take_no_more_statements_than_none(database: Database) -> None:
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    open_cycle(database, 5)
    status(database, SETTINGS, utc_now())
    few = len(statements)
    open_cycle(database, 10_000)
    with database.writing() as conn:
        rows = [{"tmdb_id": tmdb_id, "title": f"Title {tmdb_id}"} for tmdb_id in range(1, 10_001)]
        conn.execute(insert(tables_of(SHOWS).titles), rows)
    statements.clear()

    state = status(database, SETTINGS, utc_now())

    assert state.media[0].counts.total == 9_999
    assert len(statements) <= min(few, 8)


def test_it_tells_what_came_of_asking_and_what_is_skipped_beside_the_cycle_before(database: Database) -> None:
    for skipped in ([WITHOUT_TMDB_ID] * 2, [WITHOUT_TMDB_ID, LISTED_TWICE]):
        entries = [
            Entry(rank, None, rank, None, None, f"Title {rank}", 2020, 100, outcome="skipped", reason=reason)
            for rank, reason in enumerate(skipped, start=1)
        ]
        with database.writing() as conn:
            cycles.open_cycle(conn, SHOWS, NOON, entries, 10_000, "run")
    with database.writing() as conn:
        for attempt in (
            Attempt("shows", "trending", NOON, "well", None, 2, 600),
            Attempt("shows", "titles", NOON, "doubted", "TMDB: 404 for all; look at TMDB_BASE_URL"),
            Attempt("movies", "trending", NOON, "short", "Trakt: the list is short"),
            Attempt("movies", "watched_monthly/2026-01", NOON, "absent"),
        ):
            attempts.record(conn, attempt)

    state = status(database, SETTINGS, NOON + timedelta(minutes=6))

    shows, movies = state.as_dict()["media"].values()
    assert shows["list"] == {"asked_at": NOON, "outcome": "well", "reason": None}
    assert shows["clock_ahead_seconds"] == 600
    assert shows["skipped"] == {"listed twice": {"now": 1, "before": 0}, "no TMDB id": {"now": 1, "before": 2}}
    assert [(each["what"], each["outcome"]) for each in shows["troubles"]] == [("titles", "doubted")]
    assert [(each["what"], each["outcome"]) for each in movies["troubles"]] == [("trending", "short")]
    assert list(status_lines(state))[:-1] == [
        "shows: cycle 2, 0.1 h old: 0 titles: 0 done, 0 processing, 0 pending, 0 failed, 2 skipped "
        "(1 listed twice; 1 no TMDB id, 2 before); list asked for at 2026-01-31 12:00 UTC",
        "  titles: in vain at 2026-01-31 12:00 UTC: TMDB: 404 for all; look at TMDB_BASE_URL",
        "  clock: this machine's was 10 min ahead of Trakt's then: set it",
        "movies: no cycle yet: `ratingo sync movies`",
        "  trending: in vain at 2026-01-31 12:00 UTC: Trakt: the list is short",
    ]


def test_a_cycle_that_lies_ahead_is_said_to(database: Database) -> None:
    with database.writing() as conn:
        cycles.open_cycle(conn, SHOWS, NOON + timedelta(days=2), (), 10_000, "run")
    assert "cycle 1, 48.0 h ahead of this machine's clock: " in next(status_lines(status(database, SETTINGS, NOON)))
