"""Stops asking an API that keeps failing, and finds out when it is back.

Counts failures in a row; what counts as one is decided by whoever reports them.
"""

from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic

from ratingo_pipelines.sources.errors import CircuitOpen, clock

FAILURES_IN_A_ROW = 20
OPEN_SECONDS = 60.0


class Circuit:
    """Shared by every thread that asks one API."""

    def __init__(self, api: str, failures: int = FAILURES_IN_A_ROW, open_seconds: float = OPEN_SECONDS) -> None:
        self._api = api
        self._tolerated = failures
        self._open_seconds = open_seconds
        self._lock = Lock()
        self._in_a_row = 0
        self._opens_until: float | None = None

    def check(self) -> None:
        """Raise `CircuitOpen` while the API is left alone."""
        with self._lock:
            if self._opens_until is None:
                return
            left = self._opens_until - monotonic()
            if left <= 0:
                # Half open: requests may try, and the first one that fails opens the circuit again.
                self._opens_until = None
                return
            until = datetime.now(UTC) + timedelta(seconds=left)
            raise CircuitOpen(
                self._api,
                f"failed {self._in_a_row} times in a row and is left alone; try again at {clock(until)}",
                until,
            )

    def succeeded(self) -> None:
        """The API answered sensibly, be it with "not found"."""
        with self._lock:
            self._in_a_row = 0
            self._opens_until = None

    def failed(self) -> None:
        """The API did not answer, or answered that it cannot."""
        with self._lock:
            self._in_a_row += 1
            if self._in_a_row >= self._tolerated:
                self._opens_until = monotonic() + self._open_seconds
