"""Which datasets were read when, and which titles they are about: named reads and writes.

What a dataset says, and what of it is written, is decided in `sync.imdb`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import provenance
from ratingo_pipelines.storage.pipeline_tables import datasets
from ratingo_pipelines.storage.provenance import Origin
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.upsert import locking, update_rows

IMDB = "imdb"
COLUMNS = ("id", "tmdb_id", "imdb_id", "rating_imdb", "imdb_votes", "primary_rating", "rating_tmdb", "rating_trakt_avg")
"""What is read of a title whose rating may change."""


@dataclass(frozen=True)
class DatasetRead:
    """A dataset as it was last read whole."""

    name: str
    url: str
    etag: str | None
    titles: int
    """A checksum of the titles it was read for: of others it was not looked whether they are in it."""
    rows: int
    read_at: datetime


def last_read(conn: Connection, name: str) -> DatasetRead | None:
    """How a dataset was last read; None where it never was."""
    columns = [datasets.c[field.name] for field in fields(DatasetRead)]
    row = conn.execute(select(*columns).where(datasets.c.name == name)).one_or_none()
    return DatasetRead(*row) if row else None


def put_read(conn: Connection, read: DatasetRead) -> None:
    """Remember how a dataset was read."""
    conn.execute(delete(datasets).where(datasets.c.name == read.name))
    conn.execute(insert(datasets).values({field.name: getattr(read, field.name) for field in fields(DatasetRead)}))


def imdb_ids(conn: Connection, t: TitleTables) -> list[tuple[int, str]]:
    """Our id and IMDb's of each title that has one, in the order of ours."""
    c = t.titles.c
    statement = select(c.id, c.imdb_id).where(c.imdb_id.is_not(None), c.imdb_id != "").order_by(c.id)
    return [(row.id, row.imdb_id) for row in conn.execute(statement)]


def lock_rated(conn: Connection, t: TitleTables, ids: Sequence[int]) -> Sequence[RowMapping]:
    """The rows of titles (our ids), locked in their order."""
    columns = [t.titles.c[name] for name in COLUMNS]
    statement = select(*columns).where(t.titles.c.id.in_(ids)).order_by(t.titles.c.id)
    return conn.execute(locking(statement)).mappings().all()


def put_ratings(
    conn: Connection,
    medium: Medium,
    t: TitleTables,
    changed: Sequence[tuple[int, Mapping[str, Any]]],
    origins: Mapping[int, Mapping[str, Origin]],
    known: Iterable[tuple[int, str]],
) -> None:
    """Write ratings by our ids, and whose they are by TMDB's; the caller holds the rows."""
    update_rows(conn, t.titles, changed)
    provenance.record_many(conn, medium, origins, set(known))
