"""How many requests an API was sent and what came of them, summed over all processes of a home.

Requests happen in the processes of runs and commands, and those who look are others: the sums are kept in a file of the
home, in one small write for many requests. What an answer means to a title is not decided here, and nothing is held up
by what cannot be written: it is added with the next write.
"""

import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from time import monotonic

from ratingo_pipelines.sources.http.grants import MachineLock
from ratingo_pipelines.sources.http.state_file import STATE_ERRORS, open_state_file
from ratingo_pipelines.sources.scrub import one_line

FILE_NAME = "requests.sqlite"
LOCK_NAME = "requests.sqlite.lock"
VERSION = 1
WRITE_SECONDS = 5.0
"""Between two writes; a process that is killed takes the requests of so long with it."""

_SCHEMA = (
    "CREATE TABLE requests (api TEXT NOT NULL, outcome TEXT NOT NULL, number INTEGER NOT NULL,"
    " PRIMARY KEY (api, outcome)) WITHOUT ROWID;"
)
_ADD = (
    "INSERT INTO requests VALUES (?, ?, ?) ON CONFLICT (api, outcome) DO UPDATE SET number = number + excluded.number"
)

_log = logging.getLogger(__name__)


class RequestOutcome(StrEnum):
    """What came of a request, by the status of its answer."""

    OK = "ok"
    """200, or 304: what is kept still holds."""
    NOT_FOUND = "not_found"
    DENIED = "denied"
    """401 or 403: of the key, or of this machine by Cloudflare. OMDb says so of a day that is used up."""
    LIMITED = "limited"
    """429, or 503 with Retry-After."""
    FAILED = "failed"
    """Another 5xx."""
    REJECTED = "rejected"
    """Any other status."""
    NO_ANSWER = "no_answer"
    """No whole answer came: no connection, a time-out, a damaged body."""


def outcome_of(status: int, headers: Mapping[str, str]) -> RequestOutcome:
    """What an answer with this status is counted as."""
    if status in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
        return RequestOutcome.OK
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return RequestOutcome.NOT_FOUND
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return RequestOutcome.DENIED
    asks_for_pause = status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in headers
    if asks_for_pause or status == HTTPStatus.TOO_MANY_REQUESTS:
        return RequestOutcome.LIMITED
    return RequestOutcome.FAILED if status >= HTTPStatus.INTERNAL_SERVER_ERROR else RequestOutcome.REJECTED


class RequestTally:
    """Counts one API's requests for all threads of this process, and adds them to the home's sums now and then."""

    def __init__(self, folder: Path | None, api: str) -> None:
        """Without a folder nothing is kept."""
        self._folder = folder
        self._api = api.lower()
        self._lock = Lock()
        self._counts: Counter[RequestOutcome] = Counter()
        self._written_at = monotonic()

    def count(self, outcome: RequestOutcome) -> None:
        """Count a request."""
        with self._lock:
            self._counts[outcome] += 1
            due = monotonic() - self._written_at >= WRITE_SECONDS
            counts = self._take() if due else Counter()
        self._write(counts)

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            counts = self._take()
        self._write(counts)

    def _take(self) -> Counter[RequestOutcome]:
        counts, self._counts = self._counts, Counter()
        self._written_at = monotonic()
        return counts

    def _write(self, counts: Counter[RequestOutcome]) -> None:
        """Add to the sums; outside the lock, so that the other threads go on meanwhile."""
        if self._folder is None or not counts:
            return
        try:
            self._add(self._folder, counts)
        except STATE_ERRORS as error:
            with self._lock:
                self._counts.update(counts)
            # `http.grants` says so where the home cannot be written to, once.
            _log.debug("%s requests to %s could not be counted: %s", counts.total(), self._api, one_line(error))

    def _add(self, folder: Path, counts: Counter[RequestOutcome]) -> None:
        rows = [(self._api, str(outcome), number) for outcome, number in counts.items()]
        # Opened anew for each write: there are few, and so the file may be replaced by whoever finds it damaged.
        with MachineLock(folder / LOCK_NAME), closing(open_state_file(folder / FILE_NAME, VERSION, _SCHEMA)) as file:
            file.execute("BEGIN IMMEDIATE").close()
            try:
                file.executemany(_ADD, rows).close()
            except BaseException:
                file.execute("ROLLBACK").close()
                raise
            file.execute("COMMIT").close()


def read_tally(folder: Path, waits_seconds: float) -> dict[tuple[str, RequestOutcome], int]:
    """The sums of a home by API and outcome, for those who only look; nothing where they cannot be read just now."""
    path = folder / FILE_NAME
    if not path.exists():
        return {}
    try:
        # Read only: `mode=ro`, https://www.sqlite.org/uri.html.
        where = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True, timeout=waits_seconds)) as connection:
            rows = connection.execute("SELECT api, outcome, number FROM requests").fetchall()
            return {(str(api), RequestOutcome(outcome)): int(number) for api, outcome, number in rows}
    except STATE_ERRORS:
        # Who writes the file replaces it.
        return {}
