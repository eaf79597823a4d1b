"""Rows that many titles share: genres, the providers' registry, stubs of related titles.

Each function is meant for a short transaction of its own, before a title's. Missing rows are inserted and then
changed ones updated, both in key order: two writers can neither wait for each other in a ring nor collide.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, update

from ratingo_pipelines.storage.tables import TitleTables, genres, watch_providers_registry
from ratingo_pipelines.storage.titles import known_ids
from ratingo_pipelines.storage.types import normal
from ratingo_pipelines.storage.upsert import in_chunks, insert_missing, insert_missing_ids


def put_genres(conn: Connection, named: Iterable[tuple[int, str, str | None]]) -> dict[int, int]:
    """Make the genres (tmdb_id, English name, Ukrainian name) known; returns TMDB id -> our id.

    A genre that comes without a Ukrainian name keeps the one it has.
    """
    rows = {tmdb_id: {"tmdb_id": tmdb_id, "name_en": en, "name_uk": uk} for tmdb_id, en, uk in named}
    _put(conn, genres, rows)
    return genres_known(conn, rows)


def genres_known(conn: Connection, tmdb_ids: Iterable[int]) -> dict[int, int]:
    """Our ids of those of the genres that are known."""
    statement = select(genres.c.tmdb_id, genres.c.id).where(genres.c.tmdb_id.in_(sorted(set(tmdb_ids))))
    return dict(conn.execute(statement).all())


def put_providers(conn: Connection, named: Iterable[tuple[int, str, str | None]]) -> None:
    """Make the providers (tmdb_id, name, logo_path) known; one that comes without a logo keeps the one it has."""
    rows = {
        tmdb_id: {"tmdb_id": tmdb_id, "name": name, "logo_path": logo, "slug": slug_of(name)}
        for tmdb_id, name, logo in named
    }
    _put(conn, watch_providers_registry, rows)


def slug_of(name: str) -> str:
    """A provider's name in lower case, with `-` for what is not a-z0-9."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


def put_stubs(conn: Connection, t: TitleTables, stubs: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Insert those of the titles that have no row yet; returns TMDB id -> our id of all.

    A title that has a row keeps it as it is. Raises UnstorableValue for a value that no column takes.
    """
    rows = {stub["tmdb_id"]: stub for stub in reversed(stubs)}
    known = known_ids(conn, t, rows)
    missing = [rows[tmdb_id] for tmdb_id in sorted(rows.keys() - known.keys())]
    if not missing:
        return known
    columns = dict.fromkeys(name for row in missing for name in row)
    same_shape = [{name: row.get(name) for name in columns} for row in missing]
    known |= insert_missing_ids(conn, t.titles, same_shape, "tmdb_id")
    # Another writer was quicker with these.
    return known | known_ids(conn, t, rows.keys() - known.keys())


def _put(conn: Connection, table: Table, rows: Mapping[int, Mapping[str, Any]]) -> None:
    known: dict[int, Mapping[str, Any]] = {}
    for part in in_chunks(rows):
        found = conn.execute(select(table).where(table.c.tmdb_id.in_(part))).mappings()
        known.update((row["tmdb_id"], dict(row)) for row in found)
    insert_missing(conn, table, [rows[tmdb_id] for tmdb_id in sorted(rows.keys() - known.keys())], ["tmdb_id"])
    for tmdb_id in sorted(known):
        news = {name: normal(table.c[name].type, value) for name, value in rows[tmdb_id].items() if value is not None}
        changed = {name: value for name, value in news.items() if known[tmdb_id][name] != value}
        if changed:
            conn.execute(update(table).where(table.c.id == known[tmdb_id]["id"]).values(changed))
