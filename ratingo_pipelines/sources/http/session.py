"""One request from beginning to end: `ApiSession.send`, top-down.

The parts are beside it: what is kept (`cache.py`), the pauses (`circuit.py`, `backoff.py`), the rate limits
(`limits.py`), the wire (`transport.py`), the count of what was sent (`tally.py`). What to make of an answer, and
when to ask again, is said in `api.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from requests import Response

from ratingo_pipelines.sources.http.answer import HttpAnswer
from ratingo_pipelines.sources.http.backoff import Backoff
from ratingo_pipelines.sources.http.cache import VALIDATORS, AnswerCache, KeptAnswer
from ratingo_pipelines.sources.http.circuit import Passage
from ratingo_pipelines.sources.http.limits import Grant, RateLimiter
from ratingo_pipelines.sources.http.tally import RequestOutcome, RequestTally, outcome_of
from ratingo_pipelines.sources.http.transport import TransportError, Wire, read_body


@dataclass(frozen=True)
class ApiRequest:
    """What to ask for, and what the cache may have to do with it."""

    url: str
    """Without keys; the wire adds them."""
    max_age: timedelta | None
    """How old an answer may be; None has the API asked in any case."""
    cache_if: Callable[[Any], bool]
    """Says of a payload whether it may be kept."""
    bypass_cache: bool
    """Whether the API is asked as if for the first time."""

    @property
    def where(self) -> str:
        """The path, as messages name it."""
        return urlsplit(self.url).path or "/"


@dataclass(frozen=True)
class ApiSession:
    """What the requests of one API pass, for all threads."""

    cache: AnswerCache
    backoff: Backoff
    limiter: RateLimiter
    wire: Wire
    tally: RequestTally
    longest_pause_seconds: float

    def send(self, request: ApiRequest, passage: Passage) -> HttpAnswer:
        """Return the answer, whatever its status, with its body read.

        Raises `CircuitOpen` and `RateLimited` where a pause is longer than one waits, `TransportError` where no whole
        answer comes, and `LimiterError` once the session is closed.
        """
        kept = self.cache.find(request.url, request.where)
        if kept and not request.bypass_cache and kept.is_younger_than(request.max_age):
            return kept.answer
        asked_about = None if request.bypass_cache else kept

        cap = self.longest_pause_seconds
        grant = self.limiter.acquire(lambda: max(passage.wait(cap), self.backoff.wait(cap)))
        answer = self._answer(request, grant, asked_about.conditions if asked_about else {})

        if answer.status == 304 and asked_about:
            self.cache.confirm(request.url, request.max_age)
            return asked_about.confirmed_by(answer)
        self._keep(request, answer, kept)
        return answer

    def close(self) -> None:
        """Fail the threads that wait, and release connections and files."""
        self.limiter.close()
        self.wire.close()
        self.cache.close()
        self.tally.close()

    def _answer(self, request: ApiRequest, grant: Grant, conditions: Mapping[str, str]) -> HttpAnswer:
        """Send and read, and count what came of it."""
        try:
            try:
                response = self.wire.send(request.url, conditions, grant.sending)
            finally:
                grant.answered()
            self._note_refusal(response, grant)
            body = read_body(response)
        except TransportError:
            self.tally.count(RequestOutcome.NO_ANSWER)
            raise
        self.tally.count(outcome_of(response.status_code, response.headers))
        return HttpAnswer(response.status_code, response.headers, body, request.where)

    def _note_refusal(self, response: Response, grant: Grant) -> None:
        """Have everybody wait after a refusal: at once, as its body may take its time."""
        status, retry_after = response.status_code, response.headers.get("Retry-After")
        if status == 429 or (status == 503 and retry_after):
            self.backoff.pause_all(retry_after, grant.at, _reason(response))
            self.limiter.note_pause(self.backoff.seconds_left())
        else:
            self.backoff.answered(grant.at)

    def _keep(self, request: ApiRequest, answer: HttpAnswer, kept: KeptAnswer | None) -> None:
        if answer.status != 200:
            return
        can_serve = request.max_age is not None or any(name in answer.headers for name in VALIDATORS)
        if can_serve and _is_worth_keeping(request, answer):
            self.cache.keep(request.url, answer, request.max_age)
        elif kept:
            # What is kept is not what the API says now.
            self.cache.forget(request.url)


def _is_worth_keeping(request: ApiRequest, answer: HttpAnswer) -> bool:
    try:
        return request.cache_if(answer.json)
    except ValueError:
        return False


def _reason(response: Response) -> str:
    if response.status_code == 503:
        return "it is out of service and asks for a pause (503)"
    headers = response.headers
    # Cloudflare's come as pages, with `Retry-After: 300`: https://github.com/trakt/trakt-api/issues/909.
    if "html" in headers.get("Content-Type", "").lower() and headers.get("Content-Length") != "0":
        return "Cloudflare limits how often this machine asks (429 with a web page)"
    return "it limits how often it is asked (429)"
