"""A database that the old sync filled, and one that was empty: after two cycles and a backfill the site reads the same.

Compared column by column over all tables of the site: keys are read as what they lead to, and the rows that the site
shows in the order of their ids (`IN_ORDER`) are compared in that order. Left aside are times of writing, and what only
the old sync ever met: its rows are kept.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, inspect, select, text

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import tables
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.airings import prune_calendar, sync_calendar
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines_tests.exactness import IN_ORDER
from ratingo_pipelines_tests.storage.old_database import fill_as_the_old_sync
from ratingo_pipelines_tests.storage.old_titles import OLD_GENRE, add_listed_titles, add_stubs, add_titles_that_left
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, on_database, run_cycle

LISTED = 12
UNLISTED = 5
KEPT = {1399, 1396, 18, OLD_GENRE}
"""Shows and genres that the old sync alone has met: no source names them, and no row is lost."""
LEADS_TO = {
    "show_id": "shows",
    "related_show_id": "shows",
    "movie_id": "movies",
    "related_movie_id": "movies",
    "genre_id": "genres",
}
TIMES = {"updated_at", "created_at", "trending_updated_at"}

Row = Mapping[str, Any]
Site = dict[str, dict[int, list[Row]]]
Names = Mapping[str, Mapping[int, int]]
"""TMDB ids by table and key."""
UrlFactory = Callable[..., str]


pytestmark = pytest.mark.long


@pytest.fixture
def old_url(new_database_url: UrlFactory, sandbox: RunningSandbox, clock: Clock) -> str:
    """A database with all of the old application's tables and rows, and nothing of ours."""
    url = new_database_url(migrated=False)
    database = Database(url)
    fill_as_the_old_sync(database)
    upgrade(database)
    for medium in MEDIA:
        truth = [entry for entry in sandbox.truth(medium, LISTED) if entry["skip"] is None]
        named = {entry["tmdb"] for entry in truth}
        related = {one["tmdb_id"]: one["title"] for entry in truth for one in entry["facts"]["related"]}
        known = sorted(related.keys() - named)
        assert len(truth) > LISTED / 2
        assert len(known) > 2 * UNLISTED
        add_listed_titles(database, medium, truth, clock() - timedelta(days=10))
        left = {tmdb_id: related[tmdb_id] for tmdb_id in known[:UNLISTED]}
        add_titles_that_left(database, medium, left, clock() - timedelta(days=40))
        add_stubs(database, medium, known[UNLISTED : 2 * UNLISTED])
    _forget_this_project(database)
    database.dispose()
    return url


@pytest.fixture
def both(
    settings: Settings, old_url: str, new_database_url: UrlFactory, clock: Clock, tmp_path: Path, quick_pauses: None
) -> Iterator[tuple[SyncContext, SyncContext]]:
    """Everything open on a created and on an adopted database, each in a home of its own."""
    upgrade(database := Database(old_url))
    database.dispose()
    with ExitStack() as stack:
        opened = []
        for name, url in (("created", new_database_url()), ("adopted", old_url)):
            own = {"trending_limit": LISTED, "concurrency": 4, "ratingo_home": tmp_path / name}
            opened.append(stack.enter_context(open_sync_context(on_database(settings, url).model_copy(update=own))))
        created, adopted = (replace(ctx, now=clock) for ctx in opened)
        yield created, adopted


def test_an_adopted_and_a_created_database_end_alike(
    both: tuple[SyncContext, SyncContext], sandbox: RunningSandbox, clock: Clock
) -> None:
    began = clock()
    for ctx in both:
        _cycle(ctx)
    clock.turn(hours=6)
    sandbox.control("epoch", {"advance": 1})
    for ctx in both:
        _cycle(ctx)
        _backfill(ctx)

    created, adopted = (_site(ctx.database, began) for ctx in both)

    assert created.keys() == adopted.keys() == tables.metadata.tables.keys()
    assert [name for name, rows in created.items() if not rows] == []
    assert _differences(created, adopted) == []


def _cycle(ctx: SyncContext) -> None:
    for medium in MEDIA:
        _, report = run_cycle(ctx, medium)
        assert not report.failures, report
    sync_calendar(ctx)
    prune_calendar(ctx)


def _backfill(ctx: SyncContext) -> None:
    for medium in MEDIA:
        backfill_meta(ctx, medium, RUN)
        backfill_omdb(ctx, medium)


def _forget_this_project(database: Database) -> None:
    with database.writing() as conn:
        if database.dialect == "postgresql":
            conn.execute(text("DROP SCHEMA pipeline CASCADE"))
            return
        for name in inspect(conn).get_table_names():
            if name.startswith("pipeline_"):
                conn.execute(text(f"DROP TABLE {name}"))


def _site(database: Database, since: datetime) -> Site:
    """Every table of the site: its rows by the TMDB id of what they are about."""
    with database.reading() as conn:
        names = {
            name: {row.id: row.tmdb_id for row in conn.execute(select(table.c.id, table.c.tmdb_id))}
            for name, table in tables.metadata.tables.items()
            if "tmdb_id" in table.columns
        }
        return {table.name: _grouped(conn, table, names, since) for table in tables.metadata.tables.values()}


def _grouped(
    conn: Connection, table: Table, names: Mapping[str, Mapping[int, int]], since: datetime
) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    snapshots = [tables_of(medium).snapshots for medium in MEDIA]
    for row in conn.execute(select(table).order_by(table.c.id)).mappings():
        if table in snapshots and row["created_at"] < since.replace(microsecond=0):
            continue
        named = _named(dict(row), names)
        found.setdefault(named.get("tmdb_id") or named.get("show_id") or named["movie_id"], []).append(named)
    if not any(table is getattr(tables_of(medium), name) for medium in MEDIA for name in IN_ORDER):
        found = {tmdb_id: sorted(rows, key=repr) for tmdb_id, rows in found.items()}
    return found


def _named(row: Row, names: Names) -> dict[str, Any]:
    """The row without key and times; of other keys, the TMDB id of what they lead to."""
    kept = {name: value for name, value in row.items() if name not in {"id", *TIMES}}
    for column, table in LEADS_TO.items():
        if column in kept:
            kept[column] = names[table][kept[column]]
    return kept


def _differences(created: Site, adopted: Site) -> list[str]:
    found = []
    for table, about in created.items():
        for tmdb_id, rows in about.items():
            others = adopted[table].get(tmdb_id, [])
            if len(rows) != len(others):
                found.append(f"{table} of {tmdb_id}: {len(others)} rows, not {len(rows)}")
            for row, other in zip(rows, others, strict=False):
                found += [
                    f"{table} of {tmdb_id}: {name} is {other[name]!r}, not {value!r}"
                    for name, value in row.items()
                    if other[name] != value
                ]
        surplus = adopted[table].keys() - about.keys() - KEPT
        found += [f"{table} of {tmdb_id}: only adopted" for tmdb_id in sorted(surplus)]
    return found
