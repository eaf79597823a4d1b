"""Episodes on the calendar. Instants are ISO 8601 texts in UTC, as Trakt gives them, and compare as texts.

Only shows have airings.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, insert, select

from ratingo_pipelines.storage.tables import show_airings
from ratingo_pipelines.storage.titles import Changes
from ratingo_pipelines.storage.types import normal
from ratingo_pipelines.storage.upsert import improvement, in_chunks, lock_name, update_rows

KEY = ("tmdb_id", "season", "episode")


def put_airings(
    conn: Connection,
    rows: Sequence[Mapping[str, Any]],
    windows: Sequence[tuple[datetime, datetime]],
    tmdb_ids: Collection[int],
    unclear: Callable[[RowMapping], bool] = lambda row: False,
) -> Changes:
    """Store what the calendar says, and remove what it no longer says of these shows within the windows.

    A window is from its start up to, and without, its end; a row that is `unclear` stays. Known episodes are updated
    where they differ; None overwrites nothing. Rows have one shape; the first of two with one show, season and episode
    wins.
    """
    lock_name(conn, "airings")
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        values = {name: normal(show_airings.c[name].type, value) for name, value in row.items()}
        wanted.setdefault(tuple(values[name] for name in KEY), values)
    told = [(iso(start), iso(end)) for start, end in windows]
    stale, changed = [], []
    for existing in _of_shows(conn, set(tmdb_ids) | {key[0] for key in wanted}):
        news = wanted.pop(tuple(existing[name] for name in KEY), None)
        if news is not None:
            if better := improvement(existing, news):
                changed.append((existing["id"], better))
        elif existing["tmdb_id"] in tmdb_ids and _is_within(existing["air_date"], told) and not unclear(existing):
            stale.append(existing["id"])
    for part in in_chunks(stale):
        conn.execute(delete(show_airings).where(show_airings.c.id.in_(part)))
    update_rows(conn, show_airings, changed)
    if wanted:
        conn.execute(insert(show_airings), list(wanted.values()))
    return Changes(len(wanted), len(changed), len(stale))


def without_dated(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of `rows`, whose times are days alone, of which the calendar has no instant within a day of theirs."""
    known = {tuple(row[name] for name in KEY): row for row in _of_shows(conn, {row["tmdb_id"] for row in rows})}
    return [row for row in rows if not _is_dated(known.get(tuple(row[name] for name in KEY)), row["air_date"])]


def _is_dated(airing: RowMapping | None, day: str) -> bool:
    if airing is None or airing["trakt_id"] is None or airing["air_date"] is None:
        return False
    try:
        apart = datetime.fromisoformat(airing["air_date"]) - datetime.fromisoformat(day)
    except ValueError:
        return False
    return abs(apart) <= timedelta(days=1)


def prune(conn: Connection, listed: Collection[int], before: datetime) -> int:
    """Delete the airings of shows that are not `listed` (TMDB ids), and those that aired before; how many."""
    lock_name(conn, "airings")
    deleted = conn.execute(delete(show_airings).where(show_airings.c.air_date < iso(before))).rowcount
    known = set(conn.execute(select(show_airings.c.tmdb_id).distinct()).scalars())
    for part in in_chunks(known - set(listed)):
        deleted += conn.execute(delete(show_airings).where(show_airings.c.tmdb_id.in_(part))).rowcount
    return deleted


def next_airings(
    conn: Connection, start: datetime, end: datetime, tmdb_ids: Collection[int] | None = None
) -> Sequence[RowMapping]:
    """Airings from `start` up to, and without, `end`, in time order: of these shows, or of all."""
    return conn.execute(next_statement(start, end, tmdb_ids)).mappings().all()


def next_statement(start: datetime, end: datetime, tmdb_ids: Collection[int] | None = None) -> Select[*tuple[Any, ...]]:
    """The statement of `next_airings`, whose plan the tests look at."""
    c = show_airings.c
    statement = select(show_airings).where(c.air_date >= iso(start), c.air_date < iso(end))
    if tmdb_ids is not None:
        statement = statement.where(c.tmdb_id.in_(sorted(set(tmdb_ids))))
    return statement.order_by(c.air_date, c.tmdb_id, c.season, c.episode)


def iso(instant: datetime) -> str:
    """The instant in Trakt's spelling, so that texts compare as instants do."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _is_within(air_date: str | None, windows: Sequence[tuple[str, str]]) -> bool:
    return air_date is not None and any(start <= air_date < end for start, end in windows)


def _of_shows(conn: Connection, tmdb_ids: Collection[int]) -> list[RowMapping]:
    found: list[RowMapping] = []
    for part in in_chunks(tmdb_ids):
        statement = select(show_airings).where(show_airings.c.tmdb_id.in_(part)).order_by(show_airings.c.id)
        found.extend(conn.execute(statement).mappings())
    return found
