"""When a source was last asked about a title, when it is due again, and which titles are due.

`N/A` is an answer as well: it is remembered, so that titles without an answer do not keep the others waiting.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
)

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.columns import is_null
from ratingo_pipelines.storage.failures import backing_off
from ratingo_pipelines.storage.pipeline_tables import asked, failures, provenance
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.titles import LIST_COLUMNS, metadata_columns
from ratingo_pipelines.storage.turns import Turn, turn_of
from ratingo_pipelines.storage.upsert import in_chunks, insert_missing, insert_unless_there, locking, update_rows

OMDB, META, RELATED, EMPTY = "omdb", "meta", "related", "empty"
DETAILS, RATINGS = "details", "ratings"
"""Noted of titles that are asked about outside of cycles; a cycle asks for both each time."""
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
    # Asked daily, an interval of whole days would be over a moment too late.
    DETAILS: Interval(timedelta(days=2, hours=20), timedelta(days=2, hours=20), timedelta(days=2, hours=20)),
    # Asked for together with the details that are due next, so that a week is not exceeded.
    RATINGS: Interval(timedelta(days=3, hours=20), timedelta(days=3, hours=20), timedelta(days=3, hours=20)),
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


def asked_about_since(conn: Connection, medium: Medium, source: str, moment: datetime) -> set[int]:
    """The titles (TMDB ids) that the source was last asked about then or later."""
    where = (asked.c.medium == medium.plural, asked.c.source == source, asked.c.asked_at >= moment)
    return set(conn.execute(select(asked.c.tmdb_id).where(*where)).scalars())


def answered(conn: Connection, medium: Medium, tmdb_ids: Collection[int], source: str) -> set[int]:
    """Those of the titles that the source had an answer about when it was last asked."""
    found: set[int] = set()
    for part in in_chunks(tmdb_ids):
        where = (asked.c.medium == medium.plural, asked.c.source == source, asked.c.empty_streak == 0)
        found.update(conn.execute(select(asked.c.tmdb_id).where(*where, asked.c.tmdb_id.in_(part))).scalars())
    return found


def incomplete_titles(conn: Connection, t: TitleTables, now: datetime, limit: int | None = None) -> Sequence[int]:
    """TMDB ids of the titles whose metadata lack something and that are due to be asked again.

    A list that is empty is asked for twice more, a value that is NULL ever more rarely. Trending titles first, then
    those never asked, then those asked longest ago.
    """
    c = t.titles.c
    empty = asked.alias()
    lacks_value = or_(*(is_null(c[name]) for name in metadata_columns(t.medium)))
    lacks_entries = or_(*(c[name] == [] for name in LIST_COLUMNS))
    asked_for_entries = and_(empty.c.next_at <= now, empty.c.empty_streak <= EMPTY_ASKS)
    due = or_(and_(lacks_value, _due(now)), and_(lacks_entries, or_(empty.c.id.is_(None), asked_for_entries)))
    statement = (
        select(c.tmdb_id)
        .outerjoin(asked, asked_of(t, META))
        .outerjoin(empty, asked_of(t, EMPTY, empty))
        .where(due, ~backing_off(t, "details", now))
        .order_by(c.trending_score.is_(None), asked.c.id.is_not(None), asked.c.asked_at, c.id)
        .limit(limit)
    )
    return conn.execute(statement).scalars().all()


@dataclass(frozen=True)
class OmdbDue:
    """A title with what OMDb is asked about, and what is known of it."""

    tmdb_id: int
    imdb_id: str | None
    title: str
    rating_imdb: float | None
    imdb_votes: int | None
    rating_metacritic: float | None


def titles_lacking_omdb(
    conn: Connection,
    t: TitleTables,
    now: datetime,
    limit: int | None = None,
    *,
    imdb_from: str | None = None,
    turn: Turn | None = None,
    cycle_id: int | None = None,
) -> list[OmdbDue]:
    """Titles due to be asked at OMDb, the listed ones first, of these and of the others those due for longest.

    Due are titles with an IMDb id that lack one of the three values and were never asked about, and those
    whose time to be asked again has come, also after a failure. One that was never asked about is due since its row
    last changed. With `imdb_from`, a source that gives IMDb's ratings without OMDb, only Metacritic's counts of those
    that it gives IMDb's of. With `turn`, those of that class alone, `cycle_id` being the latest cycle.
    """
    c = t.titles.c
    statement = (
        _lacking_omdb(_omdb_rows(t), t, now, imdb_from)
        .order_by(c.trending_score.is_(None), func.coalesce(asked.c.next_at, c.updated_at), c.id)
        .limit(limit)
    )
    if turn is not None:
        statement = statement.where(turn_of(t, cycle_id) == turn.value)
    return [OmdbDue(*row) for row in conn.execute(statement)]


def waiting_at_omdb(
    conn: Connection, t: TitleTables, now: datetime, *, cycle_id: int | None, imdb_from: str | None = None
) -> dict[Turn, int]:
    """How many titles are due to be asked at OMDb, of each class that has some; `cycle_id` is the latest cycle."""
    turn = turn_of(t, cycle_id).label("turn")
    due = _lacking_omdb(select(turn).select_from(t.titles), t, now, imdb_from).subquery()
    rows = conn.execute(select(due.c.turn, func.count()).group_by(due.c.turn))
    return {Turn(name): count for name, count in rows}


def ids_lacking_omdb(
    conn: Connection, t: TitleTables, tmdb_ids: Iterable[int], now: datetime, *, imdb_from: str | None = None
) -> set[int]:
    """Those of the titles that are due to be asked at OMDb."""
    found: set[int] = set()
    for part in in_chunks(tmdb_ids):
        chosen = select(t.titles.c.tmdb_id).select_from(t.titles).where(t.titles.c.tmdb_id.in_(part))
        found.update(conn.execute(_lacking_omdb(chosen, t, now, imdb_from)).scalars())
    return found


def omdb_rows(conn: Connection, t: TitleTables, tmdb_ids: Iterable[int]) -> list[OmdbDue]:
    """Those of the titles that have a row, due or not."""
    found: list[OmdbDue] = []
    for part in in_chunks(tmdb_ids):
        rows = conn.execute(_omdb_rows(t).where(t.titles.c.tmdb_id.in_(part)))
        found.extend(OmdbDue(*row) for row in rows)
    return found


def _lacking_omdb(
    statement: Select[*tuple[Any, ...]], t: TitleTables, now: datetime, imdb_from: str | None
) -> Select[*tuple[Any, ...]]:
    """The statement over titles, of those that are due at OMDb."""
    c = t.titles.c
    # 0 is what the old sync wrote where nobody rated.
    lacks = or_(*(func.coalesce(column, 0) == 0 for column in (c.rating_imdb, c.imdb_votes, c.rating_metacritic)))
    if imdb_from is not None:
        given = exists().where(
            provenance.c.medium == t.medium.plural,
            provenance.c.tmdb_id == c.tmdb_id,
            provenance.c.value == c.rating_imdb.name,
            provenance.c.source == imdb_from,
        )
        lacks = or_(func.coalesce(c.rating_metacritic, 0) == 0, and_(lacks, ~given))
    return (
        statement.outerjoin(asked, asked_of(t, OMDB))
        .where(c.imdb_id.is_not(None), c.imdb_id != "")
        .where(or_(and_(lacks, asked.c.id.is_(None)), asked.c.next_at <= now, _failed(t, OMDB)))
        .where(~backing_off(t, OMDB, now))
    )


def _omdb_rows(t: TitleTables) -> Select[*tuple[Any, ...]]:
    return select(*(t.titles.c[field.name] for field in fields(OmdbDue)))


def _failed(t: TitleTables, stage: str) -> ColumnElement[bool]:
    """Whether a failure of the title in this stage is on record."""
    c = failures.c
    return exists().where(c.medium == t.medium.plural, c.tmdb_id == t.titles.c.tmdb_id, c.stage == stage)


def asked_of(t: TitleTables, source: str, table: FromClause = asked) -> ColumnElement[bool]:
    """Whether a row of `table`, which is `asked` or an alias of it, is about a title and a source."""
    c = table.c
    return and_(c.medium == t.medium.plural, c.tmdb_id == t.titles.c.tmdb_id, c.source == source)


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(asked.c.id.is_(None), asked.c.next_at <= now)
