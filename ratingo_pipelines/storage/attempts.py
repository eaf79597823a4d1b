"""What a medium's lists and batches were last asked for, and what came of it: a row each time.

What is believed of an answer is decided in `sync.trust`; how titles fared is `cycles`' and `failures`'.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import attempts

KEPT_FOR = timedelta(days=30)
"""Older rows are removed, but for the newest of its kind."""
TRENDING, CALENDAR, MONTHLY = "trending", "calendar", "watched_monthly"
"""What is asked for; a month's list as `watched_monthly/2026-01`, a batch of titles by its stage (`titles`, `omdb`)."""

TRAKT_LIST = "trakt_trending"
"""Trakt's trending list where TMDB's stands in for it: kept only while Trakt gives none."""


class AttemptOutcome(StrEnum):
    """What came of asking."""

    WELL = "well"
    """What came was believed and stored."""
    SHORT = "short"
    """A list that lacked nothing but length was not believed."""
    NOT_WHOLE = "not_whole"
    """A list was not believed; or parts of what was asked for did not come."""
    CLOCK = "clock"
    """This machine's clock is too far from the source's."""
    UNANSWERED = "unanswered"
    """The source did not answer, or its answer cannot be read."""
    DENIED = "denied"
    """The source refuses the key."""
    DOUBTED = "doubted"
    """The source answered all titles alike and wrongly."""
    ABSENT = "absent"
    """The source says that it has no such list."""


@dataclass(frozen=True)
class Attempt:
    """One time that something was asked for."""

    medium: str
    what: str
    asked_at: datetime
    outcome: str
    """An `AttemptOutcome`."""
    reason: str | None = None
    """Where it did not go well, or was believed only after a while: one line for people."""
    cycle_id: int | None = None
    """The cycle that it opened or belongs to."""
    ahead_seconds: int | None = None
    """How far this machine's clock was ahead of the source's; None where the source did not say."""
    id: int = 0

    @property
    def well(self) -> bool:
        """Whether what came was believed and stored."""
        return self.outcome == AttemptOutcome.WELL


def record(conn: Connection, attempt: Attempt) -> None:
    """Remember an attempt, and forget what is too old to tell anything."""
    values = {field.name: getattr(attempt, field.name) for field in fields(Attempt) if field.name != "id"}
    conn.execute(insert(attempts).values(values))
    c = attempts.c
    kind = (c.medium == attempt.medium, c.what == attempt.what)
    conn.execute(delete(attempts).where(*kind, c.asked_at < attempt.asked_at - KEPT_FOR))


def forget(conn: Connection, medium: Medium, what: str) -> None:
    """Forget all attempts at a thing: it is settled for good."""
    conn.execute(delete(attempts).where(attempts.c.medium == medium.plural, attempts.c.what == what))


def latest(conn: Connection) -> dict[str, dict[str, Attempt]]:
    """The newest attempt at each thing, by medium and by what it is; media without any left out."""
    newest = select(func.max(attempts.c.id)).group_by(attempts.c.medium, attempts.c.what)
    found: dict[str, dict[str, Attempt]] = {}
    for attempt in _read(conn, attempts.c.id.in_(newest)):
        found.setdefault(attempt.medium, {})[attempt.what] = attempt
    return found


def latest_of(conn: Connection, medium: Medium, what: str) -> Attempt | None:
    """The newest attempt at one thing."""
    newest = select(func.max(attempts.c.id)).where(attempts.c.medium == medium.plural, attempts.c.what == what)
    return next(iter(_read(conn, attempts.c.id.in_(newest))), None)


def since_well(conn: Connection, medium: Medium, what: str) -> list[Attempt]:
    """The attempts since one last went well, the oldest first: none where the newest one did."""
    kind = (attempts.c.medium == medium.plural, attempts.c.what == what)
    last = select(func.max(attempts.c.id)).where(*kind, attempts.c.outcome == AttemptOutcome.WELL).scalar_subquery()
    return _read(conn, *kind, attempts.c.id > func.coalesce(last, 0))


def last_seconds_ahead(conn: Connection) -> int | None:
    """How far this machine's clock was ahead of the source's when that was last known; None if it never was."""
    c = attempts.c
    statement = select(c.ahead_seconds).where(c.ahead_seconds.is_not(None)).order_by(c.id.desc()).limit(1)
    return conn.execute(statement).scalar()


def that_opened(conn: Connection, cycle_id: int) -> Attempt | None:
    """The attempt that opened a cycle; None of cycles from before attempts were kept."""
    found = _read(conn, attempts.c.what == TRENDING, attempts.c.cycle_id == cycle_id)
    return found[-1] if found else None


def _read(conn: Connection, *where: ColumnElement[bool]) -> list[Attempt]:
    columns = [attempts.c[field.name] for field in fields(Attempt)]
    return [Attempt(*row) for row in conn.execute(select(*columns).where(*where).order_by(attempts.c.id))]
