"""Each check finds what it is there for, says what to do about it, and is content with a database as it should be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import cycles, entry_counts, quota
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines.sync.checks import CHECKS, Finding, look_at
from ratingo_pipelines.sync.context import SyncContext, utc_now
from ratingo_pipelines_tests.sync.syncing import run_cycle

BY_NAME = {check.name: check for check in CHECKS}


def found(database: Database, settings: Settings, name: str, medium: Medium = SHOWS) -> Finding:
    return look_at(database, medium, settings, BY_NAME[name])


def open_cycle(database: Database, size: int, outcome: str = "done", asked: int | None = None) -> cycles.Cycle:
    entries = [
        Entry(rank, 1000 + rank, rank, None, None, f"Title {rank}", 2020, 100, outcome=outcome, reason=None)
        for rank in range(1, size + 1)
    ]
    with database.writing() as conn:
        return cycles.open_cycle(conn, SHOWS, utc_now(), entries, 10_000, "run", asked=asked)


def add_title(database: Database, tmdb_id: int, **values: Any) -> int:
    with database.writing() as conn:
        statement = insert(tables_of(SHOWS).titles).values(tmdb_id=tmdb_id, title=f"Title {tmdb_id}", **values)
        return int(conn.execute(statement.returning(tables_of(SHOWS).titles.c.id)).scalar_one())


def test_a_database_that_a_sync_filled_passes_every_check(ctx: SyncContext) -> None:
    for medium in MEDIA:
        run_cycle(ctx, medium)
        for check in CHECKS:
            finding = look_at(ctx.database, medium, ctx.settings, check)
            assert finding.passed, finding.said


def test_an_empty_database_is_told_to_start_the_first_job(database: Database, settings: Settings) -> None:
    finding = found(database, settings, "list_is_whole")

    assert (finding.passed, finding.said) == (False, "No shows cycle yet. Start shows_trending.")
    assert found(database, settings, "every_title_has_a_row").passed


@pytest.mark.parametrize(("before", "now", "passed"), [(100, 50, True), (100, 49, False), (10, 100, True)])
def test_a_list_that_shrank_by_more_than_half_is_not_whole(
    database: Database, settings: Settings, before: int, now: int, passed: bool
) -> None:
    open_cycle(database, before, asked=100)
    open_cycle(database, now, asked=100)

    finding = found(database, settings, "list_is_whole")

    assert finding.passed is passed
    assert finding.numbers == {"listed": now, "listed before": before}
    assert passed or "start shows_trending again" in finding.said


def entries(size: int) -> list[Entry]:
    return [Entry(rank, 1000 + rank, rank, None, None, f"Title {rank}", 2020, 100) for rank in range(1, size + 1)]


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (
            [replace(entry, tmdb_id=None, outcome="skipped", reason="no TMDB id") for entry in entries(99)]
            + entries(100)[99:],
            "The list of cycle 2 has only 1 title in 100 entries",
        ),
        (
            [replace(entry, tmdb_id=1001) for entry in entries(100)],
            "The list of cycle 2 has only 1 title in 100 entries",
        ),
        (
            [replace(entry, watchers=0) for entry in entries(100)],
            "The list of cycle 2 says of every title that nobody watches it",
        ),
        (
            [replace(entry, trakt_id=None, tmdb_id=None, title=None) for entry in entries(50)] + entries(100)[50:],
            "The list of cycle 2 names a title in only 50 of its 100 entries",
        ),
        ([], "The list of cycle 2 is empty"),
    ],
    ids=["no TMDB ids", "one title alone", "nobody watches", "half of it nulls", "empty"],
)
def test_a_list_that_would_open_no_cycle_today_is_not_whole(
    database: Database, settings: Settings, listed: list[Entry], said: str
) -> None:
    open_cycle(database, 100)
    with database.writing() as conn:
        cycles.open_cycle(conn, SHOWS, utc_now(), listed, 10_000, "run", asked=100)

    finding = found(database, settings, "list_is_whole")

    assert not finding.passed
    assert finding.said.startswith(said)


def test_a_title_that_was_worked_off_and_has_no_row_is_found(database: Database, settings: Settings) -> None:
    open_cycle(database, 3)
    add_title(database, 1001)
    add_title(database, 1002)

    finding = found(database, settings, "every_title_has_a_row")

    assert (finding.passed, finding.numbers["without a row"]) == (False, 1)
    assert finding.said.startswith("Without a row: 1003 Title 3: done.")


def test_titles_still_pending_need_no_row_yet(database: Database, settings: Settings) -> None:
    open_cycle(database, 3, outcome="pending")

    assert found(database, settings, "every_title_has_a_row").passed


@pytest.mark.parametrize("values", [{"trending_score": 100.01}, {"trending_score": -1.0}, {"primary_rating": 11.0}])
def test_a_score_out_of_range_is_found(database: Database, settings: Settings, values: dict[str, float]) -> None:
    add_title(database, 1, trending_score=100.0, primary_rating=10.0)
    assert found(database, settings, "scores_in_range").passed
    add_title(database, 2, **values)

    finding = found(database, settings, "scores_in_range")

    assert not finding.passed
    assert "2 Title 2" in finding.said
    assert "shows_sync with these ids and force" in finding.said


def test_an_english_title_in_place_of_a_ukrainian_one_is_found(database: Database, settings: Settings) -> None:
    add_title(database, 1, title_uk="Назва 1")
    add_title(database, 2, title_uk="Title 2")
    add_title(database, 3, overview="Text", overview_uk="Text")

    finding = found(database, settings, "ukrainian_is_ukrainian")

    assert (finding.passed, finding.numbers["english"]) == (False, 2)
    assert "2 Title 2; 3 Title 3" in finding.said


def test_where_ukrainian_is_not_asked_for_nobody_looks_for_it(database: Database, settings: Settings) -> None:
    english = settings.model_copy(update={"locales": ("en-US",)})
    finding = found(database, english, "ukrainian_is_ukrainian")
    assert finding == Finding(True, "Not looked at: LOCALES is without uk-UA.")


def test_a_title_that_is_called_the_same_in_ukrainian_is_ukrainian(database: Database, settings: Settings) -> None:
    title_id = add_title(database, 2, title_uk="Title 2")
    translation = {"show_id": title_id, "locale": "uk-UA", "title": "Title 2"}
    with database.writing() as conn:
        conn.execute(insert(tables_of(SHOWS).translations).values(translation))

    assert found(database, settings, "ukrainian_is_ukrainian").passed


def test_child_rows_without_their_title_are_counted_by_table(database: Database, settings: Settings) -> None:
    title_id = add_title(database, 1)
    with database.writing() as conn:
        conn.execute(insert(tables_of(SHOWS).cast).values([{"show_id": 99}, {"show_id": title_id}]))
        conn.execute(insert(tables_of(SHOWS).related).values({"show_id": title_id, "related_show_id": 98}))
        conn.execute(insert(show_airings).values([{"show_id": 97, "tmdb_id": 1}, {"show_id": None, "tmdb_id": 2}]))

    finding = found(database, settings, "no_orphans")

    assert (finding.passed, finding.numbers) == (False, {"orphans": 3})
    assert "1 in show_cast, 1 in show_airings, 1 in show_related" in finding.said


def test_a_quota_that_is_used_up_says_when_it_goes_on(database: Database, settings: Settings) -> None:
    limited = settings.model_copy(update={"omdb_daily_limit": 10})
    with database.writing() as conn:
        quota.exhaust(conn, "omdb", utc_now().date().isoformat(), 10)

    finding = found(database, limited, "quota_left")

    assert (finding.passed, finding.numbers) == (False, {"left": 0, "used": 10})
    assert "after midnight UTC by itself" in finding.said


def test_without_a_key_there_is_no_quota_to_look_at(database: Database, settings: Settings) -> None:
    assert found(database, settings.model_copy(update={"omdb_api_key": None}), "quota_left").passed


def test_yesterdays_use_does_not_count(database: Database, settings: Settings) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with database.writing() as conn:
        quota.exhaust(conn, "omdb", yesterday.date().isoformat(), settings.omdb_daily_limit)

    assert found(database, settings, "quota_left").numbers["used"] == 0


def name_twice(database: Database, count: int) -> None:
    """Two cycles that both name so many titles, which have three persons of the cast each when the second is opened."""
    ids = [add_title(database, 1000 + rank) for rank in range(1, count + 1)]
    people = [{"show_id": i, "person_id": p, "name": f"Person {p}", "character": "One"} for i in ids for p in (1, 2, 3)]
    with database.writing() as conn:
        conn.execute(insert(tables_of(SHOWS).cast), people)
    open_cycle(database, count)
    second = open_cycle(database, count)
    with database.writing() as conn:
        entry_counts.keep(conn, tables_of(SHOWS), second)


def lose(database: Database, entries: int) -> None:
    cast = tables_of(SHOWS).cast
    with database.writing() as conn:
        gone = select(cast.c.id).order_by(cast.c.id).limit(entries)
        conn.execute(delete(cast).where(cast.c.id.in_(gone)))


@pytest.mark.parametrize(("lost", "passed"), [(0, True), (15, True), (16, False)])
def test_entries_of_titles_that_two_cycles_name_may_fall_by_a_quarter_and_no_more(
    database: Database, settings: Settings, lost: int, passed: bool
) -> None:
    name_twice(database, 20)
    lose(database, lost)

    finding = found(database, settings, "cast_kept")

    assert finding.passed is passed
    assert finding.numbers == {"entries": 60 - lost, "entries before": 60, "titles": 20}
    assert passed or finding.said.startswith(
        "show_cast holds 44 entries of 20 shows that the last two cycles name, 60 when"
    )
    assert found(database, settings, "videos_kept").passed


def test_fewer_than_twenty_titles_tell_nothing_of_what_is_kept(database: Database, settings: Settings) -> None:
    name_twice(database, 19)
    lose(database, 50)

    finding = found(database, settings, "cast_kept")

    assert (finding.passed, finding.numbers) == (True, {})
