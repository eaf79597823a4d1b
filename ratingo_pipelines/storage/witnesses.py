"""Titles that a source lately answered well for: who is asked about when it fails everybody, and proof that it did not.

When one is asked about is decided in `sync.trust.blame`. A few are kept for each medium, source and stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import witnesses
from ratingo_pipelines.storage.upsert import insert_missing, lock_name, update_rows


@dataclass(frozen=True)
class Witness:
    """A title (TMDB id), and when it was answered well for."""

    tmdb_id: int
    answered_at: datetime


def latest(conn: Connection, medium: Medium, source: str, stage: str) -> list[Witness]:
    """Those kept, the latest first."""
    c = witnesses.c
    statement = select(c.tmdb_id, c.answered_at).where(*_of(medium, source, stage)).order_by(c.answered_at.desc())
    return [Witness(*row) for row in conn.execute(statement)]


def record(
    conn: Connection, medium: Medium, source: str, stage: str, tmdb_ids: Sequence[int], now: datetime, *, keep: int
) -> None:
    """Remember titles that were answered well for, the latest first, in place of the oldest: `keep` are kept."""
    lock_name(conn, f"witnesses of {medium}")
    c = witnesses.c
    oldest_first = select(c.tmdb_id, c.id).where(*_of(medium, source, stage)).order_by(c.answered_at)
    known: dict[int, int] = dict(conn.execute(oldest_first).all())
    new = list(dict.fromkeys(tmdb_ids))[:keep]
    replaced = [row_id for tmdb_id, row_id in known.items() if tmdb_id not in new]
    free = keep - len(known)
    changed, missing = [], []
    for place, tmdb_id in enumerate(new):
        # Titles remembered at once are told apart by a microsecond.
        values = {"tmdb_id": tmdb_id, "answered_at": now - timedelta(microseconds=place)}
        if tmdb_id in known:
            changed.append((known[tmdb_id], values))
        elif free > 0:
            free -= 1
            missing.append({"medium": medium.plural, "source": source, "stage": stage, **values})
        else:
            changed.append((replaced.pop(0), values))
    update_rows(conn, witnesses, changed)
    insert_missing(conn, witnesses, missing, ["medium", "source", "stage", "tmdb_id"])


def withdraw(conn: Connection, medium: Medium, source: str, stage: str, tmdb_id: int) -> None:
    """Forget a title that is no longer answered well for, so that another is asked about; the last one stays."""
    if len(latest(conn, medium, source, stage)) > 1:
        conn.execute(delete(witnesses).where(*_of(medium, source, stage), witnesses.c.tmdb_id == tmdb_id))


def others_since(conn: Connection, medium: Medium, stage: str, moment: datetime, tmdb_id: int) -> bool:
    """Whether another title than this one came through a stage after that moment."""
    c = witnesses.c
    where = (c.medium == medium.plural, c.stage == stage, c.answered_at > moment, c.tmdb_id != tmdb_id)
    return bool(conn.execute(select(exists().where(*where))).scalar())


def _of(medium: Medium, source: str, stage: str) -> tuple[ColumnElement[bool], ...]:
    return witnesses.c.medium == medium.plural, witnesses.c.source == source, witnesses.c.stage == stage
