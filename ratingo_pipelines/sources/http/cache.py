"""What is kept of the answers, and for how long.

One SQLite file for all APIs, of plain values: rows of JSON and packed bodies, nothing that a reader would execute.
Keys never reach it (`transport.py` adds them below it). What may be kept, and how old an answer may be, is said by the
caller of each request; without a file nothing is kept.
"""

import json
import logging
import sqlite3
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Lock
from time import time
from typing import TypeVar

from filelock import FileLock
from requests.structures import CaseInsensitiveDict

from ratingo_pipelines.sources.http.answer import MAX_BODY_BYTES, HttpAnswer
from ratingo_pipelines.sources.http.state_file import (
    STATE_ERRORS,
    is_damage,
    open_state_file,
    remove_state_file,
    tell_once,
)

FILE_NAME = "http-cache.sqlite"
VERSION = 2
SCHEMA = (
    "CREATE TABLE responses (url TEXT PRIMARY KEY, confirmed REAL NOT NULL, expires REAL NOT NULL,"
    " headers TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;"
    " CREATE INDEX responses_expires ON responses (expires);"
)
KEPT_AFTER_EXPIRY_SECONDS = 7 * 24 * 3600
"""An expired answer with an ETag still saves its body."""
MAX_FILE_BYTES = 128 * 1024 * 1024
VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
"""What an answer names itself by, and how it is asked about: https://www.rfc-editor.org/rfc/rfc9110#section-13.1."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class KeptAnswer:
    """An answer of the API from some time ago."""

    answer: HttpAnswer
    age_seconds: float
    """Since the API gave it, or confirmed it."""

    def is_younger_than(self, max_age: timedelta | None) -> bool:
        """Does it serve a caller who takes answers that old? It never does one who wants the API to be asked."""
        return max_age is not None and 0 <= self.age_seconds <= max_age.total_seconds()

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that ask the API whether it still holds."""
        headers = self.answer.headers
        return {condition: headers[name] for name, condition in VALIDATORS.items() if name in headers}

    def confirmed_by(self, answer: HttpAnswer) -> HttpAnswer:
        """The answer that holds now that the API has said 304: https://www.rfc-editor.org/rfc/rfc9111#section-4.3.4."""
        headers = CaseInsensitiveDict({**self.answer.headers, **answer.headers})
        return replace(self.answer, headers=headers, from_cache=False)


class AnswerCache:
    """Answers with status 200 by URL, for all threads; without a folder, or one that can be written, it keeps none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        # Sharing a connection between threads that read and write lets one wait for the file inside SQLite with the
        # interpreter's lock in hand, so that nothing in the process moves.
        self._lock = Lock()
        self._connection = _open(folder) if folder else None

    def find(self, url: str, where: str) -> KeptAnswer | None:
        """Return what is kept of this URL."""
        row = self._safely(
            lambda connection: connection.execute(
                "SELECT confirmed, headers, body FROM responses WHERE url = ?", (url,)
            ).fetchone()
        )
        if row is None:
            return None
        confirmed, headers, body = row
        # A damaged file, or one that somebody wrote into, holds anything.
        with suppress(ValueError, TypeError, AttributeError, zlib.error):
            unpacked = zlib.decompressobj().decompress(body, MAX_BODY_BYTES)
            texts = {name: str(value) for name, value in json.loads(headers).items()}
            answer = HttpAnswer(200, CaseInsensitiveDict(texts), unpacked, where, from_cache=True)
            return KeptAnswer(answer, time() - confirmed)
        return None

    def keep(self, url: str, answer: HttpAnswer, max_age: timedelta | None) -> None:
        """Keep an answer that the API has just given, for callers who take it that old, or to ask whether it holds."""
        now = time()
        expires = now + (max_age.total_seconds() if max_age else 0)
        values = (url, now, expires, _dump(answer.headers), zlib.compress(answer.body, level=1))
        self._safely(lambda connection: connection.execute("REPLACE INTO responses VALUES (?, ?, ?, ?, ?)", values))

    def confirm(self, url: str, max_age: timedelta | None) -> None:
        """Note that the API has just said that its last answer holds."""
        now = time()
        values = (now, now + (max_age.total_seconds() if max_age else 0), url)
        self._safely(
            lambda connection: connection.execute(
                "UPDATE responses SET confirmed = ?, expires = max(expires, ?) WHERE url = ?", values
            )
        )

    def forget(self, url: str) -> None:
        """Keep nothing of this URL."""
        self._safely(lambda connection: connection.execute("DELETE FROM responses WHERE url = ?", (url,)))

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _safely(self, act: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do it, if there is a file. One that fails is given up, or begins anew: all can be asked for again."""
        with self._lock:
            if self._connection is None or self._folder is None:
                return None
            try:
                return act(self._connection)
            except STATE_ERRORS as error:
                self._connection.close()
                self._connection = _replace(self._folder, error) if is_damage(error) else None
                if self._connection is None:
                    tell_once(self._folder, error)
                return None


def _open(folder: Path) -> sqlite3.Connection | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_process(folder):
            connection = open_state_file(folder / FILE_NAME, VERSION, SCHEMA)
            try:
                _prune(connection, folder / FILE_NAME)
            except BaseException:
                connection.close()
                raise
            return connection
    except STATE_ERRORS as error:
        if is_damage(error):
            return _replace(folder, error)
        tell_once(folder, error)
    return None


def _replace(folder: Path, damage: Exception) -> sqlite3.Connection | None:
    _log.warning("The HTTP cache %s is damaged and begins anew (%s)", folder / FILE_NAME, damage)
    try:
        with _one_process(folder):
            remove_state_file(folder / FILE_NAME)
            return open_state_file(folder / FILE_NAME, VERSION, SCHEMA)
    except STATE_ERRORS as error:
        tell_once(folder, error)
        return None


def _one_process(folder: Path) -> FileLock:
    return FileLock(folder / f"{FILE_NAME}.lock", mode=0o600)


def _prune(connection: sqlite3.Connection, path: Path) -> None:
    """Remove what nobody will use any more."""
    too_large = path.stat().st_size > MAX_FILE_BYTES
    bound = time() - (0 if too_large else KEPT_AFTER_EXPIRY_SECONDS)
    connection.execute("DELETE FROM responses WHERE expires < ?", (bound,)).close()
    if too_large:
        connection.execute("VACUUM").close()


def _dump(headers: Mapping[str, str]) -> str:
    return json.dumps({name: value for name, value in headers.items() if name.lower() != "set-cookie"})
