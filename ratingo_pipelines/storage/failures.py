"""Titles that failed: why, how often, and when each is due again. A success clears them.

Whether an error spends an attempt is judged in `sync.trust.blame`.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, exists, select, update

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import cycles, failures, trending
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.upsert import in_chunks, insert_one_missing, lock_row

LONGEST_DELAY = timedelta(hours=6)
GIVEN_UP_DELAY = timedelta(days=7)


@dataclass(frozen=True)
class RetryPolicy:
    """After how many attempts a title is given up, and how long to wait after the first try; then twice as long."""

    give_up_after: int
    first_delay: timedelta


@dataclass(frozen=True)
class Failure:
    """One stage of one title that failed and has not succeeded since."""

    medium: str
    tmdb_id: int
    stage: str
    title: str | None
    attempts: int
    last_error: str
    first_failed_at: datetime
    last_failed_at: datetime
    next_attempt_at: datetime


def next_delay(last_delay: timedelta | None, attempts: int, policy: RetryPolicy) -> timedelta:
    """How long to wait after another try: twice as long as after the last one, up to 6 hours; once given up, a week.

    It grows with every try, whether or not that spent an attempt. `last_delay` is None before the first.
    """
    if attempts >= policy.give_up_after:
        return GIVEN_UP_DELAY
    return policy.first_delay if last_delay is None else min(2 * last_delay, LONGEST_DELAY)


def record(
    conn: Connection,
    medium: Medium,
    tmdb_id: int,
    stage: str,
    error: str,
    now: datetime,
    spends_attempt: bool,
    title: str | None,
    policy: RetryPolicy,
) -> Failure:
    """Remember that a stage of a title failed. An error that spends no attempt leaves their number as it is."""
    where = _of(medium, tmdb_id, stage)
    known = lock_row(conn, failures, *where)
    if known is None:
        first = _after(None, medium, tmdb_id, stage, error, now, spends_attempt, title, policy)
        if insert_one_missing(conn, failures, asdict(first), ["medium", "tmdb_id", "stage"]) is not None:
            return first
        known = lock_row(conn, failures, *where)
    failure = _after(known, medium, tmdb_id, stage, error, now, spends_attempt, title, policy)
    conn.execute(update(failures).where(*where).values(asdict(failure)))
    return failure


def _after(
    known: RowMapping | None,
    medium: Medium,
    tmdb_id: int,
    stage: str,
    error: str,
    now: datetime,
    spends_attempt: bool,
    title: str | None,
    policy: RetryPolicy,
) -> Failure:
    attempts = (known["attempts"] if known else 0) + int(spends_attempt)
    return Failure(
        medium=medium.plural,
        tmdb_id=tmdb_id,
        stage=stage,
        title=title or (known["title"] if known else None),
        attempts=attempts,
        last_error=error,
        first_failed_at=known["first_failed_at"] if known else now,
        last_failed_at=now,
        next_attempt_at=now + next_delay(_last_delay(known) if known else None, attempts, policy),
    )


def postpone(
    conn: Connection,
    medium: Medium,
    tmdb_id: int,
    stages: Collection[str],
    now: datetime,
    policy: RetryPolicy,
) -> None:
    """Put off the next try of what failed before: this one told nothing of the title, or could not be made.

    Failures keep what is known of them; those whose next try lies further ahead keep that as well.
    """
    for stage in sorted(stages):
        where = _of(medium, tmdb_id, stage)
        known = lock_row(conn, failures, *where)
        if known is not None:
            later = now + next_delay(_last_delay(known), known["attempts"], policy)
            if later > known["next_attempt_at"]:
                conn.execute(update(failures).where(*where).values(next_attempt_at=later))


def _last_delay(known: RowMapping) -> timedelta:
    delay: timedelta = known["next_attempt_at"] - known["last_failed_at"]
    return delay


def clear(conn: Connection, medium: Medium, tmdb_id: int, stages: Collection[str] | None = None) -> int:
    """Forget a title's failures, of all stages or of some; how many there were."""
    statement = delete(failures).where(failures.c.medium == medium.plural, failures.c.tmdb_id == tmdb_id)
    if stages is not None:
        statement = statement.where(failures.c.stage.in_(sorted(stages)))
    return conn.execute(statement).rowcount


def due(conn: Connection, medium: Medium, now: datetime) -> list[Failure]:
    """Failures whose time to try again has come, the longest due first."""
    return _read(conn, failures.c.medium == medium.plural, failures.c.next_attempt_at <= now)


def last_failed_at(conn: Connection, medium: Medium, tmdb_id: int, stage: str) -> datetime | None:
    """When a stage of a title last failed; None where no failure is on record."""
    return conn.execute(select(failures.c.last_failed_at).where(*_of(medium, tmdb_id, stage))).scalar()


def failing_ids(
    conn: Connection, medium: Medium, tmdb_ids: Collection[int], stages: Collection[str] | None = None
) -> set[int]:
    """Those of the titles with failures on record, of all stages or of some."""
    found: set[int] = set()
    for part in in_chunks(tmdb_ids):
        where = [failures.c.medium == medium.plural, failures.c.tmdb_id.in_(part)]
        if stages is not None:
            where.append(failures.c.stage.in_(sorted(stages)))
        found.update(conn.execute(select(failures.c.tmdb_id).where(*where)).scalars())
    return found


def given_up(conn: Connection, medium: Medium, attempts: int, now: datetime) -> list[Failure]:
    """Failures of at least so many attempts whose next one is not yet due."""
    tried = (failures.c.attempts >= attempts, failures.c.next_attempt_at > now)
    return _read(conn, failures.c.medium == medium.plural, *tried)


def all_failures(conn: Connection, medium: Medium | None = None) -> list[Failure]:
    """Every failure of a medium, or of all, that no success has cleared."""
    return _read(conn, *([] if medium is None else [failures.c.medium == medium.plural]))


def forget_lost(conn: Connection, t: TitleTables, since: datetime) -> int:
    """Forget the failures of titles that have no row and that no list has named since then; how many there were.

    Nothing tries such a title again, so nothing would ever clear them.
    """
    c = failures.c
    named = exists().where(
        trending.c.medium == c.medium,
        trending.c.tmdb_id == c.tmdb_id,
        trending.c.cycle_id == cycles.c.id,
        cycles.c.cycle_at >= since,
    )
    stored = exists().where(t.titles.c.tmdb_id == c.tmdb_id)
    return conn.execute(delete(failures).where(c.medium == t.medium.plural, ~stored, ~named)).rowcount


def forget_unaskable(conn: Connection, t: TitleTables, stage: str) -> int:
    """Forget a stage's failures of titles without a row, or without the IMDb id that the stage asks by; how many."""
    titles = t.titles.c
    askable = exists().where(titles.tmdb_id == failures.c.tmdb_id, titles.imdb_id.is_not(None), titles.imdb_id != "")
    where = (failures.c.medium == t.medium.plural, failures.c.stage == stage)
    return conn.execute(delete(failures).where(*where, ~askable)).rowcount


def forget_stage(conn: Connection, medium: Medium, stage: str) -> int:
    """Forget all failures of a stage that is not done any more; how many."""
    return conn.execute(delete(failures).where(failures.c.medium == medium.plural, failures.c.stage == stage)).rowcount


def _of(medium: Medium, tmdb_id: int, stage: str) -> tuple[ColumnElement[bool], ...]:
    return failures.c.medium == medium.plural, failures.c.tmdb_id == tmdb_id, failures.c.stage == stage


def _read(conn: Connection, *where: ColumnElement[bool]) -> list[Failure]:
    columns = [failures.c[field.name] for field in fields(Failure)]
    rows = conn.execute(select(*columns).where(*where).order_by(failures.c.next_attempt_at, failures.c.id))
    return [Failure(*row) for row in rows]


def backing_off(t: TitleTables, stage: str, now: datetime) -> ColumnElement[bool]:
    """Whether the title failed in this stage so lately that it is not yet to be tried again."""
    c = failures.c
    waiting = and_(
        c.medium == t.medium.plural, c.tmdb_id == t.titles.c.tmdb_id, c.stage == stage, c.next_attempt_at > now
    )
    return exists().where(waiting)
