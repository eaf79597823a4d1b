"""What changed of titles: a log that only grows, written with the change itself and read on from a cursor.

What is a change is decided in `sync.title_changes`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, insert, select, update

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import title_changes
from ratingo_pipelines.storage.upsert import lock_name


class ChangeKind(StrEnum):
    """What changed, as the table and the feed call it."""

    SEASON = "season"
    NEXT_EPISODE = "next_episode"
    STATUS = "status"
    CERTIFICATION = "certification"
    ON_PROVIDER = "on_provider"
    OFF_PROVIDER = "off_provider"
    LISTED = "listed"
    UNLISTED = "unlisted"


@dataclass(frozen=True)
class TitleChange:
    """One stored value that became another one. None: there is, or was, none."""

    kind: ChangeKind
    before: str | None = None
    after: str | None = None
    region: str | None = None
    """The country that it is about; None of what is the same everywhere."""


@dataclass(frozen=True)
class ChangedTitle:
    """A change, and whose it is."""

    tmdb_id: int
    title: str | None
    change: TitleChange


@dataclass(frozen=True)
class RecordedChange:
    """A change on record."""

    id: int
    """Ascends in the order in which changes became visible: a cursor."""
    medium: str
    tmdb_id: int
    title: str | None
    kind: str
    region: str | None
    before: str | None
    after: str | None
    cycle_id: int | None
    changed_at: datetime


def record(
    conn: Connection, medium: Medium, changes: Iterable[ChangedTitle], at: datetime, cycle_id: int | None = None
) -> None:
    """Append the changes; nothing is sent where there are none. To be the last that a transaction writes.

    Who reads on from the last id that it saw must not miss a smaller one that is committed later, so on PostgreSQL
    those who write wait for each other from here to the end of their transactions: ids then become visible in their
    order, as a transaction's locks go after what it wrote is seen (CommitTransaction in
    src/backend/access/transam/xact.c). Whoever has that lock waits for nothing else, so that no ring can form.
    """
    rows = [
        {
            "medium": medium.plural,
            "tmdb_id": changed.tmdb_id,
            "title": changed.title,
            "kind": changed.change.kind.value,
            "region": changed.change.region,
            "before": changed.change.before,
            "after": changed.change.after,
            "cycle_id": cycle_id,
            "changed_at": at,
        }
        for changed in changes
    ]
    if rows:
        lock_name(conn, "changes of titles")
        conn.execute(insert(title_changes), rows)


def after(conn: Connection, cursor: int, limit: int, medium: Medium | None = None) -> list[RecordedChange]:
    """The first changes after that id, of one medium or of both, in the order of their ids."""
    c = title_changes.c
    statement = select(*_COLUMNS).where(c.id > cursor).order_by(c.id).limit(limit)
    if medium is not None:
        statement = statement.where(c.medium == medium.plural)
    return [RecordedChange(*row) for row in conn.execute(statement)]


def last_id(conn: Connection) -> int:
    """The id of the newest change; 0 before the first."""
    return conn.execute(select(func.max(title_changes.c.id))).scalar() or 0


def of_title(conn: Connection, medium: Medium, tmdb_id: int, limit: int) -> list[RecordedChange]:
    """The title's last changes, the newest first."""
    c = title_changes.c
    mine = (c.medium == medium.plural, c.tmdb_id == tmdb_id)
    statement = select(*_COLUMNS).where(*mine).order_by(c.id.desc()).limit(limit)
    return [RecordedChange(*row) for row in conn.execute(statement)]


def move(conn: Connection, medium: Medium, tmdb_id: int, new_id: int) -> None:
    """Have the changes of a title be of the id that its own was merged into."""
    mine = (title_changes.c.medium == medium.plural, title_changes.c.tmdb_id == tmdb_id)
    conn.execute(update(title_changes).where(*mine).values(tmdb_id=new_id))


_COLUMNS = tuple(title_changes.c[field.name] for field in fields(RecordedChange))
