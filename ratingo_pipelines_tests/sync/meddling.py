"""An upstream that lies: passes requests on to the sandbox and changes what it answers.

For values that no fault of the sandbox makes, and for keys that are not the sandbox's own.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines_tests.sync.syncing import another_kit

Edit = Callable[[str, Any], Any]
"""From path and payload of an answer with status 200 to the payload in its place, or to a `Reply`."""


@dataclass(frozen=True)
class Reply:
    """An answer in the sandbox's place."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Meddler:
    """A running proxy; `edit` may be replaced at any time."""

    sandbox: RunningSandbox
    edit: Edit = lambda path, payload: payload
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys that it takes -> the sandbox's."""
    url: str = ""

    def environment(self) -> dict[str, str]:
        """The sandbox's variables with this proxy's URLs, and its keys where it has any."""
        given = {name: value.replace(self.sandbox.url, self.url) for name, value in self.sandbox.environment().items()}
        theirs = {own: other for other, own in self.keys.items()}
        return {name: theirs.get(value, value) for name, value in given.items()}

    def answer(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Ask the sandbox, and meddle with its answer."""
        for key, own in self.keys.items():
            path = path.replace(quote_plus(key), own)
            headers = {name: value.replace(key, own) for name, value in headers.items()}
        found = requests.get(self.sandbox.url + path, headers=dict(headers), timeout=30)
        if found.status_code != 200:
            return Reply(found.status_code, found.content, {"Content-Type": found.headers.get("Content-Type", "")})
        edited = self.edit(urlsplit(path).path, found.json())
        if isinstance(edited, Reply):
            return edited
        pages = {name: value for name, value in found.headers.items() if name.lower().startswith("x-pagination")}
        return Reply(200, json.dumps(edited).encode(), {"Content-Type": "application/json", **pages})


@contextmanager
def meddling(sandbox: RunningSandbox, edit: Edit, keys: Mapping[str, str] | None = None) -> Iterator[Meddler]:
    """Run a proxy that changes the sandbox's answers."""
    meddler = Meddler(sandbox, edit, keys or {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kept = {
                name: value for name, value in self.headers.items() if name.lower() not in {"host", "if-none-match"}
            }
            reply = meddler.answer(self.path, kept)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that hang up are nothing to report."""

    server = Server(("127.0.0.1", 0), Handler)
    meddler.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield meddler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def meddling_kit(
    ctx: SyncContext, sandbox: RunningSandbox, edit: Callable[[str, Any], Any]
) -> Iterator[tuple[SyncContext, Meddler]]:
    """The sync_context, on upstreams whose answers are edited."""
    with meddling(sandbox, edit) as meddler:
        urls = {name.lower(): url for name, url in meddler.environment().items() if name.endswith("_BASE_URL")}
        with another_kit(ctx, **urls) as other:
            yield other, meddler
