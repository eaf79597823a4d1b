"""Lets requests through one by one, within the rate limits and not during pauses, across the threads of one API.

What was let through is remembered in `grants.py`, for all processes of the machine. Which limits an API has is the
business of its client; when there is a pause, that of `backoff.py` and `circuit.py`.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event, Lock
from time import monotonic, time_ns
from typing import Protocol

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.http.grants import GrantLog, LimiterError, margin_ms, windows_of

TOLERANCE = 0.6
"""Part of the margin that a single request may use up; the rest is for what even the fastest ones take."""
LEARNING_ANSWERS = 16
"""Answers until the fastest one can be trusted: the first ones come while everything is being set up."""
LONGEST_JOURNEY_MS = 250
"""An answer that takes longer still says more about the server's thinking than about when the request arrived."""
STALE_SECONDS = 0.25
"""A request that is not under way so long after its grant asks for another one."""

_log = logging.getLogger(__name__)

Pause = Callable[[], float]
"""Asked before each request for how many seconds to wait first; it may raise instead."""


class Clock(Protocol):
    """The time, and how to wait for it to pass."""

    def steady(self) -> float:
        """Seconds of a clock that nobody sets."""

    def milliseconds(self) -> int:
        """The time of the machine, which its processes share."""

    def wait(self, event: Event, seconds: float) -> None:
        """Let so many seconds pass, or fewer when the event is set."""


class SystemClock:
    """The machine's own."""

    def steady(self) -> float:
        """Seconds of a clock that nobody sets."""
        return monotonic()

    def milliseconds(self) -> int:
        """Milliseconds since 1970."""
        return time_ns() // 1_000_000

    def wait(self, event: Event, seconds: float) -> None:
        """Let so many seconds pass, or fewer when the event is set."""
        event.wait(seconds)


class RateLimiter:
    """Shared by every thread that asks one API: they queue, and only the first in line asks for a grant."""

    def __init__(self, log: GrantLog, shortest_ms: int, clock: Clock) -> None:
        """`shortest_ms` is the length of the shortest window, before it was widened."""
        self._log = log
        self._clock = clock
        self._queue = Lock()
        self._closed = Event()
        self._tolerance_ms = int(TOLERANCE * margin_ms(shortest_ms))
        self._answers = 0
        self._fastest_ms = LONGEST_JOURNEY_MS
        self.seconds_waited = 0.0
        """Time that threads spent waiting here, summed over them."""

    def acquire(self, pause: Pause = lambda: 0.0) -> "Grant":
        """Wait until a request may go out.

        Raises `LimiterError` when that will never be, and whatever `pause` raises.
        """
        grant = Grant(self, pause)
        grant.renew()
        return grant

    def note_pause(self, seconds: float) -> None:
        """Keep for those who look that the API is left alone for so long from now on."""
        try:
            self._log.note_pause(self._clock.milliseconds() + int(seconds * 1000))
        except LimiterError as error:
            _log.debug("A pause could not be kept: %s", error)

    def close(self) -> None:
        """Release the waiting threads, and the file."""
        self._closed.set()
        with self._queue:
            self._log.close()

    def _wait_in_line(self, pause: Pause) -> int:
        started = self._clock.steady()
        with self._queue:
            while not self._closed.is_set():
                # Asked again after every wait: a grant from before a pause would be stale after it.
                if seconds := pause():
                    self._clock.wait(self._closed, seconds)
                    continue
                granted_ms, wait_ms = self._log.claim(self._clock.milliseconds)
                if not wait_ms:
                    self.seconds_waited += self._clock.steady() - started
                    return granted_ms
                self._clock.wait(self._closed, wait_ms / 1000)
        raise LimiterError("the session was closed")

    def _late_ms(self, granted_at: float, sent_at: float) -> int:
        """By how much a grant is to be dated later, now that the answer is here.

        The server counts requests as they arrive. Between grant and arrival lie a thread's turn to run, and the
        network; what an answer took longer than the fastest one may all have been spent on the way there.
        """
        took_ms = int((self._clock.steady() - sent_at) * 1000)
        self._fastest_ms = min(took_ms, self._fastest_ms)
        self._answers += 1
        usual_ms = self._fastest_ms if self._answers > LEARNING_ANSWERS else 0
        journey_ms = min(took_ms - usual_ms, LONGEST_JOURNEY_MS)
        return int((sent_at - granted_at) * 1000) + journey_ms - self._tolerance_ms


class Grant:
    """Leave for one request, from before its connection stands until its answer is here."""

    def __init__(self, limiter: RateLimiter, pause: Pause) -> None:
        self._limiter = limiter
        self._pause = pause
        self._granted_ms = 0
        self._sent_at: float | None = None
        self.at = 0.0
        """When it was given (steady clock, seconds)."""

    def renew(self) -> None:
        """Wait for leave; what was granted before is used up."""
        self._granted_ms = self._limiter._wait_in_line(self._pause)
        self.at = self._limiter._clock.steady()

    def sending(self) -> None:
        """Note that the connection stands and the request goes out now, if its grant is still good."""
        while self._limiter._clock.steady() - self.at > STALE_SECONDS:
            # A slow handshake, or a busy machine. By now the limit may have been granted to others.
            self.renew()
        self._sent_at = self._limiter._clock.steady()

    def answered(self) -> None:
        """Correct the date of the grant, if the request was slow to arrive."""
        if self._sent_at is None:
            return
        late_ms = self._limiter._late_ms(self.at, self._sent_at)
        if late_ms > 0:
            try:
                self._limiter._log.postpone(self._granted_ms, self._granted_ms + late_ms)
            except LimiterError as error:
                # Closed meanwhile, or about to fail the next request; this one has its answer.
                _log.debug("A request could not be postponed: %s", error)


def open_rate_limiter(limits: Iterable[RateLimit], folder: Path | None, name: str, clock: Clock) -> RateLimiter:
    """Return the limiter of the API and key that `name` tells; without a folder it holds for this object alone."""
    limits = tuple(limits)
    shortest_ms = min(limit.seconds for limit in limits) * 1000
    return RateLimiter(GrantLog(windows_of(limits), folder, name), shortest_ms, clock)
