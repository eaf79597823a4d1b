"""Candidates for a title's related titles, more than the site shows: when one may not be listed, the next moves up.

What a source relates to a title is `sync`'s to say; here candidates are kept, and links made of the first of them that
may be listed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import ineligible
from ratingo_pipelines.storage.pipeline_tables import candidates
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.titles import known_ids, put_title, replace_children
from ratingo_pipelines.storage.upsert import in_chunks

_KEY = ("candidate_tmdb_id",)


class Candidates(NamedTuple):
    """What a source relates to a title."""

    source: str
    """`trakt` or `tmdb`."""
    tmdb_ids: tuple[int, ...]
    """Best first."""


def keep(conn: Connection, medium: Medium, tmdb_id: int, found: Candidates) -> None:
    """Keep these candidates of a title in place of earlier ones. The caller holds the title's lock."""
    scope = {"medium": medium.plural, "tmdb_id": tmdb_id}
    rows = [
        {"candidate_tmdb_id": candidate, "source": found.source, "rank": rank}
        for rank, candidate in enumerate(found.tmdb_ids, start=1)
    ]
    replace_children(conn, candidates, scope, rows, _KEY)


def of_titles(conn: Connection, medium: Medium, tmdb_ids: Iterable[int]) -> dict[int, Candidates]:
    """The candidates of those of the titles that have some."""
    c = candidates.c
    found: dict[int, Candidates] = {}
    for part in in_chunks(tmdb_ids):
        rows = conn.execute(
            select(c.tmdb_id, c.source, c.candidate_tmdb_id)
            .where(c.medium == medium.plural, c.tmdb_id.in_(part))
            .order_by(c.tmdb_id, c.rank)
        )
        for tmdb_id, source, candidate in rows:
            before = found.get(tmdb_id, Candidates(source, ()))
            found[tmdb_id] = Candidates(source, (*before.tmdb_ids, candidate))
    return found


def replace_ineligible(conn: Connection, t: TitleTables, tmdb_ids: Collection[int], shown: int) -> None:
    """Take these titles, recorded as ineligible, off the list; where links led to them, the next candidates move up.

    The caller holds no lock on titles yet.
    """
    relink(conn, t, ineligible.take_off_list(conn, t, tmdb_ids), shown)


def relink(conn: Connection, t: TitleTables, title_ids: Collection[int], shown: int) -> None:
    """Make the links of these titles the first of their candidates that may be listed. The caller has locked them.

    Titles without candidates, of earlier versions, keep what links they have.
    """
    if not title_ids:
        return
    parents = conn.execute(select(t.titles).where(t.titles.c.id.in_(sorted(title_ids)))).mappings().all()
    known = of_titles(conn, t.medium, [row["tmdb_id"] for row in parents])
    named = {tmdb_id for found in known.values() for tmdb_id in found.tmdb_ids}
    barred = ineligible.reasons(conn, t.medium, named)
    ids = known_ids(conn, t, named)
    for row in parents:
        if row["tmdb_id"] in known:
            found = known[row["tmdb_id"]]
            eligible = [one for one in found.tmdb_ids if one in ids and one not in barred]
            _link(conn, t, row, found.source, eligible[:shown], ids)


def _link(
    conn: Connection, t: TitleTables, row: RowMapping, source: str, linked: Sequence[int], ids: Mapping[int, int]
) -> None:
    values: dict[str, Any] = {"tmdb_id": row["tmdb_id"], "related": list(linked)}
    put_title(conn, t, row, values)
    rows = [{t.related_key: ids[one], "source": source, "rank": rank} for rank, one in enumerate(linked, start=1)]
    replace_children(conn, t.related, {t.parent_key: row["id"]}, rows, (t.related_key,), ordered=True)
