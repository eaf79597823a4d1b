"""What the tests of the use cases share: a sync_context on any database, a clock to turn, and rows to look at."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Table, func, select

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import pipeline_tables, tables
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines.sync.report import BatchReport, TrendingReport
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle

RUN = "test"


@dataclass
class Clock:
    """The present, moved on by hand."""

    ahead: timedelta = field(default_factory=timedelta)
    first_day: date = field(default_factory=lambda: datetime.now(UTC).date())

    @property
    def day(self) -> date:
        """The world's day: a new one begins with every 24 hours that are let pass, whatever the time is now."""
        return self.first_day + timedelta(days=self.ahead.days)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def turn(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


def pass_time(sandbox: RunningSandbox, clock: Clock, *, epochs: int = 0, **duration: float) -> None:
    """Let time pass here and in the world upstream, and so many of its epochs with it.

    The upstreams' clocks stay as they are: the machine's own is compared with them, not the one that is turned.
    """
    clock.turn(**duration)
    sandbox.control("epoch", {"advance": epochs, "today": clock.day.isoformat()})


def days_until(clock: Clock, happens: Callable[[], bool]) -> int:
    """Turn the clock a day at a time until it happens; how many days that took."""
    for days in range(60):
        if happens():
            return days
        clock.turn(days=1, minutes=1)
    raise AssertionError("it does not happen within 60 days")


def settings_for(sandbox: RunningSandbox, home: Path, **others: Any) -> Settings:
    """Settings that point at the sandbox, whatever the developer's environment says of the rest."""
    given = {name.lower(): value for name, value in sandbox.environment().items()}
    return Settings(_env_file=None, ratingo_home=home, **{**given, **others})


def on_database(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(url)})


def limited(ctx: SyncContext, limit: int) -> SyncContext:
    """The same sync_context with a trending list of that length."""
    return altered(ctx, trending_limit=limit)


def altered(ctx: SyncContext, **settings: Any) -> SyncContext:
    """The same sync_context with other settings, for those that its clients do not depend on."""
    return replace(ctx, settings=ctx.settings.model_copy(update=settings))


@contextmanager
def another_kit(ctx: SyncContext, **settings: Any) -> Iterator[SyncContext]:
    """A sync_context of its own on the same home and database, as another process would open it."""
    with open_sync_context(ctx.settings.model_copy(update=settings)) as other:
        yield replace(other, now=ctx.now)


def run_cycle(ctx: SyncContext, medium: Medium = SHOWS, run_id: str = RUN) -> tuple[TrendingReport, BatchReport]:
    """Open a cycle and work it off."""
    trending = open_trending_cycle(ctx, medium, run_id)
    return trending, sync_pending(ctx, medium, run_id)


def counts(database: Database) -> dict[str, int]:
    """Rows by table."""
    with database.reading() as conn:
        return {name: conn.execute(select(func.count()).select_from(table)).scalar_one() for name, table in _tables()}


def ids(database: Database) -> dict[str, set[int]]:
    """Primary keys by table, of those that have one `id`."""
    with database.reading() as conn:
        return {
            name: set(conn.execute(select(table.c.id)).scalars()) for name, table in _tables() if "id" in table.columns
        }


def _tables() -> list[tuple[str, Table]]:
    """All but the attempts: that a source was asked is remembered whatever came of it."""
    found = [table for own in (tables, pipeline_tables) for table in own.metadata.tables.values()]
    return sorted((table.name, table) for table in found if table is not pipeline_tables.attempts)


def title_rows(database: Database, medium: Medium = SHOWS) -> dict[int, Mapping[str, Any]]:
    """The titles' own rows by TMDB id."""
    table = tables_of(medium).titles
    with database.reading() as conn:
        return {row["tmdb_id"]: dict(row) for row in conn.execute(select(table)).mappings()}


def all_rows(database: Database, table: Table) -> list[Mapping[str, Any]]:
    """All rows of a table, the oldest first."""
    with database.reading() as conn:
        return [dict(row) for row in conn.execute(select(table).order_by(table.c.id)).mappings()]


def eligible(truth: list[dict[str, Any]]) -> list[int]:
    """TMDB ids of the titles of a list that are to be stored, by rank."""
    return [entry["tmdb"] for entry in truth if entry["skip"] is None]
