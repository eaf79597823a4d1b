"""A real HTTP server, on a port of its own, that does to each path what a test tells it to."""

import gzip
import json
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import parse_headers
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Lock, Thread
from time import monotonic
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Arrival:
    at: float
    """Monotonic."""
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass
class Server:
    """`answers[path]` are given in turn, the last one for good; other paths get `{"path": ...}`."""

    answers: dict[str, list["Behaviour"]] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    most_at_once: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    port: int = 0
    stopping: Event = field(default_factory=Event)
    _at_once: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, path: str | None = None) -> int:
        return sum(path in {None, arrival.path} for arrival in self.arrivals)

    @contextmanager
    def serving(self, arrival: Arrival) -> Iterator["Behaviour"]:
        with self._lock:
            self.arrivals.append(arrival)
            self._at_once[arrival.path] += 1
            self.most_at_once[arrival.path] = max(self.most_at_once[arrival.path], self._at_once[arrival.path])
            answers = self.answers.get(arrival.path, [sends({"path": arrival.path})])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        try:
            yield answer
        finally:
            with self._lock:
                self._at_once[arrival.path] -= 1


class Connection(StreamRequestHandler):
    server_state: Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            headers = parse_headers(self.rfile)
            url = urlsplit(line.split()[1].decode())
            path, query = url.path, url.query
            with self.server_state.serving(Arrival(monotonic(), path, query, dict(headers))) as answer:
                if not answer(self, dict(headers)):
                    return

    def write(self, status: int, headers: Mapping[str, str], body: bytes, length: int | None = None) -> None:
        head = {"Content-Type": "application/json", "Content-Length": str(len(body) if length is None else length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (head | dict(headers)).items())
        self.wfile.write(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + body)


Behaviour = Callable[[Connection, Mapping[str, str]], bool]
"""Answers one request; False closes the connection."""


@contextmanager
def misbehaving_server(**answers: list[Behaviour]) -> Iterator[Server]:
    state = Server(answers={f"/{name}": list(given) for name, given in answers.items()})

    class Listener(ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients of a misbehaving server hang up; that is no news."""

    with Listener(("127.0.0.1", 0), type("Bound", (Connection,), {"server_state": state})) as listener:
        state.port = listener.server_address[1]
        Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield state
        finally:
            state.stopping.set()
            listener.shutdown()


def sends(payload: object, status: int = 200, after: float = 0, **headers: str) -> Behaviour:
    return sends_bytes(json.dumps(payload).encode(), status, after, **headers)


def sends_bytes(body: bytes, status: int = 200, after: float = 0, **headers: str) -> Behaviour:
    def behave(connection: Connection, _: Mapping[str, str]) -> bool:
        if after:
            connection.server_state.stopping.wait(after)
        connection.write(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
        return True

    return behave


def sends_page(status: int = 200, **headers: str) -> Behaviour:
    return sends_bytes(b"<!DOCTYPE html><h1>cloudflare</h1>", status, 0, Content_Type="text/html", **headers)


def sends_with_etag(payload: object, etag: str) -> Behaviour:
    def behave(connection: Connection, headers: Mapping[str, str]) -> bool:
        if headers.get("If-None-Match") == etag:
            connection.write(304, {"ETag": etag}, b"")
        else:
            connection.write(200, {"ETag": etag}, json.dumps(payload).encode())
        return True

    return behave


def resets(connection: Connection, _: Mapping[str, str]) -> bool:
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.connection.close()
    return False


def hangs(connection: Connection, _: Mapping[str, str]) -> bool:
    connection.server_state.stopping.wait(30)
    return False


def cuts_the_body(connection: Connection, _: Mapping[str, str]) -> bool:
    connection.write(200, {}, b'{"cut": ', length=100)
    return False


def cuts_the_gzip(connection: Connection, _: Mapping[str, str]) -> bool:
    body = gzip.compress(json.dumps(list(range(1000))).encode())
    connection.write(200, {"Content-Encoding": "gzip"}, body[: len(body) // 2])
    return True


def drips(prefix: bytes) -> Behaviour:
    """Send `prefix`, then a byte now and then, for ever."""

    def behave(connection: Connection, _: Mapping[str, str]) -> bool:
        connection.wfile.write(prefix)
        while not connection.server_state.stopping.wait(0.05):
            connection.wfile.write(b" ")
        return False

    return behave


def bombs(megabytes: int) -> Behaviour:
    """Send a small gzip that unpacks to so much."""
    body = gzip.compress(b'"' + b"a" * megabytes * 1024**2 + b'"')

    def behave(connection: Connection, _: Mapping[str, str]) -> bool:
        connection.write(200, {"Content-Encoding": "gzip"}, body)
        return True

    return behave
