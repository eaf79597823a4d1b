"""Doubts: answers that would empty a part of a title, or deny the title itself, and are not believed yet.

What is doubted and when it is believed is decided in `sync.trust.doubts`; parts are plain texts here.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, case, delete, func, select, true, update

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.failures import backing_off
from ratingo_pipelines.storage.pipeline_tables import doubts
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.upsert import in_chunks, insert_missing, update_rows

Key = tuple[str, str]
"""A part and its region, which is empty where the part has none."""
_UNIQUE = ("medium", "tmdb_id", "part", "region")


@dataclass(frozen=True)
class Doubt:
    """One part of one title that the source says is gone; what was known of it is kept."""

    medium: str
    tmdb_id: int
    part: str
    region: str
    """A country, of texts a locale; empty where the part has none."""
    reason: str | None
    """What the answer said, where that is more than nothing: why the title falls to the anime filter."""
    first_at: datetime
    last_at: datetime
    """When an answer of the source last said so."""
    many: bool
    """Whether it was one of too many of its batch: the source's fault."""
    title: str | None = None
    """What the title is called, where its row is there."""

    @property
    def key(self) -> Key:
        """Part and region."""
        return self.part, self.region


@dataclass(frozen=True)
class DoubtCount:
    """The open doubts about one part and region of a medium."""

    medium: str
    part: str
    region: str
    titles: int
    many: int
    """How many of them are the source's fault."""
    first_at: datetime
    last_at: datetime


def of_titles(conn: Connection, medium: Medium, tmdb_ids: Collection[int]) -> dict[int, list[Doubt]]:
    """The open doubts about these titles, by TMDB id; titles without any left out."""
    found: dict[int, list[Doubt]] = {}
    for part in in_chunks(tmdb_ids):
        for row in conn.execute(_rows(doubts.c.medium == medium.plural, doubts.c.tmdb_id.in_(part))):
            found.setdefault(row.tmdb_id, []).append(_doubt(row))
    return found


def open_doubts(conn: Connection, t: TitleTables, part: str, region: str | None = None) -> list[Doubt]:
    """The open doubts about a part, in all regions or in one, with the titles' names; the oldest first."""
    where = [doubts.c.medium == t.medium.plural, doubts.c.part == part]
    if region is not None:
        where.append(doubts.c.region == region)
    statement = _rows(*where).add_columns(t.titles.c.title).outerjoin(t.titles, t.titles.c.tmdb_id == doubts.c.tmdb_id)
    return [Doubt(*row) for row in conn.execute(statement)]


def counts(conn: Connection, medium: Medium | None = None) -> list[DoubtCount]:
    """The open doubts of a medium, or of all, counted by part and region."""
    c = doubts.c
    statement = (
        select(
            c.medium,
            c.part,
            c.region,
            func.count(),
            func.sum(case((c.many, 1), else_=0)),
            func.min(c.first_at),
            func.max(c.last_at),
        )
        .where(true() if medium is None else c.medium == medium.plural)
        .group_by(c.medium, c.part, c.region)
        .order_by(c.part, c.region)
    )
    return [DoubtCount(*row) for row in conn.execute(statement)]


def due(conn: Connection, t: TitleTables, asked_before: datetime, now: datetime) -> list[int]:
    """TMDB ids of the titles with doubts that no answer has borne out since `asked_before`, the longest due first.

    Titles that failed so lately that they are not to be tried again `now` are left out.
    """
    c = doubts.c
    statement = (
        select(c.tmdb_id)
        .join(t.titles, t.titles.c.tmdb_id == c.tmdb_id)
        .where(c.medium == t.medium.plural, c.last_at <= asked_before, ~backing_off(t, "details", now))
        .group_by(c.tmdb_id)
        .order_by(func.min(c.last_at), c.tmdb_id)
    )
    return list(conn.execute(statement).scalars())


def record(conn: Connection, medium: Medium, tmdb_id: int, found: Mapping[Key, str | None], now: datetime) -> None:
    """Remember what an answer of `now` says is gone, each with its reason. The caller holds the title's lock."""
    rows = conn.execute(_KEYS, _title(medium, tmdb_id))
    known: dict[Key, int] = {(part, region): row_id for row_id, part, region in rows}
    again = {key: reason for key, reason in found.items() if key in known}
    update_rows(conn, doubts, [(known[key], {"last_at": now, "reason": reason}) for key, reason in again.items()])
    new = [
        {
            "medium": medium.plural,
            "tmdb_id": tmdb_id,
            "part": part,
            "region": region,
            "reason": reason,
            "first_at": now,
            "last_at": now,
            "many": False,
        }
        for (part, region), reason in sorted(found.items())
        if (part, region) not in known
    ]
    insert_missing(conn, doubts, new, _UNIQUE)


def end(conn: Connection, medium: Medium, tmdb_id: int, keys: Iterable[Key]) -> None:
    """Forget these doubts about a title: they were believed, or a good answer ended them."""
    for part, region in sorted(keys):
        conn.execute(_END, {**_title(medium, tmdb_id), "of_part": part, "of_region": region})


def mark_many(conn: Connection, medium: Medium, key: Key, tmdb_ids: Collection[int]) -> None:
    """Note that the doubts about this part of these titles are the source's fault."""
    part, region = key
    for ids in in_chunks(tmdb_ids):
        where = (doubts.c.medium == medium.plural, doubts.c.part == part, doubts.c.region == region)
        conn.execute(update(doubts).where(*where, doubts.c.tmdb_id.in_(ids)).values(many=True))


def _rows(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    columns = [doubts.c[field.name] for field in fields(Doubt) if field.name in doubts.c]
    return select(*columns).where(*where).order_by(doubts.c.first_at, doubts.c.id)


def _doubt(row: Row[*tuple[Any, ...]]) -> Doubt:
    return Doubt(*row)


def _title(medium: Medium, tmdb_id: int) -> dict[str, object]:
    return {"of_medium": medium.plural, "of_tmdb_id": tmdb_id}


_OF_TITLE = (doubts.c.medium == bindparam("of_medium"), doubts.c.tmdb_id == bindparam("of_tmdb_id"))
_KEYS = select(doubts.c.id, doubts.c.part, doubts.c.region).where(*_OF_TITLE)
_END = delete(doubts).where(
    *_OF_TITLE, doubts.c.part == bindparam("of_part"), doubts.c.region == bindparam("of_region")
)
