"""What is kept of the answers, and for how long.

The store is requests-cache's, one SQLite file for all APIs. Keys never reach it (`transport.py` adds them below it);
what may be kept is said by the caller of each request.
"""

import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import time

from filelock import FileLock
from requests_cache import SerializerPipeline, Stage, pickle_serializer
from requests_cache.backends.base import BaseCache
from requests_cache.backends.sqlite import SQLiteCache, SQLiteDict

FILE_NAME = "http-cache.sqlite"
KEPT_AFTER_EXPIRY_SECONDS = 7 * 24 * 3600
"""An expired answer with an ETag still saves its body."""
MAX_FILE_BYTES = 128 * 1024 * 1024
BUSY_MS = 5000

_COMPRESSED = SerializerPipeline(
    [*pickle_serializer.stages, Stage(dumps=partial(zlib.compress, level=1), loads=zlib.decompress)],
    name="compressed",
    is_binary=True,
)

_log = logging.getLogger(__name__)


class AnswerTable(SQLiteDict):
    """The library's table, with one thread at a time at its connection.

    The library lets threads read while one waits for the file. SQLite makes them wait inside the connection then,
    with Python's own lock in hand: nothing in the process moves, least of all the thread that would free the file.
    """

    @contextmanager
    def connection(self, commit: bool = False) -> Iterator[sqlite3.Connection]:
        """Lend the connection, for reading too, to one thread."""
        with self._lock, super().connection(commit) as connection:
            yield connection


class AnswerStore(SQLiteCache):
    """The library's store, without a table of redirects, as none are followed."""

    def __init__(self, path: Path) -> None:
        BaseCache.__init__(self, cache_name=str(path))
        self.responses = AnswerTable(
            path, table_name="responses", wal=True, busy_timeout=BUSY_MS, serializer=_COMPRESSED
        )

    def _prune_redirects(self) -> None:
        """There are none."""


def open_cache(state_dir: Path | None) -> BaseCache:
    """Return the store in this folder; one in memory without a folder, or when it cannot be written."""
    if state_dir is None:
        return BaseCache()
    path = state_dir / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    # One process at a time: switching a new file to WAL is the one thing SQLite does not wait for.
    with FileLock(path.with_name(f"{FILE_NAME}.lock")):
        try:
            _prepare(path)
        except sqlite3.OperationalError as error:
            _log.warning("The HTTP cache %s cannot be used: %s", path, error)
            return BaseCache()
        except sqlite3.DatabaseError as error:
            _log.warning("The HTTP cache %s is damaged and starts anew: %s", path, error)
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)
        return AnswerStore(path)


def _prepare(path: Path) -> None:
    """Remove what nobody will use any more. requests-cache would wait for ever for a file that cannot be written."""
    with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'responses'").fetchone():
            return
        too_large = path.stat().st_size > MAX_FILE_BYTES
        bound = time() - (0 if too_large else KEPT_AFTER_EXPIRY_SECONDS)
        connection.execute("DELETE FROM responses WHERE expires < ?", (bound,))
        connection.execute("COMMIT")
        if too_large:
            connection.execute("VACUUM")
