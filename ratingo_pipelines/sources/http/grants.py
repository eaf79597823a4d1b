"""When requests were let through, as all processes of one machine share it: the memory of the rate limits.

One table of `limits.sqlite` for each API, base URL and key, so that whoever uses the same key shares the same limit.
The file is a memory of minutes: a damaged one is replaced, and where none can be written the limits hold for this
process alone. Who waits, and in which order, is decided in `limits.py`.
"""

import hmac
import os
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TypeVar

from filelock import FileLock

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.http.state_file import (
    STATE_ERRORS,
    is_damage,
    open_state_file,
    remove_state_file,
    tell_once,
)
from ratingo_pipelines.sources.scrub import one_line

FILE_NAME = "limits.sqlite"
LOCK_NAME = "limits.sqlite.lock"
SALT_NAME = "limits.salt"
VERSION = 2
SALT_BYTES = 32
MARGIN = 0.02
"""Windows are taken this much longer, because requests do not all travel equally fast."""
LONGEST_MARGIN_MS = 250
GRANTS, PAUSES = "grants", "pauses"
"""What the names of the tables of an API and key begin with."""
TIDY_EVERY = 256
"""Grants between two deletions of what has left every window."""

T = TypeVar("T")


class LimiterError(Exception):
    """No request can be let through any more; the message is half a sentence."""


@dataclass(frozen=True)
class Window:
    """At most `requests` in any `milliseconds`."""

    requests: int
    milliseconds: int


def windows_of(limits: Iterable[RateLimit]) -> tuple[Window, ...]:
    """Return the windows to keep: widened by a margin, without those that others imply; the shortest first."""
    windows: list[Window] = []
    for limit in sorted(limits, key=lambda limit: (limit.seconds, limit.requests)):
        milliseconds = limit.seconds * 1000
        window = Window(limit.requests, milliseconds + margin_ms(milliseconds))
        windows = [other for other in windows if other.requests < window.requests]
        if all(window.requests / window.milliseconds < other.requests / other.milliseconds for other in windows):
            windows.append(window)
    return tuple(windows)


def margin_ms(milliseconds: int) -> int:
    """By how much a window of this length is widened."""
    return int(min(milliseconds * MARGIN, LONGEST_MARGIN_MS))


class MachineLock:
    """A lock for the threads of this process and, while it has a file, for other processes; reentrant.

    `FileLock` alone polls every 50 ms, between threads as well (`filelock/_api.py`). Here threads queue at a lock of
    their own, and meet at the file only other processes, which hold it for a fraction of a millisecond.
    """

    def __init__(self, path: Path | None) -> None:
        self._threads = RLock()
        self._file = FileLock(path, thread_local=False, poll_interval=0.001, mode=0o600) if path else None
        self._depth = 0

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if self._file is not None and self._depth == 0:
                self._file.acquire()
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            self._depth -= 1
            if self._file is not None and self._depth == 0:
                self._file.release()
        finally:
            self._threads.release()

    def leave_file(self) -> None:
        """From now on, hold for the threads of this process alone."""
        with self._threads:
            if self._file is not None and self._depth:
                self._file.release()
            self._file = None


class GrantLog:
    """The grants of one API and key: claimed one by one, kept in the file while that is possible."""

    def __init__(self, windows: tuple[Window, ...], folder: Path | None, name: str) -> None:
        """`name` tells the API and its key; the file shows no trace of the key that could be tried against."""
        self._windows = windows
        self._folder = folder
        self._name = name
        self._own: deque[int] = deque(maxlen=max(window.requests for window in windows))
        """What this process was granted lately: another file begins with it."""
        self._grants = 0
        self._inode = 0
        self._table = ""
        self._lock = MachineLock(folder / LOCK_NAME if folder else None)
        self._connection = self._open()

    def claim(self, now_ms: Callable[[], int]) -> tuple[int, int]:
        """Grant a request now, if every window has room for it.

        Returns when it was asked for, and the milliseconds until asking again makes sense: 0 when it is granted. The
        time is read under the lock, so that grants are dated in the order in which they are given. Raises
        `LimiterError`.
        """
        return self._with_file(lambda: self._claim(now_ms()))

    def postpone(self, granted_ms: int, later_ms: int) -> None:
        """Count a grant of `granted_ms` as given at `later_ms`; those of one millisecond are alike."""
        self._with_file(
            lambda: self._execute(
                f"UPDATE {self._table} SET at = ? WHERE rowid ="  # noqa: S608 - a name of ours
                f" (SELECT rowid FROM {self._table} WHERE at = ? LIMIT 1)",
                (later_ms, granted_ms),
            )
        )

    def note_pause(self, until_ms: int) -> None:
        """Keep until when the API is left alone, for those who look: who asks is paused by `Backoff`."""
        self._with_file(lambda: self._note_pause(until_ms))

    def _note_pause(self, until_ms: int) -> None:
        pauses = self._table.replace(GRANTS, PAUSES, 1)
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {pauses} (until INTEGER NOT NULL)").close()
        self._connection.execute(f"DELETE FROM {pauses}").close()  # noqa: S608 - a name of ours
        self._execute(f"INSERT INTO {pauses} VALUES (?)", (until_ms,))  # noqa: S608

    def close(self) -> None:
        """Release the file."""
        with suppress(*STATE_ERRORS), self._lock:
            self._connection.close()

    def _claim(self, now: int) -> tuple[int, int]:
        if self._grants % TIDY_EVERY == 0:
            self._tidy(now)
        for window in reversed(self._windows):
            wait = self._earliest_counted(window, now) - (now - window.milliseconds)
            if wait > window.milliseconds:
                # It waits for a grant of the future: the clock was set back.
                self._tidy(now)
                if self._earliest_counted(window, now) > now:
                    raise ValueError("a grant of the future cannot be deleted")
                return now, 1
            if wait > 0:
                return now, wait
        self._execute(f"INSERT INTO {self._table} VALUES (?)", (now,))  # noqa: S608
        self._own.append(now)
        self._grants += 1
        return now, 0

    def _earliest_counted(self, window: Window, now: int) -> int:
        """When the grant was given that has to leave the window before there is room in it; 0 when there is room."""
        begins = now - window.milliseconds
        row = self._connection.execute(
            f"SELECT at FROM {self._table} WHERE at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",  # noqa: S608
            (begins, window.requests - 1),
        ).fetchone()
        # What this process knows itself holds too: a damaged file may just lack rows.
        own = self._own[-window.requests] if len(self._own) >= window.requests else 0
        return max(int(row[0]) if row else 0, own if own > begins else 0)

    def _tidy(self, now: int) -> None:
        oldest = now - max(window.milliseconds for window in self._windows)
        self._execute(f"DELETE FROM {self._table} WHERE at < ? OR at > ?", (oldest, now))  # noqa: S608
        kept = [at for at in self._own if oldest <= at <= now]
        self._own.clear()
        self._own.extend(kept)

    def _execute(self, statement: str, values: tuple[int, ...]) -> None:
        self._connection.execute(statement, values).close()

    def _with_file(self, act: Callable[[], T]) -> T:
        """Do it: in another file where this one is damaged or gone, without one where none can be had."""
        for last in (False, False, True):
            try:
                with self._lock:
                    if self._was_replaced():
                        self._connection.close()
                        self._connection = self._open()
                    return act()
            except sqlite3.ProgrammingError:
                raise LimiterError("the session was closed") from None
            except STATE_ERRORS as error:
                if last:
                    raise LimiterError(f"its rate limits cannot be kept ({one_line(error)})") from None
                self._give_up_file(error)
        raise AssertionError("the last attempt returns or raises")

    def _was_replaced(self) -> bool:
        """Is another file there by now? Another process found this one damaged, or somebody cleaned up."""
        if self._folder is None:
            return False
        try:
            return os.stat(self._folder / FILE_NAME).st_ino != self._inode
        except FileNotFoundError:
            return True

    def _give_up_file(self, error: Exception) -> None:
        """Go on with a new file if this one is damaged, else without."""
        try:
            with self._lock:
                if self._folder and is_damage(error):
                    remove_state_file(self._folder / FILE_NAME)
                elif self._folder:
                    self._leave_folder(self._folder, error)
                self._connection.close()
                self._connection = self._open()
        except OSError as worse:
            if self._folder:
                self._leave_folder(self._folder, worse)
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = self._open_file(self._folder) if self._folder else None
        if connection is None:
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            self._table = GRANTS
            self._make_table(connection)
        connection.executemany(f"INSERT INTO {self._table} VALUES (?)", [(at,) for at in self._own])  # noqa: S608
        return connection

    def _open_file(self, folder: Path) -> sqlite3.Connection | None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                connection = open_state_file(folder / FILE_NAME, VERSION)
                self._inode = os.stat(folder / FILE_NAME).st_ino
                self._table = f"{GRANTS}_{_pseudonym(self._name, _salt(folder))}"
                self._make_table(connection)
        except STATE_ERRORS as error:
            self._leave_folder(folder, error)
            return None
        return connection

    def _make_table(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {self._table} (at INTEGER NOT NULL)")
        connection.execute(f"CREATE INDEX IF NOT EXISTS {self._table}_at ON {self._table} (at)")

    def _leave_folder(self, folder: Path, error: Exception) -> None:
        tell_once(folder, error)
        self._folder = None
        self._lock.leave_file()


def short_name(name: str) -> str:
    """An API's name as it is part of its tables' names."""
    return "".join(letter for letter in name.partition("\n")[0].lower() if letter.isalnum())


def _pseudonym(name: str, salt: bytes) -> str:
    """Tell APIs and keys apart without a trace of the key: a plain hash of a short one, OMDb's, is found by trying."""
    return f"{short_name(name)}_{hmac.new(salt, name.encode(), 'sha256').hexdigest()[:24]}"


def _salt(folder: Path) -> bytes:
    """The secret of this home that its tables are named with; to be called under the lock."""
    path = folder / SALT_NAME
    with suppress(FileNotFoundError):
        if len(found := path.read_bytes()) == SALT_BYTES:
            return found
        path.unlink()
    salt = secrets.token_bytes(SALT_BYTES)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(salt)
    return salt
