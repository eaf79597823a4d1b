"""Titles and what belongs to them: rows read, compared and written only where they differ.

What titles share (genres, providers, stubs) is in `shared.py`; watchers over time in `snapshots.py`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    RowMapping,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage.columns import is_null, now
from ratingo_pipelines.storage.errors import StorageBusy
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.storage.types import normaliser
from ratingo_pipelines.storage.upsert import (
    difference,
    improvement,
    in_chunks,
    insert_one_missing,
    locking,
    update_rows,
)

_NEVER_GOES_BACK = "trending_updated_at"
LIST_COLUMNS = ("genres", "cast", "watch_providers", "videos")
"""Columns that hold a list of TMDB's details; NULL before the first of them came."""
_METADATA = ("overview", "poster", "status", *LIST_COLUMNS, "rating_tmdb_count", "title_uk")


OFF_THE_LIST = dict.fromkeys(("trending_score", "rating_trakt", "watchers_delta", "delta_3m"))
"""What the site lists a title by: all four are NULL together."""


class Changes(NamedTuple):
    """Rows that a write touched."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def written(self) -> int:
        """Rows that hold something new."""
        return self.inserted + self.updated

    @property
    def total(self) -> int:
        """All of them."""
        return self.written + self.deleted


def lock_title(conn: Connection, t: TitleTables, tmdb_id: int) -> RowMapping | None:
    """The whole row of a title, locked until the transaction ends; None when there is none yet."""
    return conn.execute(_title_locked(t.titles), {"of_tmdb_id": tmdb_id}).mappings().one_or_none()


def has_children(conn: Connection, t: TitleTables, title_id: int) -> bool:
    """Whether a title has rows in any child table but its snapshots; a stub has none."""
    return bool(conn.execute(_any_child(t), {"of_title": title_id}).scalar())


def put_title(conn: Connection, t: TitleTables, known: RowMapping | None, values: Mapping[str, Any]) -> int:
    """Insert the title, or update the columns that differ from `known`, which is what `lock_title` returned.

    Returns the row's id. `updated_at` moves only when something differs; `trending_updated_at` never goes
    back. Raises UnstorableValue for a value that no column takes, and StorageBusy where another writer has inserted it
    since it was looked for: what the caller knows of it, and of its children, is then to be read again.
    """
    if known is None:
        inserted = insert_one_missing(conn, t.titles, values, ["tmdb_id"])
        if inserted is None:
            raise StorageBusy(f"another writer stored {t.medium.singular} {values['tmdb_id']} just now: run again")
        return inserted
    wanted = _normal(t.titles, values)
    if not _is_newer(wanted.get(_NEVER_GOES_BACK), known[_NEVER_GOES_BACK]):
        wanted.pop(_NEVER_GOES_BACK, None)
    changed = {name: value for name, value in wanted.items() if known[name] != value}
    if changed:
        update_rows(conn, t.titles, [(known["id"], changed)])
    return int(known["id"])


def as_stored(t: TitleTables, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the title's row as they will be read back. Raises UnstorableValue for one that its column refuses."""
    return _normal(t.titles, values)


def rename(conn: Connection, t: TitleTables, tmdb_id: int, new_id: int) -> None:
    """Give a title the TMDB id that its own was merged into, with all that belongs to it.

    Where another row has that id, it goes on, and this one is no longer listed.
    """
    c = t.titles.c
    known = lock_title(conn, t, tmdb_id)
    if known is None:
        return
    if lock_title(conn, t, new_id) is not None:
        update_rows(conn, t.titles, [(known["id"], OFF_THE_LIST)])
        return
    conn.execute(update(t.titles).where(c.id == known["id"]).values(tmdb_id=new_id))
    conn.execute(update(t.snapshots).where(t.snapshots.c[t.parent_key] == known["id"]).values(tmdb_id=new_id))


def replace_children(
    conn: Connection,
    table: Table,
    parent: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    key: Sequence[str],
    *,
    known: Sequence[RowMapping] | None = None,
    exact: bool = False,
    ordered: bool = False,
) -> Changes:
    """Make the rows of `parent` in a child table these and no others, touching only those that differ.

    A row that stays is bettered: None overwrites nothing, unless the rows are to be `exact`ly these. `parent` names the
    rows in question, as `{"show_id": 5}` or `{"show_id": 5, "source": "trakt"}`; `key` tells them apart, NULL being
    equal to NULL. Rows have one shape; the first of two with one key wins. The caller holds the parent's lock, and
    hands in the rows that are there (`known`) where it has read them already. Where they are `ordered`, ids ascend in
    the order of `rows`, as the site reads them: where these rows and the new ones would not, all are written anew.
    """
    wanted = _by_key(table, rows, parent, key)
    if known is None:
        known = children_of(conn, table, parent)
    if ordered and not _stay_in_order(list(wanted), [tuple(row[name] for name in key) for row in known]):
        return _rewrite(conn, table, wanted, key, known, exact=exact)
    stale, changed = [], []
    for existing in known:
        values = wanted.pop(tuple(existing[name] for name in key), None)
        if values is None:
            stale.append(existing["id"])
        elif better := difference(existing, values) if exact else improvement(existing, values):
            changed.append((existing["id"], better))
    # Rows go before others change: these may take their place in a unique index that `key` does not cover.
    if stale:
        conn.execute(delete(table).where(table.c.id.in_(stale)))
    update_rows(conn, table, changed)
    if wanted:
        conn.execute(_insert_into(table), list(wanted.values()))
    return Changes(len(wanted), len(changed), len(stale))


def _stay_in_order(wanted: Sequence[tuple[Any, ...]], known: Sequence[tuple[Any, ...]]) -> bool:
    """Whether ids ascend in the order of `wanted` if the `known` rows (by their ids) stay and the others come after."""
    places = {key: place for place, key in enumerate(known)}
    found = [places.get(key, len(known)) for key in wanted]
    return all(earlier <= later for earlier, later in pairwise(found))


def _rewrite(
    conn: Connection,
    table: Table,
    wanted: Mapping[tuple[Any, ...], Mapping[str, Any]],
    key: Sequence[str],
    known: Sequence[RowMapping],
    *,
    exact: bool,
) -> Changes:
    """Put the rows there anew, in their order; what they do not say of a row that was there is kept, unless `exact`."""
    before = {tuple(row[name] for name in key): row for row in known}
    rows, moment = [], now()
    for named, values in wanted.items():
        old: Mapping[Any, Any] = before.get(named, {})
        kept = {} if exact else {name: old.get(name) for name, value in values.items() if value is None}
        rows.append({**values, **kept, "created_at": old.get("created_at", moment)})
    conn.execute(delete(table).where(table.c.id.in_([row["id"] for row in known])))
    conn.execute(_insert_into(table), rows)
    return Changes(len(rows), 0, len(known))


def children_of(conn: Connection, table: Table, parent: Mapping[str, Any]) -> Sequence[RowMapping]:
    """The rows of `parent` in a child table, in their order: `{"show_id": 5}`, or some of them by more columns."""
    statement = _children_of(table, tuple(parent))
    return conn.execute(statement, {f"of_{name}": value for name, value in parent.items()}).mappings().all()


def known_ids(conn: Connection, t: TitleTables, tmdb_ids: Iterable[int]) -> dict[int, int]:
    """Our ids of those of the titles that have a row."""
    found: dict[int, int] = {}
    for part in in_chunks(tmdb_ids):
        rows = conn.execute(_ids_of(t.titles), {"of_tmdb_ids": part})
        found.update((tmdb_id, title_id) for tmdb_id, title_id in rows)
    return found


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a title before it is asked about."""

    tmdb_id: int
    title: str
    title_uk: str | None
    imdb_id: str | None
    genre_ids: tuple[int, ...]
    """TMDB's."""
    is_stub: bool
    """Whether the row was made from what others said of the title: no details of it have come yet."""
    is_rated: bool
    """Whether people are known to have rated it at Trakt."""


def outlines(conn: Connection, t: TitleTables, tmdb_ids: Iterable[int]) -> dict[int, Outline]:
    """Those of the titles that have a row, by TMDB id."""
    c = t.titles.c
    is_stub = and_(*(is_null(c[name]) for name in (*LIST_COLUMNS, "status")))
    statement = select(c.tmdb_id, c.title, c.title_uk, c.imdb_id, c.genres, is_stub, c.rating_trakt_votes)
    found: dict[int, Outline] = {}
    for part in in_chunks(tmdb_ids):
        for tmdb_id, title, title_uk, imdb_id, genres, stub, votes in conn.execute(
            statement.where(c.tmdb_id.in_(part))
        ):
            genre_ids = tuple(genre["id"] for genre in genres or ())
            found[tmdb_id] = Outline(tmdb_id, title, title_uk, imdb_id, genre_ids, bool(stub), bool(votes))
    return found


def posters(conn: Connection, t: TitleTables, tmdb_ids: Iterable[int]) -> dict[int, str]:
    """TMDB's paths of the posters of those of the titles that have one."""
    c = t.titles.c
    found: dict[int, str] = {}
    for part in in_chunks(tmdb_ids):
        rows = conn.execute(select(c.tmdb_id, c.poster).where(c.tmdb_id.in_(part), c.poster.is_not(None)))
        found.update((tmdb_id, poster) for tmdb_id, poster in rows)
    return found


class Figures(NamedTuple):
    """What is stored of a title that a person wants to see; votes at Trakt by rating, 1 to 10."""

    title: str
    title_uk: str | None
    imdb_id: str | None
    poster: str | None
    watchers: float | None
    score: float | None
    votes: dict[int, int]


def figures(conn: Connection, t: TitleTables, tmdb_id: int) -> Figures | None:
    """A title's figures as they are stored; None where it has no row."""
    c, buckets = t.titles.c, t.rating_buckets.c
    columns = (c.id, c.title, c.title_uk, c.imdb_id, c.poster, c.poster_uk, c.rating_trakt, c.trending_score)
    row = conn.execute(select(*columns).where(c.tmdb_id == tmdb_id)).first()
    if row is None:
        return None
    votes = conn.execute(
        select(buckets.bucket, buckets.count).where(buckets[t.parent_key] == row.id).order_by(buckets.bucket)
    )
    return Figures(
        title=row.title,
        title_uk=row.title_uk,
        imdb_id=row.imdb_id,
        poster=row.poster_uk or row.poster,
        watchers=row.rating_trakt,
        score=row.trending_score,
        votes={row[0]: row[1] for row in votes},
    )


def metadata_columns(medium: Medium) -> tuple[str, ...]:
    """The columns without which a title's metadata are incomplete."""
    return (*_METADATA, medium.tmdb_released)


def listed(t: TitleTables) -> ColumnElement[bool]:
    """Whether the site lists a title."""
    return and_(t.titles.c.trending_score.is_not(None), t.titles.c.rating_trakt.is_not(None))


def listed_tmdb_ids(conn: Connection, t: TitleTables) -> dict[int, int]:
    """The titles that the site lists: TMDB id -> our id."""
    statement = select(t.titles.c.tmdb_id, t.titles.c.id).where(listed(t))
    return dict(conn.execute(statement).all())


def next_episodes(conn: Connection, first: str, end: str) -> Sequence[RowMapping]:
    """The listed shows whose next episode airs from a day up to, and without, another (ISO dates), as TMDB told."""
    t = tables_of(SHOWS)
    c = t.titles.c
    columns = (c.id, c.tmdb_id, c.title, c.next_episode_season, c.next_episode_number, c.next_episode_air_date)
    is_told = and_(c.next_episode_season.is_not(None), c.next_episode_number.is_not(None))
    within = and_(c.next_episode_air_date >= first, c.next_episode_air_date < end)
    return conn.execute(select(*columns).where(listed(t), is_told, within)).mappings().all()


def _is_newer(instant: datetime | None, known: datetime | None) -> bool:
    return instant is not None and (known is None or instant > known)


def _normal(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    normalisers = _normalisers(table)
    return {name: normalisers[name](value) for name, value in values.items()}


@cache
def _normalisers(table: Table) -> dict[str, Callable[[Any], Any]]:
    return {column.name: normaliser(column.type) for column in table.columns}


def _by_key(
    table: Table, rows: Sequence[Mapping[str, Any]], parent: Mapping[str, Any], key: Sequence[str]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    wanted: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        values = _normal(table, {**row, **parent})
        wanted.setdefault(tuple(values[name] for name in key), values)
    return wanted


# Statements that every title needs are made once: making one costs as much as SQLite takes to run it.


@cache
def _children_of(table: Table, parent: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    where = (table.c[name] == bindparam(f"of_{name}") for name in parent)
    return select(table).where(*where).order_by(table.c.id)


@cache
def _title_locked(table: Table) -> Select[*tuple[Any, ...]]:
    return locking(select(table).where(table.c.tmdb_id == bindparam("of_tmdb_id")))


@cache
def _ids_of(table: Table) -> Select[int, int]:
    return select(table.c.tmdb_id, table.c.id).where(table.c.tmdb_id.in_(bindparam("of_tmdb_ids", expanding=True)))


@cache
def _any_child(t: TitleTables) -> Select[bool]:
    title_id = bindparam("of_title", type_=t.titles.c.id.type)
    return select(or_(*(exists().where(table.c[t.parent_key] == title_id) for table in t.children)))


@cache
def _insert_into(table: Table) -> Insert:
    return insert(table)
