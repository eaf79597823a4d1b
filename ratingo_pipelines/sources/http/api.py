"""`JsonApi`, which the clients ask: one API, for all threads, with limits, retries and typed errors.

What an answer means beyond its status is the client's business: it hands in a `diagnose` hook, and reads the payload.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock
from typing import Any, NoReturn, Self, TypeVar
from weakref import WeakValueDictionary

from pydantic import SecretStr
from requests import PreparedRequest, Request, Response
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    Misrouted,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sources.http.backoff import Backoff
from ratingo_pipelines.sources.http.circuit import Circuit
from ratingo_pipelines.sources.http.limits import LimiterError, open_rate_limiter
from ratingo_pipelines.sources.http.session import ApiSession, is_kept, parse
from ratingo_pipelines.sources.http.single_flight import SingleFlight
from ratingo_pipelines.sources.http.statuses import error_of, misrouted, refused_by_cloudflare
from ratingo_pipelines.sources.http.transport import BodyTooLargeError, KeyedAdapter, TransportError
from ratingo_pipelines.sources.scrub import register_secrets

T = TypeVar("T")

RETRIES = 3
REFUSALS = 6
"""How often one request may be refused (429) before its title is left for another run."""
LONGEST_BACKOFF_SECONDS = 10.0


@dataclass(frozen=True)
class ApiConfig:
    """What `JsonApi` has to know of an API.

    Keys stand in `secret_headers` and, where an API takes them nowhere else, in `secret_params`. Without a
    `state_dir` nothing is kept on disk, and the limits hold for one `JsonApi` alone.
    """

    name: str
    """As messages call it: `Trakt`."""
    base_url: str
    windows: tuple[RateLimit, ...]
    """All of them hold at once."""
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, SecretStr] = field(default_factory=dict)
    secret_params: Mapping[str, SecretStr] = field(default_factory=dict)
    state_dir: Path | None = None
    cache: bool = True
    timeout_seconds: float = 30
    """The longest silence; a whole answer may take twice as long."""
    retry_after_cap_seconds: float = 90
    """The longest pause an API may ask for; a longer one fails with the time."""
    concurrency: int = 16
    backoff_seconds: float = 0.5
    """Before the first retry; it doubles, and as much again is added at random."""
    malformed_retries: int = RETRIES
    """Retries after a body that is not JSON: fewer where requests are dear and such bodies come for good."""

    @property
    def identity(self) -> str:
        """Name of the bucket and the backoff: the same for all who share the API's limit, without their key."""
        keys = sorted(self.secret_headers.items()) + sorted(self.secret_params.items())
        text = "\n".join([self.base_url, *(f"{name}={key.get_secret_value()}" for name, key in keys)])
        return f"{self.name.lower()}_{sha256(text.encode()).hexdigest()[:16]}"


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
        self, config: ApiConfig, diagnose: Callable[[Response], SourceError | None] = lambda response: None
    ) -> None:
        """Open the session; nothing is sent yet.

        `diagnose` sees every answer whose status is not 200 and may say what it means to this API; None leaves it
        to the usual meaning. Raises `AccessDenied` when a key holds characters that cannot be sent, and
        `SourceUnavailable` when `state_dir` cannot be written.
        """
        headers = {name: key.get_secret_value() for name, key in config.secret_headers.items()}
        params = {name: key.get_secret_value() for name, key in config.secret_params.items()}
        keys = [key.removeprefix("Bearer ") for key in (*headers.values(), *params.values())]
        register_secrets(keys)
        if not all(key.isascii() and key.isprintable() for key in keys):
            raise AccessDenied(config.name, "the key holds characters that no key has; copy it to .env again")
        self._config = config
        self._diagnose = diagnose
        self._shared = _shared_by(config)
        try:
            self._limiter = open_rate_limiter(config.windows, config.state_dir, config.identity, self._pause)
        except LimiterError as error:
            raise SourceUnavailable(config.name, str(error)) from None
        self._adapter = KeyedAdapter(headers, params, config.timeout_seconds, config.concurrency, self._limiter.sending)
        self._session = ApiSession(
            config.base_url,
            config.headers,
            self._adapter,
            self._shared.backoff,
            self._limiter,
            config.state_dir if config.cache else None,
        )
        self._single_flight = SingleFlight()
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
        return self._adapter.requests

    @property
    def seconds_waited(self) -> float:
        """Time that threads spent waiting for the limits and in pauses, summed over them."""
        return self._limiter.seconds_waited

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
        the API is always asked, if only whether its last answer still holds; so it is with `bypass_cache`, which leaves
        the new answer to later callers.
        """
        base = self._config.base_url
        url = f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base
        request = self._session.prepare_request(Request("GET", url, params=params))
        backoff = self._config.backoff_seconds
        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=self._enough,
            wait=wait_exponential(backoff, LONGEST_BACKOFF_SECONDS, min=backoff) + wait_random(0, backoff),
            sleep=self._sleep,
            before_sleep=self._count_retry,
            retry_error_callback=_give_up,
        )
        with self._single_flight.hold(request.url or url):
            return retrying(self._ask, request, max_age, cache_if, bypass_cache)

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
        """As `get`, and what `parse` makes of the answer; one that it finds unusable is asked for once more."""
        answer = self.get(path, params, max_age=max_age, cache_if=cache_if, bypass_cache=bypass_cache)
        try:
            return parse(answer)
        except (BadPayload, Misrouted):
            self._count_retry()
        self._sleep(self._config.backoff_seconds)
        return parse(self.get(path, params, max_age=max_age, cache_if=cache_if, bypass_cache=bypass_cache))

    def server_time(self) -> tuple[datetime, datetime] | None:
        """What time it was by the API's clock, and by this machine's, when its last answer came; both in UTC.

        None where no answer had a `Date` so far. It is exact to a second or two; answers of our cache say nothing.
        """
        return self._server_time

    def close(self) -> None:
        """Fail the threads that wait, and release connections and files."""
        self._closed.set()
        self._limiter.close()
        self._session.close()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self, request: PreparedRequest, max_age: timedelta | None, cache_if: Callable[[Any], bool], bypass_cache: bool
    ) -> JsonAnswer:
        where = request.path_url.partition("?")[0]
        response = self._fetch(request, max_age, cache_if, bypass_cache, where)
        if response.status_code != 200:
            self._raise_error(response, where)
        try:
            payload = parse(response)
        except ValueError as error:
            # A page may be one for maintenance, and gone in a moment.
            page = misrouted(self.name, response, where)
            raise _TryAgainError(page or BadPayload(self.name, f"{where} is not JSON ({error})")) from None
        kept = is_kept(response)
        if not kept:
            self._shared.circuit.succeeded()
        # An answer with an age was given by a cache on the way: RFC 9111, 5.1.
        if not getattr(response, "from_cache", False) and not response.headers.get("Age", "0").strip("0"):
            self._note_time(response.headers.get("Date"))
        return JsonAnswer(payload, response.headers, from_cache=kept)

    def _fetch(
        self,
        request: PreparedRequest,
        max_age: timedelta | None,
        cache_if: Callable[[Any], bool],
        bypass_cache: bool,
        where: str,
    ) -> Response:
        for _ in range(REFUSALS):
            try:
                response = self._session.fetch(request, max_age, cache_if, bypass_cache)
            except BodyTooLargeError as error:
                raise BadPayload(self.name, f"{where}: {error}") from None
            except LimiterError as error:
                raise SourceUnavailable(self.name, f"{where}: {error}") from None
            except TransportError as error:
                self._shared.circuit.failed()
                problem = SourceUnavailable(self.name, f"{where}: {error}; try again later")
                raise _TryAgainError(problem) from None
            if response.status_code != 429:
                return response
            # The backoff is shut now, and lets the next round through when the pause is over.
        return response

    def _raise_error(self, response: Response, where: str) -> NoReturn:
        error: SourceError | None = refused_by_cloudflare(self.name, response)
        error = error or misrouted(self.name, response, where) or self._diagnose(response)
        if error is None and response.status_code == 429:
            error = self._shared.backoff.refusal()
        error = error or error_of(self.name, response, where)
        if isinstance(error, SourceUnavailable):
            self._shared.circuit.failed()
            raise _TryAgainError(error)
        if response.status_code != 429 and not isinstance(error, Misrouted):
            self._shared.circuit.succeeded()
        raise error

    def _note_time(self, date: str | None) -> None:
        if date is not None:
            with suppress(ValueError):
                moment = parsedate_to_datetime(date)
                self._server_time = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC), datetime.now(UTC)

    def _pause(self) -> float:
        self._shared.circuit.check()
        return self._shared.backoff.pause(self._config.retry_after_cap_seconds)

    def _enough(self, state: RetryCallState) -> bool:
        malformed = isinstance(_error_of(state), BadPayload)
        retries = self._config.malformed_retries if malformed else RETRIES
        return self._closed.is_set() or state.attempt_number > retries

    def _sleep(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def _count_retry(self, _: RetryCallState | None = None) -> None:
        with self._counting:
            self.retries += 1


class _TryAgainError(Exception):
    """An attempt failed in a way in which another one may not."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(eq=False)
class _Shared:
    """What all sessions of one API and key in this process have in common."""

    backoff: Backoff
    circuit: Circuit


_shared: WeakValueDictionary[str, _Shared] = WeakValueDictionary()
_sharing = Lock()


def _shared_by(config: ApiConfig) -> _Shared:
    with _sharing:
        return _shared.setdefault(config.identity, _Shared(Backoff(config.name), Circuit(config.name)))


def _error_of(state: RetryCallState) -> SourceError | None:
    error = state.outcome.exception() if state.outcome else None
    return error.error if isinstance(error, _TryAgainError) else None


def _give_up(state: RetryCallState) -> NoReturn:
    error = _error_of(state)
    if error is None:
        raise RuntimeError("given up without an error")
    raise error
