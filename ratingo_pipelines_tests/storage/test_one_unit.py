"""Installations in use that hold changes in months beside changes in people: the upgrade states them in one unit."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.storage import cycles, monthly, snapshots
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import NOW, own, rows_of, save_title

BEFORE = "0008"
MONTHS = ("2026-02", "2026-01", "2025-12", "2025-11", "2025-10", "2025-09")
WATCHERS = (600, 500, 400, 30, 20, 10)
"""Of the first title in these months."""
MOVED, OLD, NEW, UNLISTED = 1, 2, 3, 4
HOURS_6, DAYS_8 = timedelta(hours=6), timedelta(days=8)


def stored(database: Database, medium: Medium, months: int) -> None:
    """Titles as the version before left them, with so many of the lists of `MONTHS`."""
    seen = {MOVED: {DAYS_8: 500, HOURS_6: 90}, OLD: {DAYS_8: 500}, NEW: {}, UNLISTED: {HOURS_6: 90}}
    figures: dict[str, Any] = {
        "rating_trakt": 100.0,
        "watchers_delta": 55_526.0,
        "delta_3m": -7.0,
        "trending_updated_at": NOW,
    }
    for tmdb_id, before in seen.items():
        title_id = save_title(database, tmdb_id, 100, medium, at=NOW, **figures)
        with database.writing() as conn:
            for ago, watchers in before.items():
                snapshots.add_snapshot(conn, tables_of(medium), title_id, tmdb_id, watchers, NOW - ago)
    titles = tables_of(medium).titles
    with database.writing() as conn:
        gone = dict.fromkeys(("rating_trakt", "trending_score", "watchers_delta", "delta_3m"))
        conn.execute(update(titles).where(titles.c.tmdb_id == UNLISTED).values(gone))
        entries = [Entry(n, n, 10 * n, None, None, f"Title {n}", 2020, 100) for n in (MOVED, OLD, NEW)]
        cycles.open_cycle(conn, medium, NOW, entries, 10_000, None)
        for month, watchers in list(zip(MONTHS, WATCHERS, strict=True))[:months]:
            monthly.put_list(conn, medium, month, [(10 * MOVED, MOVED, watchers)], NOW)
        conn.execute(text(f"UPDATE {own(database)}pipeline_alembic_version SET version_num = '{BEFORE}'"))  # noqa: S608


def changes(database: Database, medium: Medium) -> dict[int, tuple[Any, Any]]:
    rows = rows_of(database, tables_of(medium).titles)
    return {row["tmdb_id"]: (row["watchers_delta"], row["delta_3m"]) for row in rows}


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_an_upgrade_states_both_changes_anew_from_snapshots_and_lists(database: Database, medium: Medium) -> None:
    stored(database, medium, months=6)

    assert upgrade(database) == []

    # Against the newest snapshot of the last week; of months, three against the three before.
    assert changes(database, medium) == {MOVED: (10, 1440), OLD: (0, 0), NEW: (0, 0), UNLISTED: (None, None)}


def test_where_a_list_of_the_six_months_is_missing_nothing_is_said_of_them(database: Database) -> None:
    [medium, _] = MEDIA
    stored(database, medium, months=5)

    upgrade(database)

    assert changes(database, medium)[MOVED] == (10, 0)
