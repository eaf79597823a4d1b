"""When a source was last asked about a title, and when it is due again.

`N/A` is an answer as well: it is remembered, so that titles without an answer do not keep the others waiting.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import asked
from ratingo_pipelines.storage.upsert import in_chunks, insert_missing, insert_unless_there, locking, update_rows

OMDB, META, RELATED, EMPTY = "omdb", "meta", "related", "empty"
EMPTY_ASKS = 2
"""So often lists that came empty for a new title are asked for again; then there is nothing in them."""


@dataclass(frozen=True)
class Interval:
    """How long to wait after an answer, and after a number of empty ones in a row: growing from `first`."""

    answered: timedelta
    first: timedelta
    longest: timedelta
    factor: int = 2


INTERVALS: Mapping[str, Interval] = {
    OMDB: Interval(timedelta(days=7), timedelta(days=3), timedelta(days=30)),
    META: Interval(timedelta(days=30), timedelta(days=1), timedelta(days=30)),
    RELATED: Interval(timedelta(days=7), timedelta(days=7), timedelta(days=7)),
    EMPTY: Interval(timedelta(days=30), timedelta(days=1), timedelta(days=30), factor=30),
}


def next_ask(source: str, answered: bool, consecutive_misses: int, now: datetime) -> datetime:
    """When to ask a source again, after `consecutive_misses` empty answers in a row (this one among them)."""
    interval = INTERVALS[source]
    if answered:
        return now + interval.answered
    # The exponent is bounded, or a long consecutive_misses would overflow before it is cut.
    grown: int = interval.factor ** min(max(consecutive_misses - 1, 0), 5)
    return now + min(interval.first * grown, interval.longest)


_KEY = ("medium", "tmdb_id", "source")
_KNOWN = locking(
    select(asked.c.id, asked.c.empty_streak)
    .where(asked.c.medium == bindparam("of_medium"), asked.c.source == bindparam("of_source"))
    .where(asked.c.tmdb_id == bindparam("of_title"))
)


def record_check(conn: Connection, medium: Medium, tmdb_id: int, source: str, now: datetime, answered: bool) -> None:
    """Remember that a source was asked about a title, and whether it had an answer."""
    if insert_unless_there(conn, asked, _first(medium, tmdb_id, source, now, answered), _KEY):
        return
    known = {"of_medium": medium.plural, "of_source": source, "of_title": tmdb_id}
    for row_id, misses in conn.execute(_KNOWN, known):
        update_rows(conn, asked, [(row_id, _values(source, now, answered, misses))])


def record_title(
    conn: Connection, medium: Medium, tmdb_id: int, answers: Mapping[str, bool], now: datetime, *, is_new: bool
) -> None:
    """Remember what was asked about one title: source -> whether it had an answer. One statement for a new title."""
    if not is_new:
        for source, answered in answers.items():
            record_check(conn, medium, tmdb_id, source, now, answered)
        return
    rows = [_first(medium, tmdb_id, source, now, answered) for source, answered in answers.items()]
    insert_missing(conn, asked, rows, _KEY)


def _first(medium: Medium, tmdb_id: int, source: str, now: datetime, answered: bool) -> dict[str, Any]:
    key = {"medium": medium.plural, "tmdb_id": tmdb_id, "source": source}
    return key | _values(source, now, answered, misses_before=0)


def _values(source: str, now: datetime, answered: bool, misses_before: int) -> dict[str, Any]:
    misses = 0 if answered else misses_before + 1
    return {"asked_at": now, "next_at": next_ask(source, answered, misses, now), "empty_streak": misses}


def forget(conn: Connection, medium: Medium, tmdb_id: int, source: str) -> None:
    """Forget that a source was asked about a title: it is due at once."""
    where = (asked.c.medium == medium.plural, asked.c.tmdb_id == tmdb_id, asked.c.source == source)
    conn.execute(delete(asked).where(*where))


def due(conn: Connection, medium: Medium, tmdb_ids: Collection[int], source: str, now: datetime) -> set[int]:
    """Those of the titles that the source was never asked about, or whose time to ask again has come."""
    waiting: set[int] = set()
    for part in in_chunks(tmdb_ids):
        where = (asked.c.medium == medium.plural, asked.c.source == source, asked.c.next_at > now)
        waiting.update(conn.execute(select(asked.c.tmdb_id).where(*where, asked.c.tmdb_id.in_(part))).scalars())
    return set(tmdb_ids) - waiting


def asked_since(conn: Connection, medium: Medium, source: str, moment: datetime) -> int:
    """How many titles the source was last asked about then or later."""
    where = (asked.c.medium == medium.plural, asked.c.source == source, asked.c.asked_at >= moment)
    return conn.execute(select(func.count()).where(*where)).scalar_one()


def answered(conn: Connection, medium: Medium, tmdb_ids: Collection[int], source: str) -> set[int]:
    """Those of the titles that the source had an answer about when it was last asked."""
    found: set[int] = set()
    for part in in_chunks(tmdb_ids):
        where = (asked.c.medium == medium.plural, asked.c.source == source, asked.c.empty_streak == 0)
        found.update(conn.execute(select(asked.c.tmdb_id).where(*where, asked.c.tmdb_id.in_(part))).scalars())
    return found
