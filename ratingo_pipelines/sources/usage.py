"""How each API is used, for those who only look: its rate limits, its pauses, and the requests it was sent.

The files belong to `http.grants` and `http.tally`, which write them while requests are sent; here none is ever written.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from ratingo_pipelines.settings import RateLimit, Settings
from ratingo_pipelines.sources import omdb, trakt
from ratingo_pipelines.sources.http.grants import FILE_NAME, GRANTS, PAUSES, short_name
from ratingo_pipelines.sources.http.state_file import STATE_ERRORS
from ratingo_pipelines.sources.http.tally import RequestOutcome, read_tally
from ratingo_pipelines.sources.tmdb.title import API as TMDB

WAITS_SECONDS = 1.0


@dataclass(frozen=True)
class WindowUse:
    """Requests that were let through within the last `seconds`, and how many may be."""

    api: str
    requests: int
    seconds: int
    used: int


@dataclass(frozen=True)
class ApiPause:
    """An API that refused a request and said, or let guess, when to ask again (UTC)."""

    api: str
    until: datetime


@dataclass(frozen=True)
class ApiUsage:
    """Windows of APIs with limits in seconds, as OMDb's, a day's, is counted in the database; pauses of all."""

    windows: tuple[WindowUse, ...] = ()
    pauses: tuple[ApiPause, ...] = ()


NOTHING_USED = ApiUsage()
"""Nothing is known."""


def limits_of(settings: Settings) -> dict[str, tuple[RateLimit, ...]]:
    """The limits by API, as messages call it."""
    return {trakt.API: trakt.windows_of(settings.trakt_rate_limit), TMDB: (settings.tmdb_rate_limit,)}


def read_usage(settings: Settings, now: datetime) -> ApiUsage:
    """What this home's processes were granted. Nothing is known where the file cannot be read just now."""
    path, limits = settings.home / FILE_NAME, limits_of(settings)
    # Nobody asked yet, where there is no file.
    where = f"{path.absolute().as_uri()}?mode=ro" if path.exists() else "file::memory:"
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=WAITS_SECONDS)) as connection:
            windows = tuple(_used(connection, api, limit, now) for api, some in limits.items() for limit in some)
            return ApiUsage(windows, tuple(_pauses(connection, (*limits, omdb.API), now)))
    except STATE_ERRORS:
        # Who writes the file says so, and begins another.
        return NOTHING_USED


def read_requests(settings: Settings) -> dict[tuple[str, RequestOutcome], int]:
    """The requests that this home's processes sent, by API and what came of them; those that never were as well.

    A process that is at work adds its own every few seconds.
    """
    apis = [api.lower() for api in (*limits_of(settings), omdb.API)]
    return {(api, outcome): 0 for api in apis for outcome in RequestOutcome} | read_tally(settings.home, WAITS_SECONDS)


def _used(connection: sqlite3.Connection, api: str, limit: RateLimit, now: datetime) -> WindowUse:
    """By the key that used most: a former one's grants are beside those of the one that counts."""
    since = int(now.timestamp() * 1000) - limit.seconds * 1000
    counts = [
        connection.execute(f"SELECT count(*) FROM {table} WHERE at > ?", (since,)).fetchone()[0]  # noqa: S608
        for table in _tables(connection, f"{GRANTS}_{short_name(api)}_")
    ]
    return WindowUse(api, limit.requests, limit.seconds, max(counts, default=0))


def _pauses(connection: sqlite3.Connection, apis: Iterable[str], now: datetime) -> Iterator[ApiPause]:
    for api in apis:
        until = [
            connection.execute(f"SELECT max(until) FROM {table}").fetchone()[0] or 0  # noqa: S608 - names of ours
            for table in _tables(connection, f"{PAUSES}_{short_name(api)}_")
        ]
        latest = datetime.fromtimestamp(max(until, default=0) / 1000, UTC)
        if latest > now:
            yield ApiPause(api, latest)


def _tables(connection: sqlite3.Connection, prefix: str) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name for (name,) in rows if name.startswith(prefix)]
