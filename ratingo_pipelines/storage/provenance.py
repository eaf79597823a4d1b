"""Who gave a title's values that several sources may give, and when it answered so: reads and writes.

Which source's value is written is decided in `sync.precedence`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import provenance
from ratingo_pipelines.storage.upsert import in_chunks, insert_missing

_KEY = ("medium", "tmdb_id", "value")
_UPDATE = (
    update(provenance)
    .where(provenance.c.medium == bindparam("of_medium"), provenance.c.tmdb_id == bindparam("of_title"))
    .where(provenance.c.value == bindparam("of_value"))
    .values(source=bindparam("new_source"), answered_at=bindparam("new_answered_at"))
)


@dataclass(frozen=True)
class Origin:
    """Where a value comes from."""

    source: str
    """imdb, omdb, trakt or tmdb."""
    answered_at: datetime
    """When the source last said so, UTC; an answer that changes nothing is noted once a day."""


def origins_of(conn: Connection, medium: Medium, tmdb_ids: Iterable[int]) -> dict[int, dict[str, Origin]]:
    """Whose the values of these titles are, by title and value; titles of which nothing is on record are left out."""
    c = provenance.c
    found: dict[int, dict[str, Origin]] = {}
    for part in in_chunks(tmdb_ids):
        statement = select(c.tmdb_id, c.value, c.source, c.answered_at).where(c.medium == medium.plural)
        for row in conn.execute(statement.where(c.tmdb_id.in_(part))):
            found.setdefault(row.tmdb_id, {})[row.value] = Origin(row.source, row.answered_at)
    return found


def record(
    conn: Connection, medium: Medium, tmdb_id: int, origins: Mapping[str, Origin], known: Iterable[str] = ()
) -> None:
    """Keep whose these values are; `known` are the values that have an origin on record.

    The caller holds the title's lock. Nothing is sent where nothing is to be kept.
    """
    there = origins.keys() & set(known)
    rows = [
        {"medium": medium.plural, "tmdb_id": tmdb_id, "value": value}
        | {"source": origin.source, "answered_at": origin.answered_at}
        for value, origin in origins.items()
        if value not in there
    ]
    insert_missing(conn, provenance, rows, _KEY)
    changed = [
        {"of_medium": medium.plural, "of_title": tmdb_id, "of_value": value}
        | {"new_source": origins[value].source, "new_answered_at": origins[value].answered_at}
        for value in sorted(there)
    ]
    if changed:
        conn.execute(_UPDATE, changed)


def record_many(
    conn: Connection, medium: Medium, origins: Mapping[int, Mapping[str, Origin]], known: Collection[tuple[int, str]]
) -> None:
    """Keep whose the values of many titles are; `known` are the titles and values that have an origin on record.

    The caller holds the titles' locks.
    """
    missing, changed = [], []
    for tmdb_id, of_title in origins.items():
        for value, origin in of_title.items():
            if (tmdb_id, value) in known:
                new = {"new_source": origin.source, "new_answered_at": origin.answered_at}
                changed.append({"of_medium": medium.plural, "of_title": tmdb_id, "of_value": value} | new)
            else:
                said = {"source": origin.source, "answered_at": origin.answered_at}
                missing.append({"medium": medium.plural, "tmdb_id": tmdb_id, "value": value} | said)
    insert_missing(conn, provenance, missing, _KEY)
    if changed:
        conn.execute(_UPDATE, changed)


def move(conn: Connection, medium: Medium, tmdb_id: int, new_id: int) -> None:
    """Have what is on record of a title be of the id that its own was merged into."""
    mine = provenance.c.medium == medium.plural
    conn.execute(delete(provenance).where(mine, provenance.c.tmdb_id == new_id))
    conn.execute(update(provenance).where(mine, provenance.c.tmdb_id == tmdb_id).values(tmdb_id=new_id))
