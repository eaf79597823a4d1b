"""`JsonApi`, which the clients ask: one API, for all threads, with retries and typed errors.

What an answer means beyond its status is the client's business: it hands in a `diagnose` hook, and reads the payload.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from random import uniform
from threading import Event, Lock
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

from pydantic import SecretStr
from requests import Request

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    Misrouted,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sources.http.answer import HttpAnswer
from ratingo_pipelines.sources.http.backoff import Backoff
from ratingo_pipelines.sources.http.cache import AnswerCache
from ratingo_pipelines.sources.http.circuit import Circuit, Passage
from ratingo_pipelines.sources.http.grants import LimiterError
from ratingo_pipelines.sources.http.limits import Clock, SystemClock, open_rate_limiter
from ratingo_pipelines.sources.http.second_asking import SecondAsking
from ratingo_pipelines.sources.http.session import ApiRequest, ApiSession
from ratingo_pipelines.sources.http.single_flight import SingleFlight
from ratingo_pipelines.sources.http.statuses import error_of, misrouted, refused_by_cloudflare
from ratingo_pipelines.sources.http.tally import RequestTally
from ratingo_pipelines.sources.http.transport import BodyTooLargeError, TransportError, Wire
from ratingo_pipelines.sources.scrub import register_secrets

T = TypeVar("T")
Diagnose = Callable[[HttpAnswer], SourceError | None]
"""Sees every answer whose status is not 200, and may say what it means to its API; None leaves the usual meaning."""

RETRIES = 3
"""How often a request that failed is asked again, while the API is not known to be down."""
REFUSALS = 6
"""How often one request may be refused (429) before its title is left for another run."""
LONGEST_BACKOFF_SECONDS = 10.0


@dataclass(frozen=True)
class ApiConfig:
    """What `JsonApi` has to know of an API.

    Keys stand in `secret_headers` and, where an API takes them nowhere else, in `secret_params`.
    """

    name: str
    """As messages call it: `Trakt`."""
    base_url: str
    windows: tuple[RateLimit, ...]
    """All of them hold at once."""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, SecretStr] = field(default_factory=dict)
    secret_params: Mapping[str, SecretStr] = field(default_factory=dict)
    key_variable: str = "the key"
    """The variable that holds the key, as messages name it."""
    backoff_seconds: float = 0.5
    """Before the first retry; it doubles, and as much again is added at random."""
    malformed_retries: int = RETRIES
    """Retries after a body that is not JSON: fewer where requests are dear and such bodies come for good."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in clear, as the API knows them."""
        secret = (*self.secret_headers.values(), *self.secret_params.values())
        return tuple(key.get_secret_value().removeprefix("Bearer ") for key in secret)

    @property
    def identity(self) -> str:
        """What all who share the API's limit have in common; it holds the key in clear, so it is not for any eyes."""
        return "\n".join([self.name, self.base_url, *self.keys])


@dataclass(frozen=True)
class HttpConfig:
    """How all APIs are asked, as the settings have it."""

    state_dir: Path | None
    """Where limits, answers and counts are kept; without it nothing is, and the limits hold for one `JsonApi` alone."""
    cache: bool
    timeout_seconds: float
    """The longest silence; a whole answer may take twice as long."""
    retry_after_cap_seconds: float
    """The longest pause an API may ask for, or may be left alone for; a longer one fails with the time."""
    concurrency: int
    """How many requests are under way at once."""


@dataclass(frozen=True)
class JsonAnswer:
    """A JSON answer with status 200."""

    payload: Any
    headers: Mapping[str, str]
    """Found in upper and lower case alike."""
    from_cache: bool = False
    """Was the API not asked for it? An answer that it confirmed (304) counts as its own."""


class JsonApi:
    """One API, for all threads that ask it."""

    def __init__(
        self,
        config: ApiConfig,
        http: HttpConfig,
        diagnose: Diagnose = lambda answer: None,
        clock: Clock | None = None,
    ) -> None:
        """Open the session; nothing is sent yet. All waiting is done by `clock`, the machine's by default.

        Raises `AccessDenied` when a key holds characters that cannot be sent.
        """
        register_secrets(config.keys)
        if not all(key.isascii() and key.isprintable() for key in config.keys):
            raise AccessDenied(
                config.name, f"{config.key_variable} holds characters that no key has; copy it to .env again"
            )
        self._config = config
        self._diagnose = diagnose
        self._clock = clock or SystemClock()
        self._shared = _shared_by(config, http.concurrency, self._clock)
        self._limiter = open_rate_limiter(config.windows, http.state_dir, config.identity, self._clock)
        self._wire = Wire(
            config.base_url,
            config.headers,
            {name: key.get_secret_value() for name, key in config.secret_headers.items()},
            {name: key.get_secret_value() for name, key in config.secret_params.items()},
            http.timeout_seconds,
            http.concurrency,
        )
        self._session = ApiSession(
            AnswerCache(http.state_dir if http.cache else None),
            self._shared.backoff,
            self._limiter,
            self._wire,
            RequestTally(http.state_dir, config.name),
            http.retry_after_cap_seconds,
        )
        self._single_flight = SingleFlight()
        self._second_asking = SecondAsking()
        self._closed = Event()
        self._counting = Lock()
        self._server_time: tuple[datetime, datetime] | None = None
        self.retries = 0
        """Requests that were repeated because of what came of the first one, so far."""

    @property
    def name(self) -> str:
        """As messages call the API."""
        return self._config.name

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, whatever came of them; retries included."""
        return self._wire.requests

    @property
    def seconds_waited(self) -> float:
        """Time that threads spent waiting for the limits and in pauses, summed over them."""
        return self._limiter.seconds_waited

    def server_time(self) -> tuple[datetime, datetime] | None:
        """What time it was by the API's clock, and by this machine's, when its last answer came; both in UTC.

        None where no answer had a `Date` so far. It is exact to a second or two; answers of our cache say nothing.
        """
        return self._server_time

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        max_age: timedelta | None = None,
        cache_if: Callable[[Any], bool] = lambda payload: True,
        bypass_cache: bool = False,
    ) -> JsonAnswer:
        """Ask for `path`, below the base URL, or for that URL itself; raises `SourceError`s only.

        With `max_age`, an answer that old will do, and this one is kept unless `cache_if` refuses its payload. Without,
        the API is always asked, if only whether its last answer still holds. With `bypass_cache` it is asked as if for
        the first time, and the new answer left to later callers.
        """
        base = self._config.base_url
        url = f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base
        url = Request("GET", url, params=params).prepare().url or url
        with self._single_flight.hold(url):
            return self._ask(ApiRequest(url, max_age, cache_if, bypass_cache))

    def read(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        parse: Callable[[JsonAnswer], T],
        max_age: timedelta | None = None,
        cache_if: Callable[[Any], bool] = lambda payload: True,
        bypass_cache: bool = False,
    ) -> T:
        """As `get`, and what `parse` makes of the answer; one that it finds unusable is asked for once more.

        Not where all answers are unusable: see `second_asking`.
        """
        answer = self.get(path, params, max_age=max_age, cache_if=cache_if, bypass_cache=bypass_cache)
        try:
            return self._parsed(answer, parse)
        except (BadPayload, Misrouted) as error:
            unusable = error
        self._clock.wait(self._closed, self._config.backoff_seconds)
        with self._second_asking.turn() as may_ask:
            if not may_ask:
                raise unusable
            self._count_retry()
            answer = self.get(path, params, max_age=max_age, cache_if=cache_if, bypass_cache=True)
            return self._parsed(answer, parse)

    def _parsed(self, answer: JsonAnswer, parse: Callable[[JsonAnswer], T]) -> T:
        try:
            parsed = parse(answer)
        except (BadPayload, Misrouted):
            self._second_asking.note(usable=False)
            raise
        if not answer.from_cache:
            self._second_asking.note(usable=True)
        return parsed

    def close(self) -> None:
        """Fail the threads that wait, and release connections and files."""
        self._closed.set()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: ApiRequest) -> JsonAnswer:
        """Ask until there is an answer, or no point in asking again."""
        failures = refusals = 0
        while True:
            try:
                return self._attempt(request)
            except _TryAgainError as failed:
                failure = failed
            failures += failure.counts
            refusals += failure.refused
            retries = self._config.malformed_retries if isinstance(failure.error, BadPayload) else RETRIES
            if self._closed.is_set() or failures > retries or refusals == REFUSALS:
                raise failure.error
            self._count_retry()
            if failure.counts:
                self._back_off(failures)

    def _attempt(self, request: ApiRequest) -> JsonAnswer:
        """Ask once; raises `_TryAgainError` where another attempt may end better."""
        with self._shared.circuit.passage() as passage:
            try:
                answer = self._session.send(request, passage)
            except BodyTooLargeError as error:
                raise BadPayload(self.name, f"{request.where}: {error}") from None
            except LimiterError as error:
                raise SourceUnavailable(self.name, f"{request.where}: {error}") from None
            except TransportError as error:
                problem = f"{request.where}: {error}"
                raise self._unavailable(SourceUnavailable(self.name, f"{problem}; try again later"), passage) from None
            if answer.status != 200:
                raise self._error_of(answer, passage)
            try:
                payload = answer.json
            except ValueError as error:
                self._session.cache.forget(request.url)
                # It tells nothing of whether the API is up. A page may be one for maintenance, and gone in a moment.
                page = misrouted(self.name, answer)
                unreadable = page or BadPayload(self.name, f"{request.where} is not JSON ({error})")
                raise _TryAgainError(unreadable) from None
            if not answer.from_cache:
                passage.succeeded()
                self._note_time(answer)
            return JsonAnswer(payload, answer.headers, answer.from_cache)

    def _error_of(self, answer: HttpAnswer, passage: Passage) -> Exception:
        error: SourceError | None = refused_by_cloudflare(self.name, answer)
        error = error or misrouted(self.name, answer) or self._diagnose(answer)
        if error is None and answer.status == 429:
            return _TryAgainError(self._shared.backoff.refusal(), counts=False, refused=True)
        error = error or error_of(self.name, answer)
        if isinstance(error, SourceUnavailable):
            return self._unavailable(error, passage)
        if not isinstance(error, Misrouted):
            passage.succeeded()
        return error

    def _unavailable(self, error: SourceUnavailable, passage: Passage) -> "_TryAgainError":
        passage.failed(error)
        # While the API is down for everybody this is no failure of the request's: it is asked again after the pause.
        return _TryAgainError(error, counts=not self._shared.circuit.is_open)

    def _note_time(self, answer: HttpAnswer) -> None:
        # An answer with an age was given by a cache on the way: https://www.rfc-editor.org/rfc/rfc9111#section-5.1.
        if (date := answer.headers.get("Date")) and not answer.headers.get("Age", "0").strip("0"):
            with suppress(ValueError):
                moment = parsedate_to_datetime(date)
                self._server_time = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC), datetime.now(UTC)

    def _back_off(self, failures: int) -> None:
        first = self._config.backoff_seconds
        # As much again at random, so that those who failed together do not come back together.
        seconds = min(first * 2 ** (failures - 1), LONGEST_BACKOFF_SECONDS) + uniform(0, first)  # noqa: S311
        self._clock.wait(self._closed, seconds)

    def _count_retry(self) -> None:
        with self._counting:
            self.retries += 1


class _TryAgainError(Exception):
    """An attempt failed in a way in which another one may not."""

    def __init__(self, error: SourceError, *, counts: bool = True, refused: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.counts = counts
        """Does it use up one of the request's retries?"""
        self.refused = refused


@dataclass(eq=False)
class _Shared:
    """What all sessions of one API and key in this process have in common."""

    backoff: Backoff
    circuit: Circuit


_shared: WeakValueDictionary[bytes, _Shared] = WeakValueDictionary()
_sharing = Lock()


def _shared_by(config: ApiConfig, concurrency: int, clock: Clock) -> _Shared:
    new = _Shared(Backoff(config.name, clock.steady), Circuit(config.name, concurrency, clock.steady))
    with _sharing:
        return _shared.setdefault(hashlib.sha256(config.identity.encode()).digest(), new)
