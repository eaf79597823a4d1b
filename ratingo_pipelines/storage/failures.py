"""Titles that failed: why, how often, and when each is due again. A success clears them.

Whether an error spends an attempt is the caller's judgement.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, select, update

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import failures
from ratingo_pipelines.storage.upsert import in_chunks, insert_one_missing, lock_row

FIRST_DELAY = timedelta(minutes=15)
LONGEST_DELAY = timedelta(hours=6)
GIVEN_UP_DELAY = timedelta(days=7)
GIVE_UP_AFTER = 6


@dataclass(frozen=True)
class RetryPolicy:
    """After how many attempts a title is given up, and how long to wait after the first; each waits twice as long."""

    give_up_after: int = GIVE_UP_AFTER
    first_delay: timedelta = FIRST_DELAY


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


def next_attempt(
    attempts: int, now: datetime, give_up_after: int = GIVE_UP_AFTER, first_delay: timedelta = FIRST_DELAY
) -> datetime:
    """When to try again: in 15 minutes, doubling with each attempt up to 6 hours; once given up, weekly."""
    if attempts >= give_up_after:
        return now + GIVEN_UP_DELAY
    # The exponent is bounded, or many attempts would overflow before the delay is cut.
    return now + min(first_delay * (1 << min(max(attempts - 1, 0), 20)), LONGEST_DELAY)


def record(
    conn: Connection,
    medium: Medium,
    tmdb_id: int,
    stage: str,
    error: str,
    now: datetime,
    spends_attempt: bool,
    title: str | None,
    not_before: datetime | None = None,
    policy: RetryPolicy = RetryPolicy(),
) -> Failure:
    """Remember that a stage of a title failed. An error that spends no attempt leaves their number as it is.

    `not_before` is when the source itself said to try again.
    """
    where = (failures.c.medium == medium.plural, failures.c.tmdb_id == tmdb_id, failures.c.stage == stage)
    known = lock_row(conn, failures, *where)
    if known is None:
        first = _after(None, medium, tmdb_id, stage, error, now, spends_attempt, title, not_before, policy)
        if insert_one_missing(conn, failures, asdict(first), ["medium", "tmdb_id", "stage"]) is not None:
            return first
        known = lock_row(conn, failures, *where)
    failure = _after(known, medium, tmdb_id, stage, error, now, spends_attempt, title, not_before, policy)
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
    not_before: datetime | None,
    policy: RetryPolicy,
) -> Failure:
    attempts = (known["attempts"] if known else 0) + int(spends_attempt)
    first_failed_at = known["first_failed_at"] if known else now
    next_at = next_attempt(attempts, now, policy.give_up_after, policy.first_delay)
    # What fails without spending attempts is asked ever more rarely as well.
    next_at = max(next_at, now + min((now - first_failed_at) / 4, LONGEST_DELAY))
    return Failure(
        medium=medium.plural,
        tmdb_id=tmdb_id,
        stage=stage,
        title=title or (known["title"] if known else None),
        attempts=attempts,
        last_error=error,
        first_failed_at=first_failed_at,
        last_failed_at=now,
        next_attempt_at=next_at if not_before is None else max(next_at, not_before),
    )


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
    where = (failures.c.medium == medium.plural, failures.c.tmdb_id == tmdb_id, failures.c.stage == stage)
    return conn.execute(select(failures.c.last_failed_at).where(*where)).scalar()


def failing_ids(conn: Connection, medium: Medium, tmdb_ids: Collection[int]) -> set[int]:
    """Those of the titles with failures on record."""
    found: set[int] = set()
    for part in in_chunks(tmdb_ids):
        where = (failures.c.medium == medium.plural, failures.c.tmdb_id.in_(part))
        found.update(conn.execute(select(failures.c.tmdb_id).where(*where)).scalars())
    return found


def given_up(conn: Connection, medium: Medium, attempts: int, now: datetime) -> list[Failure]:
    """Failures of at least so many attempts whose next one is not yet due."""
    tried = (failures.c.attempts >= attempts, failures.c.next_attempt_at > now)
    return _read(conn, failures.c.medium == medium.plural, *tried)


def all_failures(conn: Connection, medium: Medium) -> list[Failure]:
    """Every failure that no success has cleared."""
    return _read(conn, failures.c.medium == medium.plural)


def _read(conn: Connection, *where: ColumnElement[bool]) -> list[Failure]:
    columns = [failures.c[field.name] for field in fields(Failure)]
    rows = conn.execute(select(*columns).where(*where).order_by(failures.c.next_attempt_at, failures.c.id))
    return [Failure(*row) for row in rows]
