"""All that is on record of one title, as reads: its row, its places in cycles, when sources were asked about it.

What is written of titles is written where the tables are looked after: `titles`, `cycles`, `asked`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import asked, cycles, trending
from ratingo_pipelines.storage.tables import TitleTables


class Name(NamedTuple):
    """A title as people call it."""

    tmdb_id: int
    title: str
    title_uk: str | None
    listed: bool
    """Whether it has a score: stubs of related titles have none."""


@dataclass(frozen=True)
class RecordedPlace:
    """A title's place in a cycle, and what came of it."""

    cycle_id: int
    cycle_at: datetime
    rank: int
    watchers: int
    outcome: str
    reason: str | None
    trakt_id: int | None
    slug: str | None


@dataclass(frozen=True)
class AskedAbout:
    """When a source was last asked about a title, beside its cycles."""

    source: str
    asked_at: datetime
    next_at: datetime
    empty_streak: int
    """How often in a row nothing came."""


def row_of(conn: Connection, t: TitleTables, tmdb_id: int) -> RowMapping | None:
    """The title's row."""
    return conn.execute(select(t.titles).where(t.titles.c.tmdb_id == tmdb_id)).mappings().one_or_none()


def names(conn: Connection, t: TitleTables) -> list[Name]:
    """What all stored titles are called, the listed ones first by their score.

    They are compared by who asks: SQLite knows upper and lower case of ASCII alone (https://sqlite.org/lang_expr.html).
    """
    c = t.titles.c
    statement = select(c.tmdb_id, c.title, c.title_uk, c.trending_score.is_not(None))
    return [Name(*row) for row in conn.execute(statement.order_by(c.trending_score.desc().nulls_last(), c.id))]


def places(conn: Connection, medium: Medium, tmdb_id: int, n: int) -> list[RecordedPlace]:
    """The title's places in the last `n` cycles that named it, the newest first."""
    c = trending.c
    statement = (
        select(c.cycle_id, cycles.c.cycle_at, c.rank, c.watchers, c.outcome, c.reason, c.trakt_id, c.slug)
        .join(cycles, cycles.c.id == c.cycle_id)
        .where(c.medium == medium.plural, c.tmdb_id == tmdb_id)
        .order_by(cycles.c.cycle_at.desc(), c.rank)
        .limit(n)
    )
    return [RecordedPlace(*row) for row in conn.execute(statement)]


def asked_about(conn: Connection, medium: Medium, tmdb_id: int) -> list[AskedAbout]:
    """When each source was asked about the title."""
    c = asked.c
    statement = select(c.source, c.asked_at, c.next_at, c.empty_streak).order_by(c.source)
    return [AskedAbout(*row) for row in conn.execute(statement.where(c.medium == medium.plural, c.tmdb_id == tmdb_id))]


def children(conn: Connection, t: TitleTables, name: str, title_id: int) -> Sequence[dict[str, Any]]:
    """The title's rows of a child table, in the order of their ids."""
    table = getattr(t, name)
    statement = select(table).where(table.c[t.parent_key] == title_id).order_by(table.c.id)
    return [dict(row) for row in conn.execute(statement).mappings()]
