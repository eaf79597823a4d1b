"""The server: HTTP in, HTTP out. Finds the API, counts, lets faults happen, and caches encoded answers.

The three APIs are served by hand rather than by a framework, and bodies are encoded once an epoch, so that the
sandbox takes little of the processor it shares with the program under test.
"""

import asyncio
import contextlib
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from email.utils import format_datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ratingo_pipelines.sandbox import tmdb
from ratingo_pipelines.sandbox.apis import APIS, environment
from ratingo_pipelines.sandbox.catalogue import SIZE
from ratingo_pipelines.sandbox.control import control
from ratingo_pipelines.sandbox.faults import CHANGING, SPOILING, Call, Fault
from ratingo_pipelines.sandbox.state import SandboxOptions, State
from ratingo_pipelines.sandbox.web import Asked, Reply, StandIn
from ratingo_pipelines.sandbox.world import World

HOST = "127.0.0.1"
_SECRETS = ("apikey", "api_key")
_MOST_CACHED = 4_000
_RESET = struct.pack("ii", 1, 0)

Scope = Mapping[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Mapping[str, Any]], Any]


class ReachableTransport(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with the connection's transport within a request's reach."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {"transport": {"transport": self.transport}}


class Sandbox:
    """The ASGI application."""

    def __init__(self, options: SandboxOptions | None = None) -> None:
        options = options or SandboxOptions()
        self.state = State(options)
        self._control = control(self.state)
        self._cached: dict[tuple[str, str, str], Reply] = {}
        self._cached_of: World | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        send = self._dated(send)
        path: str = scope["path"]
        name = path.split("/", 2)[1]
        if name == "control":
            await self._control(scope, receive, send)  # type: ignore[arg-type]
        elif name in APIS and path.startswith(APIS[name].path):
            await self._serve(APIS[name], path[len(APIS[name].path) :], scope, receive, send)
        else:
            if name in APIS:
                # Such as a base URL without its version: nobody is there, but it was asked.
                self.state.counters.asked(name, "elsewhere", path, self.state.clock())
                self.state.counters.answered(name, "404")
            await _send(send, Reply(404, b'{"error":"no such API"}'))

    def _dated(self, send: Send) -> Send:
        """Date what is sent by the sandbox's own clock, unless it says something of its date itself."""

        async def send_dated(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                if not any(name == b"date" for name, _ in headers):
                    headers.append((b"date", format_datetime(self.state.now, usegmt=True).encode()))
                message = {**message, "headers": [header for header in headers if header[1] is not None]}
            await send(message)

        return send_dated

    async def _serve(self, api: StandIn, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        asked = Asked(scope["method"], path, query, headers)
        template, values = _route(api, path)
        plain = urlencode(sorted((name, value) for name, value in query.items() if name not in _SECRETS))
        url = f"{path}?{plain}" if plain else path
        call = Call(api.name, template, frozenset({*values, query.get("i", "")}), url, asked, self.state.clock())
        self.state.counters.asked(api.name, template, url, call.now)
        striking = [fault for fault in self.state.faults if fault.strikes(call)]
        delay = sum(fault.delay(call) for fault in striking if fault.kind == "latency")
        if delay:
            await asyncio.sleep(delay)
        breaking = next((fault for fault in striking if fault.kind in ("hang", "reset")), None)
        if breaking is not None:
            self.state.counters.answered(api.name, breaking.kind)
            await _break(breaking, scope, receive)
            return
        found = next((answer for fault in striking if (answer := fault.answer(call)) is not None), None)
        found = found or api.refusal(asked, api.key) or self._answer(api, template, values, call)
        for fault in [one for one in striking if one.kind in CHANGING]:
            changed = fault.change(found, asked)
            found = _tagged(changed) if "ETag" in found.headers else changed
        if "ETag" in found.headers and asked.headers.get("if-none-match") == found.headers["ETag"]:
            found = Reply(304, b"", found.headers)
        await self._deliver(found, [fault for fault in striking if fault.kind in SPOILING], api, scope, receive, send)

    def _answer(self, api: StandIn, template: str, values: tuple[str, ...], call: Call) -> Reply:
        if call.asked.method not in ("GET", "HEAD"):
            return Reply(405, b"", {}, "text/html")
        if template == "unknown":
            return (
                tmdb.error(404, 34, "The resource you requested could not be found.")
                if api.has_etags
                else Reply(404, b"")
            )
        world = self.state.world
        if world is not self._cached_of or len(self._cached) > _MOST_CACHED:
            self._cached, self._cached_of = {}, world
        key = (api.name, call.asked.path, call.url)
        if key not in self._cached:
            found = api.serve(call.asked, template, values, world)
            self._cached[key] = _tagged(found) if api.has_etags and found.status == HTTPStatus.OK else found
        return self._cached[key]

    async def _deliver(
        self, found: Reply, spoiling: list[Fault], api: StandIn, scope: Scope, receive: Receive, send: Send
    ) -> None:
        for fault in spoiling:
            found = fault.spoil(found)
        kinds = {fault.kind: fault for fault in spoiling}
        self.state.counters.answered(api.name, "cut" if "cut" in kinds else str(found.status))
        if "cut" in kinds and found.body:
            await _start(send, found)
            await send({"type": "http.response.body", "body": found.body[: len(found.body) // 2], "more_body": True})
            scope["extensions"]["transport"]["transport"].close()
            await _gone(receive)
        elif "drip" in kinds and found.body:
            await _drip(send, found, kinds["drip"])
        else:
            await _send(send, found)


def _tagged(found: Reply) -> Reply:
    tag = f'W/"{blake2b(found.body, digest_size=16).hexdigest()}"'
    return replace(found, headers={**found.headers, "ETag": tag, "Cache-Control": "public, max-age=0"})


def _route(api: StandIn, path: str) -> tuple[str, tuple[str, ...]]:
    for template, pattern in api.templates:
        match = pattern.fullmatch(path)
        if match:
            return template, match.groups(default="")
    return "unknown", ()


async def _start(send: Send, found: Reply) -> None:
    headers = [
        (name.lower().encode(), value if value is None else value.encode()) for name, value in found.headers.items()
    ]
    if found.status != 304:
        headers += [
            (b"content-type", found.content_type.encode()),
            (b"content-length", str(len(found.body)).encode()),
        ]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})


async def _send(send: Send, found: Reply) -> None:
    await _start(send, found)
    await send({"type": "http.response.body", "body": found.body})


async def _drip(send: Send, found: Reply, fault: Fault) -> None:
    pieces = max(1, fault.options["pieces"])
    size = -(-len(found.body) // pieces)
    await _start(send, found)
    for place in range(0, len(found.body), size):
        await asyncio.sleep(fault.options["seconds"] / pieces)
        await send({"type": "http.response.body", "body": found.body[place : place + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _break(fault: Fault, scope: Scope, receive: Receive) -> None:
    transport = scope["extensions"]["transport"]["transport"]
    if fault.kind == "hang":
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_gone(receive), fault.options["seconds"])
    else:
        # Without lingering a closed socket answers with a reset instead of an orderly end.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the client, or we, have closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def serve(
    port: int = 0, *, epoch: int = 0, size: int = SIZE, today: date | None = None, parent: int | None = None
) -> None:
    """Print where the APIs are, as lines for `.env`, and serve until stopped.

    Raises `SystemExit` with status 2 where the port is taken.

    `today` stands for the real day (UTC). The server ends when its parent process is no longer `parent`.
    """
    application = Sandbox(SandboxOptions(epoch, size, today))
    try:
        listening = socket.create_server((HOST, port), backlog=512)
    except OSError as error:
        sys.stderr.write(f"Port {port} cannot be had ({error.strerror}); choose another, or 0 for a free one.\n")
        raise SystemExit(2) from None
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    url = f"http://{HOST}:{listening.getsockname()[1]}"
    lines = [f"# Trakt, TMDB and OMDb at {url} until Ctrl-C; for .env:"]
    lines += [f"{name}={value}" for name, value in environment(url).items()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        application,
        http=ReachableTransport,
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.3)
    os._exit(0)
