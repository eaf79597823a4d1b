"""Titles that the site must not list: why, since when; and taking them off the list, with the links to them.

What makes a title ineligible (the anime filter, TMDB's not knowing it) is decided in `sync`. Its row, its children and
its snapshots stay.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Text, cast, delete, or_, select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import ineligible
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.upsert import in_chunks, insert_unless_there, lock_ids, update_rows

LISTED_BY = ("trending_score", "rating_trakt", "watchers_delta", "delta_3m")
"""The columns that the site lists a title by: NULL together, or none of them."""


def reasons(conn: Connection, medium: Medium, tmdb_ids: Collection[int]) -> dict[int, str]:
    """Why those of the titles that are ineligible are so, as far as is known: TMDB id -> reason."""
    found: dict[int, str] = {}
    for part in in_chunks(tmdb_ids):
        where = (ineligible.c.medium == medium.plural, ineligible.c.tmdb_id.in_(part))
        found.update(conn.execute(select(ineligible.c.tmdb_id, ineligible.c.reason).where(*where)).all())
    return found


def all_ids(conn: Connection, medium: Medium) -> set[int]:
    """TMDB ids of all titles found ineligible."""
    return set(conn.execute(select(ineligible.c.tmdb_id).where(ineligible.c.medium == medium.plural)).scalars())


def record(conn: Connection, medium: Medium, tmdb_id: int, reason: str, now: datetime) -> bool:
    """Remember that a title was found ineligible; whether that is news."""
    row = {"medium": medium.plural, "tmdb_id": tmdb_id, "reason": reason, "found_at": now}
    return insert_unless_there(conn, ineligible, row, ("medium", "tmdb_id"))


def clear(conn: Connection, medium: Medium, tmdb_id: int) -> None:
    """Forget that a title was ineligible: it is not any more."""
    where = (ineligible.c.medium == medium.plural, ineligible.c.tmdb_id == tmdb_id)
    conn.execute(delete(ineligible).where(*where))


def take_off_list(conn: Connection, t: TitleTables, tmdb_ids: Collection[int]) -> list[int]:
    """Unlist these titles and remove the links that lead to them; our ids of the titles that linked to them, locked.

    Locks the titles and those that link to them in the order of their ids, so the caller holds no lock on titles yet.
    """
    c = t.titles.c
    rows = conn.execute(select(c.id, c.tmdb_id).where(c.tmdb_id.in_(sorted(set(tmdb_ids))))).all()
    if not rows:
        return []
    ids, gone = {row.id for row in rows}, {row.tmdb_id for row in rows}
    linking = _linking(conn, t, ids, gone)
    locked = lock_ids(conn, t.titles, c.id.in_(sorted(ids | linking)))
    current = conn.execute(select(c.id, c.related, *(c[name] for name in LISTED_BY)).where(c.id.in_(locked))).all()
    listed = [row.id for row in current if row.id in ids and any(figure is not None for figure in row[2:])]
    update_rows(conn, t.titles, [(row_id, dict.fromkeys(LISTED_BY)) for row_id in listed])
    relinked = [
        (row.id, {"related": [one for one in row.related if one not in gone]})
        for row in current
        if gone.intersection(row.related or ())
    ]
    update_rows(conn, t.titles, relinked)
    conn.execute(delete(t.related).where(t.related.c[t.related_key].in_(sorted(ids))))
    return sorted(linking)


def _linking(conn: Connection, t: TitleTables, ids: Collection[int], tmdb_ids: Collection[int]) -> set[int]:
    """Our ids of the titles that name these among their related ones: as links, in their column, or both."""
    c = t.titles.c
    linked = select(t.related.c[t.parent_key]).where(t.related.c[t.related_key].in_(sorted(ids)))
    found = set(conn.execute(linked).scalars())
    named = or_(*(cast(c.related, Text).like(f"%{tmdb_id}%") for tmdb_id in sorted(tmdb_ids)))
    rows = conn.execute(select(c.id, c.related).where(named))
    return found | {row_id for row_id, related in rows if not set(tmdb_ids).isdisjoint(related or ())}
