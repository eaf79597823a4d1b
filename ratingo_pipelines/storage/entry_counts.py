"""How many entries the titles had in each child table when a cycle was opened, to be compared with what they have now.

Counted are the titles that the cycle and the one before it both name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, insert, select

from ratingo_pipelines.storage.cycles import Cycle, cycle_before
from ratingo_pipelines.storage.pipeline_tables import entry_counts, trending
from ratingo_pipelines.storage.tables import TitleTables

COMPARED = 20
"""With fewer titles there is nothing to be told by comparing."""
COUNTED = (
    *("ratings", "rating_buckets", "translations", "genres", "videos"),
    *("watch_providers", "cast", "content_ratings", "related"),
)
"""The child tables that are counted, by their role."""


@dataclass(frozen=True)
class Counted:
    """Entries of so many titles in one table."""

    titles: int
    entries: int


def keep(conn: Connection, t: TitleTables, cycle: Cycle) -> None:
    """Count what the titles have now, and keep it with the cycle, which was just opened."""
    named = named_again(conn, cycle)
    if len(named) < COMPARED:
        return
    counts = count(conn, t, named, COUNTED)
    rows = [
        {"cycle_id": cycle.id, "name": name, "titles": len(named), "entries": entries}
        for name, entries in counts.items()
    ]
    conn.execute(insert(entry_counts), rows)


def kept(conn: Connection, cycle: Cycle, name: str) -> Counted | None:
    """What was kept with a cycle of one table; None where there was too little to compare."""
    c = entry_counts.c
    row = conn.execute(select(c.titles, c.entries).where(c.cycle_id == cycle.id, c.name == name)).one_or_none()
    return None if row is None else Counted(*row)


def named_again(conn: Connection, cycle: Cycle) -> set[int]:
    """The titles (TMDB ids) that the cycle and the one before it both name."""
    before = cycle_before(conn, cycle)
    if before is None:
        return set()
    lists = [
        select(trending.c.tmdb_id).where(trending.c.cycle_id == one.id, trending.c.tmdb_id.is_not(None))
        for one in (cycle, before)
    ]
    first, second = (set(conn.execute(named).scalars()) for named in lists)
    return first & second


def count(conn: Connection, t: TitleTables, tmdb_ids: Collection[int], names: Collection[str]) -> Mapping[str, int]:
    """The entries that these titles have in some tables, by the table's role."""
    found = {}
    for name in names:
        table = getattr(t, name)
        statement = (
            select(func.count())
            .select_from(table.join(t.titles, t.titles.c.id == table.c[t.parent_key]))
            .where(t.titles.c.tmdb_id.in_(sorted(tmdb_ids)), *_counts(t, name))
        )
        found[name] = conn.execute(statement).scalar_one()
    return found


def _counts(t: TitleTables, name: str) -> list[ColumnElement[bool]]:
    """What makes a row an entry: nobody's votes are none."""
    if name == "ratings":
        return [t.ratings.c.votes > 0]
    return [t.rating_buckets.c.count > 0] if name == "rating_buckets" else []
