"""Makes every thread wait when an API asks for a pause (`Retry-After`), and fails when the pause is too long.

A backoff belongs to one API and key, never to a host: the sandbox serves three APIs on one. The rate limits that keep
such answers from coming live in `limits.py`.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response, Session

from ratingo_pipelines.sources.errors import RateLimited
from ratingo_pipelines.sources.http.limits import RateLimiter
from ratingo_pipelines.sources.http.statuses import is_web_page
from ratingo_pipelines.sources.http.transport import read_body

FIRST_PAUSE_SECONDS = 1.0
"""Pause after a refusal that names none; doubles with every further one."""
LONGEST_GUESSED_PAUSE_SECONDS = 60.0
LONGEST_NAMED_PAUSE = timedelta(days=7)


class Backoff:
    """Shared by every thread that asks one API."""

    def __init__(self, api: str) -> None:
        self._api = api
        self._lock = Lock()
        self._paused_until = 0.0
        self._refusals = 0
        self._reason = ""

    def pause(self, cap_seconds: float) -> float:
        """Return for how long to wait, 0 when the backoff is open; raise `RateLimited` when it is more than the cap."""
        left = self._seconds_left()
        if left > cap_seconds:
            raise self.refusal()
        return left

    def refusal(self) -> RateLimited:
        """Return the error of a request that is not going to wait."""
        return RateLimited(self._api, datetime.now(UTC) + timedelta(seconds=self._seconds_left()), self._reason)

    def pause_all(self, retry_after: str | None, asked_at: float, reason: str) -> None:
        """Pause everybody after a refusal.

        `retry_after` is the header as it came; `asked_at` is when (monotonic) the refused request went out.
        """
        seconds = parse_retry_after(retry_after)
        with self._lock:
            if seconds is None:
                # Requests under way when the backoff was shut are refused as well: that is one refusal, not many.
                if self._refusals and asked_at < self._paused_until:
                    return
                seconds = min(FIRST_PAUSE_SECONDS * 2**self._refusals, LONGEST_GUESSED_PAUSE_SECONDS)
                self._refusals += 1
            self._paused_until = max(self._paused_until, monotonic() + seconds)
            self._reason = reason

    def answered(self, asked_at: float) -> None:
        """Note that a request was answered, not refused."""
        if self._refusals:
            with self._lock:
                if asked_at >= self._paused_until:
                    self._refusals = 0

    def _seconds_left(self) -> float:
        return max(0.0, self._paused_until - monotonic())


class BackoffMixin(Session if TYPE_CHECKING else object):  # type: ignore[misc]
    """Mixin above the limiter's: reads the answer and shuts the backoff when it is a refusal.

    It has no `__init__` on purpose: requests-cache hands on only the options that the next `__init__` names, and the
    limiter's would not be seen behind one here.
    """

    backoff: Backoff
    limiter: RateLimiter

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Return the answer with its body read; raises `TransportError`."""
        try:
            response: Response = super().send(request, **options)
        finally:
            self.limiter.answered()
        retry_after = response.headers.get("Retry-After")
        if response.status_code == 429 or (response.status_code == 503 and retry_after):
            self.backoff.pause_all(retry_after, self.limiter.granted_at, _refusal_reason(response))
        else:
            self.backoff.answered(self.limiter.granted_at)
        read_body(response)
        return response


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` (seconds or an HTTP date) asks for; None when it does not say."""
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


def _refusal_reason(response: Response) -> str:
    if response.status_code == 503:
        return "it is out of service and asks for a pause (503)"
    if is_web_page(response):
        return "Cloudflare limits how often this machine asks (429 with a web page)"
    return "it limits how often it is asked (429)"
