"""The wire: adds the keys, bounds time and size, counts.

Above it no request carries a key, so that neither cache nor log can keep one. It never retries by itself, as that would
bypass the limiter, and follows no redirect, which would carry the key to wherever it leads. Proxies of every kind that
requests knows and certificates are taken from the environment. What to make of a failure is decided in `api.py`.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPResponse
from importlib.metadata import version
from socket import socket
from threading import Lock, local
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests import Response, exceptions
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager, Retry
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from ratingo_pipelines.sources.http.answer import MAX_BODY_BYTES
from ratingo_pipelines.sources.scrub import one_line, register_secrets

USER_AGENT = f"ratingo-pipelines/{version('ratingo-pipelines')} (+https://ratingo.top)"
"""Trakt and OMDb stand behind Cloudflare, which refuses programs without a name
(https://github.com/omdbapi/OMDb-API/issues/22)."""
CONNECT_SECONDS = 5.0
_CHUNK_BYTES = 64 * 1024

OnSending = Callable[[], None]
"""Called when a connection stands, right before the request goes out; it may wait, or raise."""


class TransportError(Exception):
    """No whole answer came; the message is a scrubbed half sentence."""


class BodyTooLargeError(TransportError):
    """The answer does not end where answers of these APIs do."""


class Wire:
    """Sends the requests of one API, from all threads; a whole answer may take twice the read time-out."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        secret_headers: Mapping[str, str],
        secret_params: Mapping[str, str],
        timeout_seconds: float,
        concurrency: int,
    ) -> None:
        self._headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            **headers,
        }
        self._secret_headers = secret_headers
        self._secret_query = urlencode(secret_params)
        self._timeouts = (CONNECT_SECONDS, timeout_seconds)
        # A .netrc is not read, as it would replace the key.
        self._route: Any = requests.Session().merge_environment_settings(base_url, {}, True, None, None)
        register_secrets(urlsplit(proxy).password or "" for proxy in self._route["proxies"].values())
        self._adapter = _Adapter(2 * timeout_seconds, concurrency)
        self._lock = Lock()
        self.requests = 0
        """HTTP requests sent so far, whatever came of them."""

    def send(self, url: str, headers: Mapping[str, str], on_sending: OnSending) -> Response:
        """Send a GET and return once the headers are there; raises `TransportError`, and what `on_sending` raises."""
        keyed = f"{url}{'&' if '?' in url else '?'}{self._secret_query}" if self._secret_query else url
        with self._lock:
            self.requests += 1
        problem = None
        try:
            request = requests.Request("GET", keyed, {**self._headers, **headers, **self._secret_headers}).prepare()
            with self._adapter.telling(on_sending):
                return self._adapter.send(request, timeout=self._timeouts, **self._route)
        except (OSError, HTTPError, ValueError) as error:
            problem = describe(error)
        # Raised outside, so that no context leads back to a request with its key.
        raise TransportError(problem)

    def close(self) -> None:
        """Release the connections."""
        self._adapter.close()


def read_body(response: Response, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Read and unpack the body.

    Raises `TransportError` when it does not come whole, `BodyTooLargeError` beyond `max_bytes` (unpacked).
    """
    body = bytearray()
    problem = None
    try:
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) > max_bytes:
                break
    except (OSError, HTTPError) as error:
        problem = describe(error)
    if problem or len(body) > max_bytes:
        response.close()
        if problem:
            raise TransportError(problem)
        raise BodyTooLargeError(f"the body is larger than {max_bytes // 1024**2} MiB")
    return bytes(body)


def describe(error: Exception) -> str:
    """Return what went wrong as half a sentence, without keys and addresses of objects."""
    if isinstance(error, exceptions.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:g} s"
    cause: object = error.args[0] if error.args else error
    cause = getattr(cause, "reason", None) or cause
    if isinstance(error, exceptions.Timeout) or "timed out" in str(cause):
        return "no whole answer in time"
    text = re.sub(r"<[^>]* object at [^>]*>:? ?|\w*Connection(Pool)?\([^)]*\):? ?", "", one_line(cause))
    damaged = isinstance(error, exceptions.ContentDecodingError)
    return f"{'the body is damaged' if damaged else 'the connection failed'} ({text[:200]})"


class _Adapter(HTTPAdapter):
    """The adapter of requests, with connections that keep a deadline and tell when a request goes out.

    What requests means to be overridden: https://requests.readthedocs.io/en/latest/user/advanced/#transport-adapters.
    """

    def __init__(self, deadline_seconds: float, concurrency: int) -> None:
        self._deadline_seconds = deadline_seconds
        # The pool hands nothing of a single call on to its connections; but a call stays within its thread.
        self._call = local()
        super().__init__(pool_connections=1, pool_maxsize=concurrency, max_retries=Retry(0, read=False))

    @contextmanager
    def telling(self, on_sending: OnSending) -> Iterator[None]:
        """Have the requests that this thread sends in the block call `on_sending`."""
        self._call.on_sending = on_sending
        try:
            yield
        finally:
            del self._call.on_sending

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(connections, maxsize, block, **options)
        self._extend(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the pools of connections through a proxy."""
        if proxy not in self.proxy_manager:
            self._extend(super().proxy_manager_for(proxy, **options))
        return self.proxy_manager[proxy]

    def _extend(self, manager: PoolManager) -> None:
        """Extend the connections this manager makes, which are others for direct, proxied and SOCKS ones.

        `urllib3/poolmanager.py` and `urllib3/contrib/socks.py` choose a pool's class by `pool_classes_by_scheme`, and a
        pool its connections' by `ConnectionCls`.
        """
        manager.pool_classes_by_scheme = {
            scheme: self._extended(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _extended(self, pool: type[HTTPConnectionPool]) -> Any:
        connection = type("Connection", (_ConnectionWithDeadline, pool.ConnectionCls), {"adapter": self})
        return type(pool.__name__, (pool,), {"ConnectionCls": connection})

    def sending(self) -> float:
        """Note that this thread's request goes out now; until when its answer has to be complete (monotonic)."""
        self._call.on_sending()
        return monotonic() + self._deadline_seconds


class _ConnectionWithDeadline(HTTPConnection):
    """Mixed into urllib3's connections: drops an answer that is not complete in time."""

    adapter: _Adapter

    def request(self, *args: Any, **options: Any) -> None:
        if self.is_closed:
            self.connect()
        self._deadline = self.adapter.sending()
        super().request(*args, **options)

    def getresponse(self) -> Any:
        # `http.client` makes its answers of this class. Only here: a proxy answers CONNECT before there is a request.
        self.response_class: Any = partial(_ResponseWithDeadline, deadline=self._deadline)
        try:
            return super().getresponse()
        finally:
            del self.response_class


class _ResponseWithDeadline(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Deadline(self.fp.detach(), sock, deadline))


class _Deadline(io.RawIOBase):
    """Reads from a socket until a point in time.

    A time-out alone bounds each single read: a server that sends a byte now and then would hold a thread for
    ever.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket, deadline: float) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
