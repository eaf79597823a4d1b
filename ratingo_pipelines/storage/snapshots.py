"""How many people watched a title, cycle by cycle.

An adopted database may hold several snapshots of one instant; each instant counts once here.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.upsert import in_chunks, insert_unless_there


def add_snapshot(conn: Connection, t: TitleTables, title_id: int, tmdb_id: int, watchers: int, at: datetime) -> bool:
    """Add a cycle's snapshot of a title unless it has one. The caller holds the title's lock."""
    row = {t.parent_key: title_id, "tmdb_id": tmdb_id, "watchers": watchers, "created_at": at}
    return insert_unless_there(conn, t.snapshots, row, (t.parent_key, "created_at"))


def recent_watchers(conn: Connection, t: TitleTables, title_id: int, limit: int, until: datetime) -> list[int]:
    """The watchers of a title's latest snapshots up to and with `until`, newest first."""
    return list(conn.execute(_recent(t, limit), {"of_title": title_id, "until": until}).scalars())


@cache
def _recent(t: TitleTables, limit: int) -> Select[int]:
    c = t.snapshots.c
    return (
        select(func.max(c.watchers))
        .where(c[t.parent_key] == bindparam("of_title"), c.created_at <= bindparam("until"))
        .group_by(c.created_at)
        .order_by(c.created_at.desc())
        .limit(limit)
    )


def since(
    conn: Connection, t: TitleTables, title_ids: Collection[int], start: datetime
) -> list[Row[int, datetime, int]]:
    """The titles' snapshots from `start` on, as (our id, created_at, watchers), in time order."""
    table, parent = t.snapshots, t.snapshots.c[t.parent_key]
    found: list[Row[int, datetime, int]] = []
    for part in in_chunks(title_ids):
        statement = (
            select(parent.label("title_id"), table.c.created_at, func.max(table.c.watchers).label("watchers"))
            .where(parent.in_(part), table.c.created_at >= start)
            .group_by(parent, table.c.created_at)
            .order_by(table.c.created_at, parent)
        )
        found.extend(conn.execute(statement))
    return sorted(found, key=lambda row: row.created_at)


def last_snapshots(
    conn: Connection, t: TitleTables, title_ids: Collection[int], n: int = 10
) -> dict[int, list[tuple[datetime, int]]]:
    """Each title's last `n` snapshots as (created_at, watchers), in time order; titles without any left out."""
    found: dict[int, list[tuple[datetime, int]]] = {}
    for part in in_chunks(title_ids):
        for title_id, created_at, watchers in conn.execute(last_statement(t, part, n)):
            found.setdefault(title_id, []).append((created_at, watchers))
    return found


def last_statement(t: TitleTables, title_ids: Sequence[int], n: int) -> Select[int, datetime, int]:
    """The statement of `last_snapshots`, whose plan the tests look at."""
    table, parent = t.snapshots, t.snapshots.c[t.parent_key]
    ranked = (
        select(
            parent.label("title_id"),
            table.c.created_at,
            func.max(table.c.watchers).label("watchers"),
            func.row_number().over(partition_by=parent, order_by=table.c.created_at.desc()).label("place"),
        )
        .where(parent.in_(title_ids))
        .group_by(parent, table.c.created_at)
        .subquery()
    )
    return (
        select(ranked.c.title_id, ranked.c.created_at, ranked.c.watchers)
        .where(ranked.c.place <= n)
        .order_by(ranked.c.title_id, ranked.c.created_at)
    )
