"""Leaves an API alone that keeps failing, and finds out when it is back.

An open circuit is a pause for everybody, as `Retry-After` is one (`backoff.py`): short at first, longer with each time
that the API is found still failing, and up to the same cap. Whenever a pause ends, one request alone tries: the probe.
Only when the pauses together exceed the cap do requests fail, with `CircuitOpen`. What counts as a failure is decided
by whoever reports it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Self

from ratingo_pipelines.sources.errors import CircuitOpen, SourceUnavailable, clock

TOLERATED_BEYOND_WORKERS = 8
"""Failures in a row, beside one of each worker, that do not open the circuit: with few workers, two titles that fail
for themselves in all their attempts."""
FIRST_PAUSE_SECONDS = 1.0
"""It doubles with every failed probe."""
LONGEST_PAUSE_SECONDS = 15.0
PROBE_POLL_SECONDS = 0.05
"""How often the first of those who wait looks whether the probe is back."""


class Circuit:
    """Shared by every thread that asks one API."""

    def __init__(self, api: str, workers: int, now: Callable[[], float] = monotonic) -> None:
        """`workers` is how many requests may be under way at once, `now` a steady clock in seconds."""
        self._api = api
        self._tolerated = workers + TOLERATED_BEYOND_WORKERS
        self._now = now
        self._lock = Lock()
        self._in_a_row = 0
        self._problem: SourceUnavailable | None = None
        self._opened_at: float | None = None
        self._until = 0.0
        self._pause = FIRST_PAUSE_SECONDS
        self._probe: Passage | None = None

    def passage(self) -> "Passage":
        """One request's way past the circuit; a context manager."""
        return Passage(self)

    @property
    def is_open(self) -> bool:
        """Is the API being left alone, or probed?"""
        return self._opened_at is not None

    def _wait(self, passage: "Passage", cap_seconds: float) -> float:
        with self._lock:
            if self._opened_at is None or passage is self._probe:
                return 0.0
            left = self._until - self._now()
            if left <= 0 and self._probe is None:
                self._probe = passage
                return 0.0
            if self._until > self._opened_at + cap_seconds:
                raise self._error(max(left, 0.0))
            return left if left > 0 else PROBE_POLL_SECONDS

    def _failed(self, passage: "Passage", problem: SourceUnavailable) -> None:
        with self._lock:
            self._in_a_row += 1
            self._problem = problem
            if self._opened_at is None:
                if self._in_a_row >= self._tolerated:
                    self._opened_at, self._pause = self._now(), FIRST_PAUSE_SECONDS
                    self._until = self._opened_at + self._pause
            elif passage is self._probe:
                # The others were under way when it opened: they tell nothing new.
                self._probe = None
                self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
                self._until = self._now() + self._pause

    def _succeeded(self) -> None:
        with self._lock:
            self._in_a_row = 0
            self._opened_at = self._probe = None

    def _ended(self, passage: "Passage") -> None:
        with self._lock:
            if passage is self._probe:
                # It ended in a way that tells nothing: the next one tries.
                self._probe = None

    def _error(self, left: float) -> CircuitOpen:
        until = datetime.now(UTC) + timedelta(seconds=left)
        problem = str(self._problem).removeprefix(f"{self._api}: ").removesuffix("; try again later")
        return CircuitOpen(
            self._api,
            f"failed {self._in_a_row} times in a row and is left alone ({problem}); try again at {clock(until)}",
            until,
        )


class Passage:
    """One request's way past the circuit, from before it is sent until it is known what came of it."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit

    def wait(self, cap_seconds: float) -> float:
        """For how many seconds to wait and then ask again here; 0 when the request may go.

        Raises `CircuitOpen` when the API is left alone for longer than the cap, all its pauses together.
        """
        return self._circuit._wait(self, cap_seconds)

    def succeeded(self) -> None:
        """Note that the API answered sensibly, be it with "not found"."""
        self._circuit._succeeded()

    def failed(self, problem: SourceUnavailable) -> None:
        """Note that the API did not answer, or answered that it cannot."""
        self._circuit._failed(self, problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._circuit._ended(self)
