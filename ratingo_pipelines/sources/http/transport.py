"""The last step before the wire: adds the keys, bounds time and size, counts.

Above this adapter no request carries a key, so that neither cache nor limiter nor log can keep one. It never
retries by itself, as that would bypass the limiter; what to make of a failure is decided in `http.py`.
"""

import io
import re
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPResponse
from socket import socket
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlencode

from requests import PreparedRequest, Response, exceptions
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from ratingo_pipelines.sources.scrub import one_line

CONNECT_SECONDS = 5.0
MAX_BODY_BYTES = 20 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class TransportError(Exception):
    """No whole answer came; the message is a scrubbed half sentence."""


class BodyTooLargeError(TransportError):
    """The answer does not end where answers of these APIs do."""


class KeyedAdapter(HTTPAdapter):
    """Sends requests with the keys of one API; a whole answer may take twice the read time-out."""

    def __init__(
        self,
        headers: Mapping[str, str],
        params: Mapping[str, str],
        timeout_seconds: float,
        concurrency: int,
        sending: Callable[[], None],
    ) -> None:
        """`sending` is called when a connection stands, right before the request goes out; it may wait, or raise."""
        self._secret_headers = headers
        self._secret_query = urlencode(params)
        self._timeouts = (CONNECT_SECONDS, timeout_seconds)
        self._pools = _pools_with_deadline(2 * timeout_seconds, sending)
        self._lock = Lock()
        self.requests = 0
        super().__init__(
            pool_connections=1,
            pool_maxsize=concurrency,
            max_retries=Retry(0, read=False, respect_retry_after_header=False),
        )

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        """Make the connections ones that keep the deadline."""
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the connections through a proxy keep the deadline too."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """Send the request and return once the headers are there; raises `TransportError`."""
        keyed = request.copy()
        keyed.headers.update(self._secret_headers)
        # The cache speaks to itself in this header.
        keyed.headers.pop("Cache-Control", None)
        if self._secret_query:
            keyed.url = f"{keyed.url}{'&' if '?' in (keyed.url or '') else '?'}{self._secret_query}"
        with self._lock:
            self.requests += 1
        problem = None
        try:
            response = super().send(keyed, **(options | {"stream": True, "timeout": self._timeouts}))
        except (OSError, HTTPError) as error:
            problem = describe(error)
        if problem:
            # Raised outside, so that no context leads back to a request with its key.
            raise TransportError(problem)
        response.request, response.url = request, request.url or ""
        # All requests of a session carry the same headers; OMDb's `Vary: *` would keep every answer out of the cache.
        response.headers.pop("Vary", None)
        return response


def read_body(response: Response, max_bytes: int = MAX_BODY_BYTES) -> None:
    """Read the body into the response.

    Raises `TransportError` when it does not come whole, `BodyTooLargeError` beyond `max_bytes` (unpacked).
    """
    chunks: list[bytes] = []
    size = 0
    problem = None
    try:
        for chunk in response.iter_content(_CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                break
            chunks.append(chunk)
    except (OSError, HTTPError) as error:
        problem = describe(error)
    if problem or size > max_bytes:
        response.close()
        if problem:
            raise TransportError(problem)
        raise BodyTooLargeError(f"the body is larger than {max_bytes // 1024**2} MiB")
    response._content = b"".join(chunks)


def describe(error: Exception) -> str:
    """Return what went wrong as half a sentence, without keys and addresses of objects."""
    if isinstance(error, exceptions.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:g} s"
    cause: object = error.args[0] if error.args else error
    cause = getattr(cause, "reason", None) or cause
    if isinstance(error, exceptions.Timeout) or "timed out" in str(cause):
        return "no whole answer in time"
    text = re.sub(r"<[^>]* object at [^>]*>:? ?|HTTPS?Connection(Pool)?\([^)]*\):? ?", "", one_line(cause))
    damaged = isinstance(error, exceptions.ContentDecodingError)
    return f"{'the body is damaged' if damaged else 'the connection failed'} ({text[:200]})"


def _pools_with_deadline(seconds: float, sending: Callable[[], None]) -> dict[str, Any]:
    """Return pools, by scheme, whose connections drop an answer that is not complete after so many seconds."""

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = _with_deadline(HTTPConnection, seconds, sending)

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = _with_deadline(HTTPSConnection, seconds, sending)

    return {"http": PlainPool, "https": EncryptedPool}


def _with_deadline(connection: type[HTTPConnection], seconds: float, sending: Callable[[], None]) -> Any:
    class ConnectionWithDeadline(connection):  # type: ignore[misc, valid-type]
        def request(self, *args: Any, **options: Any) -> None:
            if self.is_closed:
                self.connect()
            sending()
            self._deadline = monotonic() + seconds
            super().request(*args, **options)

        def getresponse(self) -> Any:
            # Only here: the answer of a proxy to CONNECT comes before there is a request.
            self.response_class = partial(_ResponseWithDeadline, deadline=self._deadline)
            try:
                return super().getresponse()
            finally:
                del self.response_class

    return ConnectionWithDeadline


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
