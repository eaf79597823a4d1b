"""A SQLite file of the home that holds nothing of lasting worth: replaced when damaged, and done without if need be.

What is in it belongs to its owners: the grants of the rate limits (`grants.py`) and the kept answers (`cache.py`).
"""

import logging
import sqlite3
from pathlib import Path

from ratingo_pipelines.sources.scrub import one_line

BUSY_SECONDS = 5.0
_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
    }
)
"""Primary codes of errors that say nothing about the file's content: https://www.sqlite.org/rescode.html."""
STATE_ERRORS = (sqlite3.Error, OSError, TypeError, ValueError)
"""What the use of such a file may raise: a damaged one holds values of any type, and texts that are none."""

_told: set[Path] = set()
_log = logging.getLogger(__name__)


def open_state_file(path: Path, version: int, schema: str = "") -> sqlite3.Connection:
    """Open the file, in autocommit mode and for any thread; one that is damaged or of another version begins anew.

    Only this user can read it. Call it while no other process opens the same file: switching a new one to WAL is the
    one thing SQLite does not wait for. Raises one of `STATE_ERRORS` where it cannot be used.
    """
    try:
        connection = _open(path, version, schema)
    except STATE_ERRORS as error:
        if not is_damage(error):
            raise
        connection = None
    if connection is None:
        remove_state_file(path)
        connection = _open(path, version, schema)
    if connection is None:
        raise OSError(f"{path.name} is not this version's, even when it is new")
    return connection


def is_damage(error: Exception) -> bool:
    """Is the file's content at fault, so that a new file would do?"""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, TypeError | ValueError) or (code is not None and code & 0xFF not in _SURROUNDINGS)


def remove_state_file(path: Path) -> None:
    """Remove the file and what SQLite keeps beside it: https://www.sqlite.org/tempfiles.html."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def tell_once(folder: Path, error: Exception) -> None:
    """Say that nothing can be kept in this folder, and what follows: one line a process."""
    if folder not in _told:
        _told.add(folder)
        _log.warning(
            "RATINGO_HOME: nothing can be kept in %s (%s); the APIs' rate limits hold for this process alone, and no"
            " answers are cached",
            folder,
            one_line(getattr(error, "strerror", None) or error),
        )


def _open(path: Path, version: int, schema: str) -> sqlite3.Connection | None:
    """Return None where the file is another version's."""
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        is_usable = found == version or not tables
        if is_usable:
            connection.execute("PRAGMA journal_mode = WAL").close()
            connection.execute("PRAGMA synchronous = NORMAL").close()
        if is_usable and found != version:
            connection.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; COMMIT")
    except BaseException:
        connection.close()
        raise
    if not is_usable:
        connection.close()
        return None
    return connection
