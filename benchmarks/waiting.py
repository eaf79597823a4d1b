"""What waits, and for how long, where a source does not give what is due: all of it on SQLite, one run.

OMDb gives 1,000 requests a day and 7,500 titles are due: shows are asked for four times a day and movies once, as the
schedules do it, for 21 days by a clock that is turned. TMDB is gone while a meta backfill has 3,000 stubs to complete.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic

from sqlalchemy import insert, select

from benchmarks.common import add_stubs, back_ends, folder, settings_of
from benchmarks.figures import Figure
from ratingo_pipelines.media import MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.storage import quota
from ratingo_pipelines.storage.asked import incomplete_titles
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import asked, failures
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.omdb import backfill_omdb

DUE: Mapping[Medium, int] = {SHOWS: 7_000, MOVIES: 500}
FIRST_ID: Mapping[Medium, int] = {SHOWS: 90_000_000, MOVIES: 91_000_000}
A_DAY = 1_000
DAYS = 21
CALLS: Sequence[tuple[int, Medium]] = ((0, SHOWS), (2, MOVIES), (6, SHOWS), (12, SHOWS), (18, SHOWS))
"""Hours of the day at which the schedules ask OMDb, and about what."""
STUBS = 3_000


def run() -> Iterator[Figure]:
    """Figures of both."""
    with start_sandbox() as sandbox, back_ends() as makers:
        yield from _omdb(sandbox, makers["SQLite"]())
        yield from _tmdb_gone(sandbox, makers["SQLite"]())


@dataclass
class _Waits:
    """Since when each title is due at OMDb, and how long those that were asked about had been."""

    due_since: dict[Medium, dict[int, datetime]]
    asked_at: dict[tuple[str, int], datetime] = field(default_factory=dict)
    times: dict[Medium, int] = field(default_factory=lambda: dict.fromkeys(DUE, 0))
    longest: dict[Medium, timedelta] = field(default_factory=lambda: dict.fromkeys(DUE, timedelta()))

    def note(self, database: Database, medium: Medium) -> None:
        """Take note of what a backfill asked about."""
        with database.reading() as conn:
            rows = conn.execute(select(asked).where(asked.c.medium == medium.plural, asked.c.source == "omdb")).all()
        for row in rows:
            key = (medium.plural, row.tmdb_id)
            if self.asked_at.get(key) == row.asked_at:
                continue
            self.asked_at[key] = row.asked_at
            self.times[medium] += 1
            waited = row.asked_at - self.due_since[medium][row.tmdb_id]
            self.longest[medium] = max(self.longest[medium], waited)
            self.due_since[medium][row.tmdb_id] = row.next_at

    def still(self, medium: Medium, now: datetime) -> timedelta:
        """How long the title has been due that is due longest."""
        return max(timedelta(), now - min(self.due_since[medium].values()))


def _omdb(sandbox: RunningSandbox, url: str) -> Iterator[Figure]:
    sandbox.reset()
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    begun = now
    waits = _Waits({medium: dict.fromkeys(_ids(medium), now) for medium in DUE})
    with folder() as home:
        settings = settings_of(sandbox, home, url, OMDB_DAILY_LIMIT=str(A_DAY), HTTP_CACHE="false")
        with open_sync_context(settings) as ctx:
            _put_due(ctx)
            for day in range(DAYS):
                for hour, medium in CALLS:
                    now = begun + timedelta(days=day, hours=hour)
                    backfill_omdb(replace(ctx, now=_at(now)), medium)
                    waits.note(ctx.database, medium)
            with ctx.database.reading() as conn:
                booked = [quota.used(conn, "omdb", f"{begun + timedelta(days=day):%Y-%m-%d}") for day in range(DAYS)]
    for medium, count in DUE.items():
        yield Figure(f"OMDb, {count:,} {medium.plural}: times asked about in {DAYS} days", waits.times[medium])
        never = count - len([key for key in waits.asked_at if key[0] == medium.plural])
        yield Figure(f"OMDb, {medium.plural}: never asked about", never, limit=0)
        yield Figure(f"OMDb, {medium.plural}: longest wait of one asked about", _days(waits.longest[medium]), "days")
        yield Figure(f"OMDb, {medium.plural}: longest wait at the end", _days(waits.still(medium, now)), "days")
    yield Figure("OMDb: requests of the fullest day", max(booked), limit=A_DAY)
    sent = sandbox.counters()["omdb"]["requests"]
    yield Figure("OMDb: requests sent that are booked on no day", abs(sent - sum(booked)), limit=0)


def _at(now: datetime) -> Callable[[], datetime]:
    return lambda: now


def _put_due(ctx: SyncContext) -> None:
    with ctx.database.writing() as conn:
        for medium in DUE:
            rows = [{"tmdb_id": i, "title": f"Title {i}", "imdb_id": f"tt{i:08}"} for i in _ids(medium)]
            conn.execute(insert(tables_of(medium).titles), rows)


def _ids(medium: Medium) -> Sequence[int]:
    return range(FIRST_ID[medium], FIRST_ID[medium] + DUE[medium])


def _days(waited: timedelta) -> float:
    return waited / timedelta(days=1)


def _tmdb_gone(sandbox: RunningSandbox, url: str) -> Iterator[Figure]:
    sandbox.reset()
    with folder() as home, open_sync_context(settings_of(sandbox, home, url)) as ctx:
        with ctx.database.writing() as conn:
            add_stubs(conn, SHOWS, range(FIRST_ID[SHOWS], FIRST_ID[SHOWS] + STUBS))
        sandbox.faults({"kind": "status", "status": 503, "api": "tmdb"})
        began = monotonic()
        report = backfill_meta(ctx, SHOWS, "bench")
        seconds = monotonic() - began
        with ctx.database.reading() as conn:
            due = len(incomplete_titles(conn, tables_of(SHOWS), ctx.now()))
            failed = len(conn.execute(select(failures.c.id)).all())
    yield Figure(f"TMDB gone, {STUBS:,} stubs: until the backfill stops", seconds, "s", note=report.stopped or "")
    yield Figure("TMDB gone: requests", sandbox.counters()["tmdb"]["requests"])
    yield Figure("TMDB gone: failures on record", failed, limit=0)
    yield Figure("TMDB gone: stubs still due", due, limit=STUBS, at_least=True)
