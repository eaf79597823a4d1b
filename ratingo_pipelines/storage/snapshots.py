"""How many people watched a title, cycle by cycle.

An adopted database may hold several snapshots of one instant; each instant counts once here. There are millions of
snapshots in time, and a title's are found by the index on the title alone, whatever the planner believes.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.upsert import fenced, fenced_for_each, in_chunks, insert_unless_there


def add_snapshot(conn: Connection, t: TitleTables, title_id: int, tmdb_id: int, watchers: int, at: datetime) -> bool:
    """Add a cycle's snapshot of a title unless it has one. The caller holds the title's lock."""
    row = {t.parent_key: title_id, "tmdb_id": tmdb_id, "watchers": watchers, "created_at": at}
    return insert_unless_there(conn, t.snapshots, row, (t.parent_key, "created_at"))


def previous_watchers(
    conn: Connection, t: TitleTables, title_id: int, before: datetime, not_before: datetime
) -> int | None:
    """The watchers of a title's newest snapshot older than `before`, if that one is not older than `not_before`."""
    bounds = {"of_title": title_id, "before": before, "not_before": not_before}
    return conn.execute(previous_statement(t), bounds).scalar()


@cache
def previous_statement(t: TitleTables) -> Select[int]:
    """The statement of `previous_watchers`, whose plan the tests look at.

    Not fenced, a title with few snapshots among many is looked for in all of them, newest first.
    """
    own = fenced(select(t.snapshots).where(t.snapshots.c[t.parent_key] == bindparam("of_title")))
    return (
        select(func.max(own.c.watchers))
        .where(own.c.created_at < bindparam("before"), own.c.created_at >= bindparam("not_before"))
        .group_by(own.c.created_at)
        .order_by(own.c.created_at.desc())
        .limit(1)
    )


def since(
    conn: Connection, t: TitleTables, title_ids: Collection[int], start: datetime
) -> list[Row[int, datetime, int]]:
    """The titles' snapshots from `start` on, as (our id, created_at, watchers), in time order."""
    found: list[Row[int, datetime, int]] = []
    for part in in_chunks(title_ids):
        found.extend(conn.execute(since_statement(conn.dialect.name, t, part, start)))
    return sorted(found, key=lambda row: row.created_at)


def since_statement(
    dialect: str, t: TitleTables, title_ids: Sequence[int], start: datetime
) -> Select[int, datetime, int]:
    """The statement of `since`, whose plan the tests look at."""
    own = fenced_for_each(dialect, t.snapshots, t.parent_key, title_ids).c
    return (
        select(own[t.parent_key].label("title_id"), own.created_at, func.max(own.watchers).label("watchers"))
        .where(own.created_at >= start)
        .group_by(own[t.parent_key], own.created_at)
        .order_by(own.created_at, own[t.parent_key])
    )


def last_snapshots(
    conn: Connection, t: TitleTables, title_ids: Collection[int], n: int = 10
) -> dict[int, list[tuple[datetime, int]]]:
    """Each title's last `n` snapshots as (created_at, watchers), in time order; titles without any left out."""
    found: dict[int, list[tuple[datetime, int]]] = {}
    for part in in_chunks(title_ids):
        for title_id, created_at, watchers in conn.execute(last_statement(conn.dialect.name, t, part, n)):
            found.setdefault(title_id, []).append((created_at, watchers))
    return found


def last_statement(dialect: str, t: TitleTables, title_ids: Sequence[int], n: int) -> Select[int, datetime, int]:
    """The statement of `last_snapshots`, whose plan the tests look at."""
    own = fenced_for_each(dialect, t.snapshots, t.parent_key, title_ids).c
    title_id = own[t.parent_key]
    ranked = (
        select(
            title_id.label("title_id"),
            own.created_at,
            func.max(own.watchers).label("watchers"),
            func.row_number().over(partition_by=title_id, order_by=own.created_at.desc()).label("newest"),
        )
        .group_by(title_id, own.created_at)
        .subquery()
    )
    return (
        select(ranked.c.title_id, ranked.c.created_at, ranked.c.watchers)
        .where(ranked.c.newest <= n)
        .order_by(ranked.c.title_id, ranked.c.created_at)
    )
