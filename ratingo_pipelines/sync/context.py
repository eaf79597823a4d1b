"""What every use case works with: settings, database and the three clients, opened together.

Whoever starts a sync (Dagster's resource, the command line, a test) opens a `SyncContext` and hands it on.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from ratingo_pipelines.home import prepare_home_of_sync
from ratingo_pipelines.machine import (
    MEMORY_OF_A_SYNC,
    TOO_FEW_FILES,
    affordable_workers,
    lacking_memory,
    open_files,
    raise_open_files,
)
from ratingo_pipelines.settings import Settings, SettingsError
from ratingo_pipelines.sources.omdb import OmdbClient, open_omdb
from ratingo_pipelines.sources.tmdb import TmdbClient, open_tmdb
from ratingo_pipelines.sources.trakt import TraktClient, open_trakt
from ratingo_pipelines.storage.engine import Database, open_database
from ratingo_pipelines.storage.schema import prepare

log = logging.getLogger(__name__)
_told: set[int] = set()


def utc_now() -> datetime:
    """The present, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SyncContext:
    """Open connections to everything; `trakt` and `omdb` are None where there is no key, or they are not wanted."""

    settings: Settings
    database: Database
    trakt: TraktClient | None
    tmdb: TmdbClient
    omdb: OmdbClient | None
    now: Callable[[], datetime] = utc_now

    def requests(self) -> dict[str, int]:
        """HTTP requests sent so far, by API."""
        asked = {"trakt": self.trakt, "tmdb": self.tmdb, "omdb": self.omdb}
        return {name: client.api.requests for name, client in asked.items() if client}

    def close(self) -> None:
        """Close sessions and connections."""
        for client in (self.trakt, self.tmdb, self.omdb):
            if client:
                client.api.close()
        self.database.dispose()


def fitting(settings: Settings, limit: int, in_use: int) -> Settings:
    """The settings with as much at once as the limit of open files allows.

    Raises `SettingsError` where that is nothing, or where the memory will not do.
    """
    workers = affordable_workers(settings.concurrency, limit, in_use)
    if workers == 0:
        raise SettingsError(TOO_FEW_FILES)
    if lacking := lacking_memory(MEMORY_OF_A_SYNC, workers):
        raise SettingsError(lacking)
    if workers < settings.concurrency:
        _tell_once(limit, workers, settings.concurrency)
    return settings.model_copy(update={"concurrency": workers})


def _tell_once(limit: int, workers: int, wanted: int) -> None:
    """One line a process, however many stages it opens everything for."""
    if limit not in _told:
        _told.add(limit)
        log.warning("only %d files may be open at once (ulimit -n): CONCURRENCY is %d, not %d", limit, workers, wanted)


@contextmanager
def open_sync_context(settings: Settings) -> Iterator[SyncContext]:
    """Open everything `settings` names, making an empty database; as many titles at once as open files are allowed.

    Raises `StorageError` where the database is outdated, `SettingsError` where nothing can be opened.
    """
    settings = fitting(settings, raise_open_files(), open_files())
    prepare_home_of_sync(settings)
    database = open_database(settings)
    try:
        prepare(database)
        ctx = SyncContext(settings, database, open_trakt(settings), open_tmdb(settings), open_omdb(settings))
    except BaseException:
        database.dispose()
        raise
    try:
        yield ctx
    finally:
        ctx.close()
