"""Cycles of the trending lists: each title's place and outcome, and who is working on it.

A cycle's time is strictly increasing for a medium. A claim is a row's `run_id` with a lease; a dead worker's
lease runs out. Whether a title's data are written is `titles`' business: `mark` stands in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import cycles, trending
from ratingo_pipelines.storage.upsert import in_chunks, lock_ids, lock_name, lock_row, locking

PENDING, DONE, SKIPPED, ERROR = "pending", "done", "skipped", "error"
TMDB = "tmdb"
"""The source of cycles over TMDB's trending list, which does not tell who is watching."""
SUPERSEDED = "superseded by a newer cycle"


@dataclass(frozen=True)
class Entry:
    """One line of a trending list, as it enters a cycle."""

    rank: int
    tmdb_id: int | None
    trakt_id: int | None
    slug: str | None
    imdb_id: str | None
    title: str | None
    year: int | None
    watchers: int
    rating: float | None = None
    votes: int | None = None
    outcome: str = PENDING
    reason: str | None = None
    popularity: float | None = None
    """TMDB's, where the list is TMDB's; it stands for the watchers, which that list does not tell."""


@dataclass(frozen=True)
class Cycle:
    """One fetch of a trending list. `eligible` leaves out the entries skipped from the start."""

    id: int
    medium: str
    cycle_at: datetime
    max_watchers: int
    listed: int
    eligible: int
    asked: int | None = None
    """How many entries the list was asked for; None of cycles from before that was kept."""
    source: str | None = None
    """The host that gave the list, or `TMDB`; None likewise."""
    requests: Mapping[str, int] | None = field(default=None, hash=False, compare=False)
    """How often each API was asked for it, so far."""
    max_popularity: float | None = None
    """The largest in TMDB's list; None of Trakt's lists."""

    @property
    def tells_watchers(self) -> bool:
        """Whether the list says how many are watching."""
        return self.source != TMDB


@dataclass(frozen=True)
class CycleTitle:
    """A title's place in a cycle, claimed or looked up by its TMDB id, so that it has one.

    `outcome` and `reason` of a claimed title are those from before the claim, which makes it pending.
    """

    row_id: int
    cycle_id: int
    rank: int
    tmdb_id: int
    trakt_id: int | None
    slug: str | None
    imdb_id: str | None
    title: str | None
    year: int | None
    watchers: int
    rating: float | None
    votes: int | None
    outcome: str
    reason: str | None
    popularity: float | None = None

    @property
    def trakt_title(self) -> str | None:
        """Trakt's name of the title; None where no list of Trakt's named it."""
        return self.title if self.popularity is None or self.trakt_id is not None else None

    @property
    def watching(self) -> int | None:
        """People watching now; None where the list does not tell."""
        return self.watchers if self.popularity is None else None


@dataclass(frozen=True)
class Member:
    """A title in a trending list, one that may be listed."""

    tmdb_id: int
    trakt_id: int | None
    title: str | None


class Standing(StrEnum):
    """Where a title stands in its cycle; `processing` is pending under a live lease."""

    PENDING = "pending"
    PROCESSING = "processing"
    DONE = "done"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True)
class Counts:
    """Titles of a cycle by standing; `total` leaves out the skipped."""

    pending: int = 0
    processing: int = 0
    done: int = 0
    skipped: int = 0
    error: int = 0

    @property
    def total(self) -> int:
        """All titles that the cycle is to store."""
        return self.pending + self.processing + self.done + self.error


def open_cycle(
    conn: Connection,
    medium: Medium,
    at: datetime,
    entries: Sequence[Entry],
    max_watchers: int,
    run_id: str | None,
    *,
    asked: int | None = None,
    source: str | None = None,
    requests: Mapping[str, int] | None = None,
    max_popularity: float | None = None,
) -> Cycle:
    """Open a cycle with these entries, and supersede the unfinished titles of the cycles before it.

    Its time is `at` in whole seconds, moved on where the last cycle is not older than that. `requests` are those that
    the list took, by API.
    """
    lock(conn, medium)
    last = conn.execute(select(func.max(cycles.c.cycle_at)).where(cycles.c.medium == medium.plural)).scalar()
    cycle_at = at.replace(microsecond=0)
    if last is not None:
        cycle_at = max(cycle_at, last.replace(microsecond=0) + timedelta(seconds=1))
    superseded = lock_ids(conn, trending, trending.c.medium == medium.plural, trending.c.outcome == PENDING)
    for ids in in_chunks(superseded):
        left = {"outcome": SKIPPED, "reason": SUPERSEDED, "run_id": None, "lease_until": None}
        conn.execute(update(trending).where(trending.c.id.in_(ids)).values(left))
    eligible = sum(entry.outcome != SKIPPED for entry in entries)
    values = {
        "medium": medium.plural,
        "cycle_at": cycle_at,
        "run_id": run_id,
        "listed": len(entries),
        "eligible": eligible,
        "max_watchers": max_watchers,
        "asked": asked,
        "source": source,
        "requests": dict(requests) if requests else None,
        "max_popularity": max_popularity,
    }
    cycle_id = conn.execute(insert(cycles).values(values).returning(cycles.c.id)).scalar_one()
    if entries:
        names = [field.name for field in fields(Entry)]
        rows = [
            {"cycle_id": cycle_id, "medium": medium.plural, **{name: getattr(entry, name) for name in names}}
            for entry in entries
        ]
        conn.execute(insert(trending), rows)
    counts = (max_watchers, len(entries), eligible)
    kept = dict(requests) if requests else None
    return Cycle(cycle_id, medium.plural, cycle_at, *counts, asked, source, kept, max_popularity)


def lock(conn: Connection, medium: Medium) -> None:
    """Have nobody else open or date a cycle of the medium until the transaction ends."""
    lock_name(conn, f"cycles of {medium}")


def members(conn: Connection, cycle: Cycle) -> list[Member]:
    """The titles of a cycle's list, without those that were skipped for a reason of their own."""
    c = trending.c
    is_left_out = and_(c.outcome == SKIPPED, c.reason != SUPERSEDED)
    where = (c.cycle_id == cycle.id, c.tmdb_id.is_not(None), ~func.coalesce(is_left_out, false()))
    return [Member(*row) for row in conn.execute(select(c.tmdb_id, c.trakt_id, c.title).where(*where).order_by(c.rank))]


def is_member(conn: Connection, medium: Medium, tmdb_id: int) -> bool:
    """Whether a title is one of the `members` of the medium's latest cycle."""
    latest = select(func.max(cycles.c.id)).where(cycles.c.medium == medium.plural).scalar_subquery()
    where = (trending.c.cycle_id == latest, trending.c.tmdb_id == tmdb_id, trending.c.outcome != SKIPPED)
    return conn.execute(select(trending.c.id).where(*where)).first() is not None


def number_of(conn: Connection, medium: Medium) -> int:
    """How many cycles of the medium there are."""
    statement = select(func.count()).select_from(cycles).where(cycles.c.medium == medium.plural)
    return conn.execute(statement).scalar_one()


def latest_cycle(conn: Connection, medium: Medium, until: datetime | None = None) -> Cycle | None:
    """The medium's newest cycle, or the newest one up to and with a time."""
    where = [cycles.c.medium == medium.plural]
    return _cycle(conn, *where, *([cycles.c.cycle_at <= until] if until is not None else []))


def latest_cycles(conn: Connection) -> dict[str, Cycle]:
    """The newest cycle of each medium that has one."""
    newest = select(cycles.c.medium, func.max(cycles.c.cycle_at).label("at")).group_by(cycles.c.medium).subquery()
    same = and_(cycles.c.medium == newest.c.medium, cycles.c.cycle_at == newest.c.at)
    rows = conn.execute(select(cycles).join(newest, same)).mappings()
    return {row["medium"]: Cycle(**{field.name: row[field.name] for field in fields(Cycle)}) for row in rows}


def cycles_after(conn: Connection, medium: Medium, moment: datetime) -> list[Cycle]:
    """The medium's cycles after that time, the oldest first."""
    where = (cycles.c.medium == medium.plural, cycles.c.cycle_at > moment)
    rows = conn.execute(select(cycles).where(*where).order_by(cycles.c.cycle_at)).mappings()
    return [Cycle(**{field.name: row[field.name] for field in fields(Cycle)}) for row in rows]


def cycle_opened_between(conn: Connection, medium: Medium, since: datetime, until: datetime) -> Cycle | None:
    """The medium's newest cycle of those that were opened in that time, its bounds among it."""
    opened = cycles.c.created_at
    return _cycle(conn, cycles.c.medium == medium.plural, opened >= since, opened <= until)


def latest_cycle_of(
    conn: Connection, medium: Medium, source: str | None, before: datetime | None = None
) -> Cycle | None:
    """The medium's newest cycle, or the newest one before a time, whose list came from that host, or may have."""
    c = cycles.c
    where = [c.medium == medium.plural]
    if source is not None:
        # Cycles of before that was kept are Trakt's.
        where.append(c.source == source if source == TMDB else or_(c.source == source, c.source.is_(None)))
    return _cycle(conn, *where, *([c.cycle_at < before] if before is not None else []))


def named_in(conn: Connection, cycle_id: int) -> int:
    """How many entries of a cycle's list name a title: by an id, whichever, and by its words."""
    c = trending.c
    some_id = or_(*(each.is_not(None) for each in (c.trakt_id, c.slug, c.imdb_id, c.tmdb_id)))
    statement = select(func.count()).where(c.cycle_id == cycle_id, c.title.is_not(None), some_id)
    return conn.execute(statement).scalar_one()


def watchers_of(conn: Connection, cycle_id: int, without: str) -> dict[int, int]:
    """Watchers by TMDB id of a cycle's list; of a title listed twice, those of its first place.

    Entries that were skipped for the reason `without` are left out.
    """
    c = trending.c
    statement = (
        select(c.tmdb_id, c.watchers)
        .where(c.cycle_id == cycle_id, c.tmdb_id.is_not(None), or_(c.reason.is_(None), c.reason != without))
        .order_by(c.rank.desc())
    )
    return dict(conn.execute(statement).all())


def skipped_by_reason(conn: Connection) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    """How many titles the latest cycle of each medium skips, and the one before, by reason; superseded ones not."""
    place = func.row_number().over(partition_by=cycles.c.medium, order_by=cycles.c.cycle_at.desc())
    latest = select(cycles.c.id, place.label("place")).subquery()
    c = trending.c
    statement = (
        select(c.medium, latest.c.place, c.reason, func.count())
        .join(latest, latest.c.id == c.cycle_id)
        .where(latest.c.place <= 2, c.outcome == SKIPPED, c.reason.is_not(None), c.reason != SUPERSEDED)
        .group_by(c.medium, latest.c.place, c.reason)
        .order_by(c.medium, latest.c.place, c.reason)
    )
    found: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
    for medium, at, reason, count in conn.execute(statement):
        found.setdefault(medium, ({}, {}))[at - 1][reason] = count
    return found


def cycle_of(conn: Connection, medium: Medium, cycle_id: int) -> Cycle | None:
    """The medium's cycle with this id."""
    return _cycle(conn, cycles.c.medium == medium.plural, cycles.c.id == cycle_id)


def cycle_before(conn: Connection, cycle: Cycle) -> Cycle | None:
    """The medium's cycle before this one."""
    return _cycle(conn, cycles.c.medium == cycle.medium, cycles.c.cycle_at < cycle.cycle_at)


def cycle_opened_at(conn: Connection, medium: Medium, at: datetime | None) -> Cycle | None:
    """The medium's cycle of that very time."""
    return _cycle(conn, cycles.c.medium == medium.plural, cycles.c.cycle_at == at)


def popularity_in(conn: Connection, cycle_id: int, tmdb_id: int) -> float | None:
    """TMDB's popularity of a title, as the list of a cycle says."""
    c = trending.c
    statement = select(c.popularity).where(c.cycle_id == cycle_id, c.tmdb_id == tmdb_id).order_by(c.rank).limit(1)
    return conn.execute(statement).scalar()


def previous_watchers(conn: Connection, cycle: Cycle) -> dict[int, int]:
    """Watchers by TMDB id in the cycle before this one; of a title listed twice, those of its first place.

    Places with 0 are left out: nobody watching is what a list says that did not tell.
    """
    before = cycle_before(conn, cycle)
    if before is None:
        return {}
    rows = conn.execute(
        select(trending.c.tmdb_id, trending.c.watchers)
        .where(trending.c.cycle_id == before.id, trending.c.tmdb_id.is_not(None), trending.c.watchers > 0)
        .order_by(trending.c.rank.desc())
    )
    return dict(rows.all())


def add_requests(conn: Connection, cycle_id: int, requests: Mapping[str, int]) -> None:
    """Add to the counts of requests, by API, that were spent on the cycle."""
    row = lock_row(conn, cycles, cycles.c.id == cycle_id)
    if row is not None and requests:
        known: dict[str, int] = row["requests"] or {}
        total = {api: known.get(api, 0) + requests.get(api, 0) for api in {**known, **requests}}
        conn.execute(update(cycles).where(cycles.c.id == cycle_id).values(requests=total))


def claim(
    conn: Connection,
    cycle_id: int,
    run_id: str,
    lease_until: datetime,
    now: datetime,
    limit: int | None = None,
    tmdb_ids: Collection[int] | None = None,
    retake: bool = False,
) -> list[CycleTitle]:
    """Claim pending titles that nobody holds a live lease on, in the list's order.

    `tmdb_ids` restricts the claim to those; `retake` takes titles that are done or failed as well, and makes
    them pending again. Titles come with the outcome that they had before, so that it can be restored.
    """
    outcomes = (PENDING, DONE, ERROR) if retake else (PENDING,)
    wanted = [trending.c.cycle_id == cycle_id, trending.c.outcome.in_(outcomes), _free(now)]
    wanted.append(trending.c.tmdb_id.is_not(None))
    if tmdb_ids is not None:
        wanted.append(trending.c.tmdb_id.in_(sorted(set(tmdb_ids))))
    ids = lock_ids(conn, trending, *wanted, order_by="rank", limit=limit, skip_locked=True)
    claimed = [title for part in in_chunks(ids) for title in _titles(conn, trending.c.id.in_(part))]
    for part in in_chunks(ids):
        held = {"outcome": PENDING, "reason": None, "run_id": run_id, "lease_until": lease_until}
        conn.execute(update(trending).where(trending.c.id.in_(part)).values(held))
    return claimed


def renew(conn: Connection, run_id: str, lease_until: datetime) -> int:
    """Prolong the leases of a run's unfinished titles; how many there are."""
    held = (trending.c.run_id == run_id, trending.c.outcome == PENDING)
    return _set_lease(conn, held, {"lease_until": lease_until})


def release(conn: Connection, run_id: str) -> int:
    """Give a run's unfinished titles back, so that another may claim them at once; how many there were."""
    held = (trending.c.run_id == run_id, trending.c.outcome == PENDING)
    return _set_lease(conn, held, {"run_id": None, "lease_until": None})


def holds(conn: Connection, row_id: int, run_id: str) -> bool:
    """Whether a run still holds its claim on a title; if so, nobody takes it until the transaction ends."""
    return conn.execute(_CLAIM, {"of_row": row_id, "of_run": run_id}).first() is not None


def mark(conn: Connection, row_id: int, run_id: str, outcome: str, reason: str | None = None) -> bool:
    """Set a title's outcome in its cycle; False when `run_id` no longer holds it, as a newer cycle superseded it."""
    values = {"of_row": row_id, "of_run": run_id, "new_outcome": outcome, "new_reason": reason}
    return conn.execute(_SETTLE, values).rowcount == 1


def skip_title(conn: Connection, medium: Medium, tmdb_id: int, reason: str) -> None:
    """Skip a title that its latest cycle counts as done: it turned out not to be listed at all."""
    latest = select(func.max(cycles.c.id)).where(cycles.c.medium == medium.plural).scalar_subquery()
    where = (trending.c.cycle_id == latest, trending.c.tmdb_id == tmdb_id, trending.c.outcome == DONE)
    conn.execute(update(trending).where(*where).values(outcome=SKIPPED, reason=reason))


def move(conn: Connection, title: CycleTitle, run_id: str, tmdb_id: int) -> bool:
    """Give a title's place another TMDB id; False where that has a place already, or `run_id` holds it no longer."""
    taken = (trending.c.cycle_id == title.cycle_id, trending.c.tmdb_id == tmdb_id)
    if conn.execute(select(trending.c.id).where(*taken)).first() is not None:
        return False
    held = (trending.c.id == title.row_id, trending.c.run_id == run_id, trending.c.outcome == PENDING)
    return conn.execute(update(trending).where(*held).values(tmdb_id=tmdb_id)).rowcount == 1


# What each title needs, made once: making a statement takes longer than running it.
_HELD = (trending.c.id == bindparam("of_row"), trending.c.run_id == bindparam("of_run"), trending.c.outcome == PENDING)
_CLAIM = locking(select(trending.c.id).where(*_HELD))
_SETTLE = (
    update(trending)
    .where(*_HELD)
    .values(outcome=bindparam("new_outcome"), reason=bindparam("new_reason"), lease_until=None)
)


def holders(conn: Connection, cycle_id: int, now: datetime) -> dict[str, int]:
    """The runs that hold a live lease on unfinished titles of a cycle, and on how many."""
    held = (trending.c.cycle_id == cycle_id, trending.c.outcome == PENDING, trending.c.lease_until > now)
    statement = select(trending.c.run_id, func.count()).where(*held, trending.c.run_id.is_not(None))
    return dict(conn.execute(statement.group_by(trending.c.run_id)).all())


def under_way(conn: Connection, now: datetime) -> int:
    """How many titles of all cycles runs are working on."""
    held = (trending.c.outcome == PENDING, trending.c.lease_until > now)
    return int(conn.execute(select(func.count()).select_from(trending).where(*held)).scalar_one())


def last_settled(conn: Connection, cycle_id: int) -> datetime | None:
    """When a title of the cycle last got an outcome."""
    settled = (trending.c.cycle_id == cycle_id, trending.c.outcome.in_((DONE, SKIPPED, ERROR)))
    return conn.execute(select(func.max(trending.c.updated_at)).where(*settled)).scalar()


def named_since(conn: Connection, medium: Medium, moment: datetime) -> set[int] | None:
    """The titles (TMDB ids) that trending lists have named since then; None where history is younger than that."""
    first = conn.execute(select(func.min(cycles.c.cycle_at)).where(cycles.c.medium == medium.plural)).scalar()
    if first is None or first > moment:
        return None
    statement = (
        select(trending.c.tmdb_id)
        .distinct()
        .join(cycles, cycles.c.id == trending.c.cycle_id)
        .where(cycles.c.medium == medium.plural, cycles.c.cycle_at >= moment, trending.c.tmdb_id.is_not(None))
    )
    return set(conn.execute(statement).scalars())


def counts(conn: Connection, cycle_id: int, now: datetime) -> Counts:
    """How far a cycle is."""
    standing = _standing(now)
    statement = select(standing, func.count()).where(trending.c.cycle_id == cycle_id).group_by(standing)
    return Counts(**dict(conn.execute(statement).all()))


def standings(conn: Connection, cycle_id: int, tmdb_ids: Collection[int], now: datetime) -> dict[int, Standing]:
    """What has become of those of the titles that the cycle names; of one listed twice, in its first place."""
    found: dict[int, Standing] = {}
    for part in in_chunks(tmdb_ids):
        statement = (
            select(trending.c.tmdb_id, _standing(now))
            .where(trending.c.cycle_id == cycle_id, trending.c.tmdb_id.in_(part))
            .order_by(trending.c.rank.desc())
        )
        found.update((tmdb_id, Standing(standing)) for tmdb_id, standing in conn.execute(statement))
    return found


def titles_of(conn: Connection, cycle_id: int, outcome: str | None = None) -> list[CycleTitle]:
    """A cycle's titles in the list's order, all or those of one outcome; entries without a TMDB id are none."""
    wanted = [trending.c.cycle_id == cycle_id, trending.c.tmdb_id.is_not(None)]
    if outcome is not None:
        wanted.append(trending.c.outcome == outcome)
    return _titles(conn, *wanted)


def identities(conn: Connection, medium: Medium, tmdb_ids: Collection[int]) -> dict[int, CycleTitle]:
    """What the trending lists last said of each title, in any cycle: its ids, slug, title and year."""
    found: dict[int, CycleTitle] = {}
    for part in in_chunks(tmdb_ids):
        newest = (
            select(func.max(trending.c.cycle_id))
            .where(trending.c.medium == medium.plural, trending.c.tmdb_id.in_(part))
            .group_by(trending.c.tmdb_id)
        )
        rows = _titles(
            conn,
            trending.c.medium == medium.plural,
            trending.c.tmdb_id.in_(part),
            trending.c.cycle_id.in_(newest),
        )
        for title in sorted(rows, key=lambda title: (-title.cycle_id, title.rank)):
            found.setdefault(title.tmdb_id, title)
    return found


def _standing(now: datetime) -> ColumnElement[str]:
    processing = and_(trending.c.outcome == PENDING, trending.c.lease_until > now)
    return case((processing, literal_column(f"'{Standing.PROCESSING}'")), else_=trending.c.outcome)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(trending.c.lease_until.is_(None), trending.c.lease_until <= now)


def _set_lease(conn: Connection, held: Sequence[ColumnElement[bool]], values: Mapping[str, Any]) -> int:
    ids = lock_ids(conn, trending, *held)
    for part in in_chunks(ids):
        conn.execute(update(trending).where(trending.c.id.in_(part), *held).values(dict(values)))
    return len(ids)


def _cycle(conn: Connection, *where: ColumnElement[bool]) -> Cycle | None:
    statement = select(cycles).where(*where).order_by(cycles.c.cycle_at.desc()).limit(1)
    row = conn.execute(statement).mappings().one_or_none()
    return None if row is None else Cycle(**{field.name: row[field.name] for field in fields(Cycle)})


def _titles(conn: Connection, *where: ColumnElement[bool]) -> list[CycleTitle]:
    rows = conn.execute(select(trending).where(*where).order_by(trending.c.rank)).mappings()
    return [_title(row) for row in rows]


def _title(row: RowMapping) -> CycleTitle:
    facts = {field.name: row[field.name] for field in fields(CycleTitle) if field.name != "row_id"}
    return CycleTitle(row_id=row["id"], **facts)
