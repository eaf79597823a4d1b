"""Callers that say nothing, say it slowly, or do not come to an end: everybody else is served all the same."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from statistics import median
from time import monotonic, sleep

import psutil
import pytest

from ratingo_pipelines_tests.door.conftest import OPEN_FILES, Measured
from ratingo_pipelines_tests.gateway.served import SECRET
from ratingo_pipelines_tests.gateway.whole import Whole

HOSTILE = 3000
CALLS = 1000
WITHIN = 1.0
"""Seconds; on a machine that is busy with other things, ten times what it takes while nobody floods it."""
STATUS = "/api/sync/trending/status"
LAUNCH = "/api/sync/calendar/prune?wait=0"
ASKED = (("/healthz", 200), (LAUNCH, 202))
HEAD_SECONDS = 10.0
SLACK = 6.0
SMALL_BUFFER = 16384


def request(path: str, method: str = "GET", **headers: str) -> bytes:
    """A request's head."""
    lines = [f"{method} {path} HTTP/1.1", "Host: door", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


AUTHORISED = {"Authorization": f"Bearer {SECRET}"}
WAYS: dict[str, bytes] = {
    "silent": b"",
    "half a head": request("/healthz")[:-2],
    "a form without its body": request("/login", "POST", **{"Content-Length": "8000"}),
    "a body that is not wanted": request(STATUS, "POST", **{"Content-Length": "100000000"}),
}


@pytest.fixture
def connect(door: Whole) -> Iterator[Callable[..., socket.socket]]:
    """Opens connections that say something and wait; all are closed at the test's end."""
    host, _, port = door.host.partition(":")
    with ExitStack() as stack:

        def open_one(said: bytes = b"", buffer: int | None = None) -> socket.socket:
            connection = stack.enter_context(socket.socket())
            if buffer is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            connection.settimeout(30)
            connection.connect((host, int(port)))
            if said:
                connection.sendall(said)
            return connection

        yield open_one


def answer(connection: socket.socket) -> bytes:
    """All that is said until the connection is closed, or a head and what came with it."""
    heard = b""
    try:
        while b"\r\n\r\n" not in heard and (more := connection.recv(65536)):
            heard += more
    except ConnectionError:
        pass
    return heard


def seconds(door: Whole, path: str, status: int) -> float:
    """How long an answer takes."""
    began = monotonic()
    assert door.get(path).status_code == status
    return monotonic() - began


def is_closed(connection: socket.socket, said: str) -> bool:
    """Whether the server has closed it, after saying one thing more; what it answers is read."""
    try:
        connection.send(said.encode())
        connection.setblocking(False)
        # Only what reads its answers learns of an end that was no reset.
        return (
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > SMALL_BUFFER and connection.recv(65536) == b""
        )
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("way", WAYS)
def test_with_three_thousand_hostile_connections_everybody_else_is_served(
    door: Whole,
    connect: Callable[..., socket.socket],
    open_files: int,
    way: str,
    measured: Measured,
) -> None:
    assert open_files > HOSTILE + 200, f"this test opens {HOSTILE} files: raise `ulimit -n`"
    within = max(WITHIN, 10 * max(seconds(door, path, status) for path, status in ASKED))
    for _ in range(HOSTILE):
        connect(WAYS[way])

    # A clock is what is promised here: a caller that has to wait behind strangers is one that is not served.
    for path, status in ASKED:
        took = median(seconds(door, path, status) for _ in range(5))
        measured(f"{HOSTILE} connections, {way}: {path}", f"{took:.3f} s")
        assert took < within
    assert psutil.Process(door.process.pid).num_fds() < OPEN_FILES * 2 / 3


def test_whoever_does_not_come_to_an_end_is_closed_after_ten_seconds(
    door: Whole, connect: Callable[..., socket.socket]
) -> None:
    waiting = {way: connect(said) for way, said in WAYS.items()}
    waiting["a head byte by byte"] = connect()
    waiting["a form byte by byte"] = connect(WAYS["a form without its body"])
    waiting["answers that are not read"] = unread = connect(buffer=4096)
    unread.settimeout(1)
    with suppress(TimeoutError):
        unread.sendall(request("/login") * 5000)
    closed_after: dict[str, float] = {}
    began = monotonic()
    head = iter(request("/healthz").decode())
    while len(closed_after) < len(waiting) and monotonic() - began < HEAD_SECONDS + SLACK:
        for way, connection in waiting.items():
            said = {
                "a head byte by byte": next(head, "x"),
                "a form byte by byte": "x",
                "answers that are not read": "x",
            }
            if way not in closed_after and is_closed(connection, said.get(way, "")):
                closed_after[way] = monotonic() - began
        sleep(0.5)

    # A body that is not wanted is answered at once, and its connection is kept no longer than any that says no more.
    assert closed_after.pop("a body that is not wanted") < HEAD_SECONDS
    assert {way: HEAD_SECONDS - 1 < after < HEAD_SECONDS + SLACK for way, after in closed_after.items()} == {
        way: True for way in waiting if way != "a body that is not wanted"
    }
    assert "Traceback" not in door.log


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("a cookie of 64 MiB", request("/", Cookie="a" * (64 << 20))),
        ("a path of 1 MiB", request("/" + "a" * (1 << 20))),
        ("a hundred thousand headers", request("/")[:-2] + b"a: b\r\n" * 100_000 + b"\r\n"),
        ("a head of 65 KiB", request("/healthz", Cookie="a" * (65 << 10))),
        (
            "a head of 65 KiB for a websocket",
            request("/graphql", Upgrade="websocket", Connection="Upgrade", a="a" * 66000),
        ),
        ("a header without an end", b"GET / HTTP/1.1\r\nHost: " + b"a" * (1 << 20)),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_head_above_64_kib_is_refused_and_keeps_nobody_waiting(
    door: Whole, connect: Callable[..., socket.socket], kind: str, head: bytes
) -> None:
    connection = connect()
    began = monotonic()
    with suppress(ConnectionError):
        connection.sendall(head)
    said = answer(connection)
    assert monotonic() - began < HEAD_SECONDS / 2, kind
    # What the server closed with our bytes still unread may arrive as a reset, without its answer.
    assert said[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 431", b""}

    assert seconds(door, "/healthz", 200) < HEAD_SECONDS / 2


def test_a_head_of_nearly_64_kib_is_none_too_long(connect: Callable[..., socket.socket]) -> None:
    assert answer(connect(request("/healthz", Cookie="a" * (63 << 10))))[:12] == b"HTTP/1.1 200"


def test_a_thousand_calls_at_once_are_all_answered(connect: Callable[..., socket.socket], measured: Measured) -> None:
    began = monotonic()
    calls = [connect(request(STATUS, **AUTHORISED, Connection="close")) for _ in range(CALLS)]
    answers = [answer(call)[:12] for call in calls]
    measured(f"{CALLS} calls at once, until all are answered", f"{monotonic() - began:.1f} s")

    assert answers.count(b"HTTP/1.1 200") == CALLS
