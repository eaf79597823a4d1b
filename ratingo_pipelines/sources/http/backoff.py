"""Makes every thread wait when an API asks for a pause (`Retry-After`), and fails when the pause is too long.

Trakt names one with its own refusals and with Cloudflare's: https://github.com/trakt/trakt-api/issues/909.
A backoff belongs to one API and key, never to a host: the sandbox serves three APIs on one. The rate limits that keep
such answers from coming live in `limits.py`; the pauses of an API that is down in `circuit.py`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock
from time import monotonic

from ratingo_pipelines.sources.errors import RateLimited

FIRST_PAUSE_SECONDS = 1.0
"""Pause after a refusal that names none; doubles with every further one."""
LONGEST_GUESSED_PAUSE_SECONDS = 60.0
LONGEST_NAMED_PAUSE = timedelta(days=7)


class Backoff:
    """Shared by every thread that asks one API."""

    def __init__(self, api: str, now: Callable[[], float] = monotonic) -> None:
        """`now` is a steady clock in seconds."""
        self._api = api
        self._now = now
        self._lock = Lock()
        self._paused_until = 0.0
        self._refusals = 0
        self._reason = ""

    def wait(self, cap_seconds: float) -> float:
        """For how many seconds to wait, 0 when nobody has to; raises `RateLimited` when it is more than the cap."""
        left = self.seconds_left()
        if left > cap_seconds:
            raise self.refusal()
        return left

    def refusal(self) -> RateLimited:
        """Return the error of a request that is not going to wait."""
        return RateLimited(self._api, datetime.now(UTC) + timedelta(seconds=self.seconds_left()), self._reason)

    def pause_all(self, retry_after: str | None, asked_at: float, reason: str) -> None:
        """Pause everybody after a refusal.

        `retry_after` is the header as it came; `asked_at` is when (steady clock) the refused request went out.
        """
        seconds = parse_retry_after(retry_after)
        with self._lock:
            if seconds is None:
                # Requests under way when the pause began are refused as well: that is one refusal, not many.
                if self._refusals and asked_at < self._paused_until:
                    return
                seconds = min(FIRST_PAUSE_SECONDS * 2**self._refusals, LONGEST_GUESSED_PAUSE_SECONDS)
                self._refusals += 1
            self._paused_until = max(self._paused_until, self._now() + seconds)
            self._reason = reason

    def answered(self, asked_at: float) -> None:
        """Note that a request was answered, not refused."""
        if self._refusals:
            with self._lock:
                if asked_at >= self._paused_until:
                    self._refusals = 0

    def seconds_left(self) -> float:
        """How long the pause lasts yet."""
        return max(0.0, self._paused_until - self._now())


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` (seconds or an HTTP date) asks for; None when it does not say.

    Both forms: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    # Not a number, infinite, zero or past: no pause is named, and guessing one is better than asking again at once.
    return seconds if 0 < seconds < LONGEST_NAMED_PAUSE.total_seconds() else None
