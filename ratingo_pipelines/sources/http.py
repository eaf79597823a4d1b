"""The one session everything goes through, and `JsonApi`, which the clients ask.

What an answer means to an API beyond its status is the client's business: it hands a `diagnose` hook, and reads the
payload. Limits, pauses, the circuit, the cache and the wire have modules of their own; here they are put together.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from pathlib import Path
from threading import Event, Lock, local
from typing import Any
from weakref import WeakValueDictionary

import requests
from pydantic import SecretStr
from requests import PreparedRequest, Request, Response
from requests_cache import CacheMixin
from requests_ratelimiter import LimiterMixin
from tenacity import Retrying, retry_if_exception_type, wait_exponential, wait_random

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.cache import cache_options
from ratingo_pipelines.sources.circuit import Circuit
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    NotFound,
    RateLimited,
    Rejected,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sources.gate import Gate, RetryAfterGate, is_web_page
from ratingo_pipelines.sources.limits import Turnstile, open_turnstile
from ratingo_pipelines.sources.scrub import register_secrets, scrub
from ratingo_pipelines.sources.transport import BodyTooLarge, KeyedAdapter, TransportError

RETRIES = 3
REFUSALS = 6
"""How often one request is refused for asking too much (429) before its title waits for another run."""
LONGEST_BACKOFF_SECONDS = 10.0
USER_AGENT = f"ratingo-pipelines/{version('ratingo-pipelines')} (+https://ratingo.top)"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApiConfig:
    """What `JsonApi` has to know of an API.

    Keys stand in `secret_headers` and, where an API takes them nowhere else, in `secret_params`. Without a `state_dir`
    nothing is kept on disk, and the limits hold for one `JsonApi` alone.
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
    concurrency: int = 16
    backoff_seconds: float = 0.5
    """Before the first retry; twice as long before the next."""
    malformed_retries: int = RETRIES
    """Retries after a body that is not JSON: fewer where a request is dear and such bodies come again and again."""

    @property
    def identity(self) -> str:
        """Name of the bucket and the gate: the same for whoever shares this API's limit, and without its keys."""
        keys = sorted((*self.secret_headers.items(), *self.secret_params.items()))
        text = "\n".join((self.base_url, *(f"{name}={key.get_secret_value()}" for name, key in keys)))
        return f"{self.name.lower()}_{sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Answer:
    """A JSON answer with status 200."""

    payload: Any
    headers: Mapping[str, str]
    """Found whatever their case."""
    from_cache: bool = False
    """Was the API not asked for it?"""


class Session(CacheMixin, RetryAfterGate, LimiterMixin, requests.Session):
    """Cache, gate, limiter, wire: a request passes them in this order, and the answer comes back through them."""

    def __init__(self, config: ApiConfig, adapter: KeyedAdapter, gate: Gate, limiter: Turnstile) -> None:
        self.gate = gate
        self._accept = local()
        self._caching = config.cache and config.state_dir is not None
        super().__init__(
            limiter=limiter,
            per_host=False,
            bucket_name=config.identity,
            limit_statuses=(),
            filter_fn=self._worth_keeping,
            **cache_options(config.state_dir if config.cache else None),
        )
        self.headers.clear()
        self.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        )
        self.headers.update(config.headers)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        # Proxies and certificates are taken from the environment once. A .netrc is not: it would replace the key.
        self._wire = self.merge_environment_settings(config.base_url, {}, True, None, None)
        self._wire["allow_redirects"] = False
        self.trust_env = False

    def fetch(self, request: PreparedRequest, keep: timedelta | None, accept: Callable[[Any], bool]) -> Response:
        """Return the answer, kept for at most `keep` if there is such a one; raises `TransportError`."""
        if not self._caching:
            return super(CacheMixin, self).send(request, **self._wire)
        self._accept.payload = accept
        try:
            response = self.send(request.copy(), expire_after=keep or 0, refresh=keep is None, **self._wire)
            if _was_not_asked_for(response) and (keep is None or response.created_at < datetime.now(UTC) - keep):
                # Put there by a caller who lets answers grow older, and without an ETag to ask about it.
                response = self.send(request.copy(), expire_after=keep or 0, force_refresh=True, **self._wire)
        except sqlite3.Error as error:
            _log.warning("The HTTP cache does not work (%s); asking without it", error)
            return super(CacheMixin, self).send(request, **self._wire)
        return response

    def get_redirect_target(self, resp: Response) -> None:
        """No redirects: they would carry the key to wherever they lead."""

    def _worth_keeping(self, response: Response) -> bool:
        if getattr(response, "from_cache", False):
            return True
        if response.status_code != 200:
            return False
        try:
            return self._accept.payload(parse(response))
        except ValueError:
            return False


class JsonApi:
    """One API, for all threads that ask it. `requests` counts what really went out, retries included."""

    def __init__(
        self, config: ApiConfig, diagnose: Callable[[Response], SourceError | None] = lambda response: None
    ) -> None:
        """`diagnose` sees every answer that is not 200 and may say what it means; None leaves it to `JsonApi`."""
        secret_headers = {name: key.get_secret_value() for name, key in config.secret_headers.items()}
        secret_params = {name: key.get_secret_value() for name, key in config.secret_params.items()}
        register_secrets(value.removeprefix("Bearer ") for value in (secret_headers | secret_params).values())
        self._config = config
        self._diagnose = diagnose
        self._upstream = _upstream(config)
        self._adapter = KeyedAdapter(secret_headers, secret_params, config.timeout_seconds, config.concurrency)
        self._limiter = open_turnstile(config.windows, config.state_dir, config.identity, self._may_ask)
        self._session = Session(config, self._adapter, self._upstream.gate, self._limiter)
        self._flights = _Flights()
        self._closed = Event()
        self.retries = 0
        self._lock = Lock()

    @property
    def name(self) -> str:
        """As messages call it."""
        return self._config.name

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, whatever came of them."""
        return self._adapter.requests

    @property
    def seconds_waited(self) -> float:
        """Time that threads spent waiting for the limits and for pauses, summed over them."""
        return self._limiter.seconds_waited

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        keep: timedelta | None = None,
        accept: Callable[[Any], bool] = lambda payload: True,
    ) -> Answer:
        """Ask for `path` below the base URL; raises `SourceError`s only.

        With `keep` an answer that old will do, and this one is stored unless `accept` refuses its payload; without,
        the API is always asked (with the ETag of its last answer, if it gave one).
        """
        url = f"{self._config.base_url.rstrip('/')}/{path.lstrip('/')}"
        request = self._session.prepare_request(Request("GET", url, params=params))
        with self._flights.one(request.url or url):
            retrying = Retrying(
                retry=retry_if_exception_type(_Again),
                stop=self._enough,
                wait=wait_exponential(self._config.backoff_seconds, LONGEST_BACKOFF_SECONDS)
                + wait_random(0, self._config.backoff_seconds),
                sleep=self._closed.wait,
                before_sleep=self._count_retry,
                retry_error_callback=_give_up,
            )
            answer: Answer = retrying(self._attempt, request, keep, accept)
            return answer

    def close(self) -> None:
        """Release threads that wait, connections and files."""
        self._closed.set()
        self._limiter.close()
        self._session.close()

    def _attempt(self, request: PreparedRequest, keep: timedelta | None, accept: Callable[[Any], bool]) -> Answer:
        where = request.path_url.partition("?")[0]
        for _ in range(REFUSALS):
            try:
                response = self._session.fetch(request, keep, accept)
            except BodyTooLarge as error:
                raise BadPayload(self.name, f"{where}: {error}") from None
            except TransportError as error:
                self._upstream.circuit.failed()
                raise _Again(SourceUnavailable(self.name, f"{where}: {error}; try again later")) from None
            if response.status_code != 429:
                break
        wrong = self._error(response, where)
        if isinstance(wrong, SourceUnavailable):
            self._upstream.circuit.failed()
            raise _Again(wrong)
        if wrong is not None:
            if not isinstance(wrong, RateLimited):
                self._upstream.circuit.succeeded()
            raise wrong
        try:
            payload = parse(response)
        except ValueError as problem:
            if is_web_page(response):
                # A maintenance page comes with status 200 as well.
                self._upstream.circuit.failed()
            what = "a web page instead of JSON" if is_web_page(response) else f"no JSON ({problem})"
            raise _Again(BadPayload(self.name, f"{where}: the answer is {what}")) from None
        asked = not _was_not_asked_for(response)
        if asked:
            self._upstream.circuit.succeeded()
        return Answer(payload, response.headers, from_cache=not asked)

    def _error(self, response: Response, where: str) -> SourceError | None:
        status = response.status_code
        if status == 200:
            return None
        if status == 403 and is_web_page(response):
            return AccessDenied(
                self.name,
                "Cloudflare refuses this machine (403 with a web page); it is not about the key: look whether the"
                " address is blocked and the User-Agent arrives",
            )
        if error := self._diagnose(response):
            return error
        if status == 429:
            return self._upstream.gate.refusal()
        if status in {401, 403}:
            return AccessDenied(self.name, f"the key is refused ({status}{_quoted(response)}); check it in .env")
        if status in {404, 410}:
            return NotFound(self.name, f"{where} is unknown ({status})")
        if status >= 500:
            return SourceUnavailable(self.name, f"{where} failed with {status}{_quoted(response)}; try again later")
        if 300 <= status < 400:
            return Rejected(
                self.name, f"{where} redirects ({status}) to {response.headers.get('Location')}: check the base URL", status
            )
        return Rejected(self.name, f"{where} was rejected with {status}{_quoted(response)}", status)

    def _may_ask(self) -> None:
        self._upstream.circuit.check()
        self._upstream.gate.wait(self._config.retry_after_cap_seconds)

    def _enough(self, state: Any) -> bool:
        error = state.outcome.exception()
        malformed = isinstance(error, _Again) and isinstance(error.error, BadPayload)
        retries = self._config.malformed_retries if malformed else RETRIES
        return self._closed.is_set() or state.attempt_number > retries

    def _count_retry(self, state: Any) -> None:
        with self._lock:
            self.retries += 1


def parse(response: Response) -> Any:
    """Return the JSON body; raises `ValueError`. Raw control characters in texts, which OMDb sends, are let pass."""
    if not hasattr(response, "payload"):
        try:
            payload = json.loads(response.content, strict=False, parse_constant=_no_constant)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        response.payload = payload  # type: ignore[attr-defined]
    return response.payload  # type: ignore[attr-defined]


class _Again(Exception):
    """An attempt failed in a way that another one may not."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(eq=False)
class _Upstream:
    """What all sessions of one API and key in this process share."""

    gate: Gate
    circuit: Circuit


_upstreams: WeakValueDictionary[str, _Upstream] = WeakValueDictionary()
_upstreams_lock = Lock()


def _upstream(config: ApiConfig) -> _Upstream:
    with _upstreams_lock:
        upstream = _upstreams.get(config.identity) or _Upstream(Gate(config.name), Circuit(config.name))
        _upstreams[config.identity] = upstream
        return upstream


class _Flights:
    """Lets one request a URL fly at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._flying: dict[str, tuple[Lock, int]] = {}

    @contextmanager
    def one(self, url: str) -> Iterator[None]:
        with self._lock:
            lock, users = self._flying.get(url, (Lock(), 0))
            self._flying[url] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                users = self._flying[url][1] - 1
                if users:
                    self._flying[url] = lock, users
                else:
                    del self._flying[url]


def _give_up(state: Any) -> None:
    raise state.outcome.exception().error


def _was_not_asked_for(response: Response) -> bool:
    return getattr(response, "from_cache", False) and not getattr(response, "revalidated", False)


def _quoted(response: Response) -> str:
    text = "" if is_web_page(response) else " ".join(response.text.split())
    return f": {scrub(text)[:160]}" if text else ""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
