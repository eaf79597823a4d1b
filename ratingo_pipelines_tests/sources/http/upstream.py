"""A small HTTP server that stands for an upstream API and answers what a test tells it to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ratingo_pipelines.settings import Settings


@dataclass(frozen=True)
class Asked:
    """A request as the server saw it."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer; a body that is text goes out as it is, any other as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def always(reply: Any) -> Callable[[Asked], Any]:
    """The same answer, whatever is asked."""
    return lambda asked: reply


@dataclass
class Upstream:
    """The server's side: what it was asked, and how it answers."""

    answer: Callable[[Asked], Any] = lambda asked: Reply({}, 404)
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """Serve on a free port of this machine."""
    upstream = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(url.path, dict(parse_qsl(url.query)), headers)
            upstream.asked.append(asked)
            reply = upstream.answer(asked)
            if not isinstance(reply, Reply):
                reply = Reply(reply)
            body = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    upstream.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings_for(upstream: Upstream, home: Path, **values: Any) -> Settings:
    """Settings with keys for all three APIs, all of them at `upstream`, and limits that no test runs into."""
    defaults: dict[str, Any] = {
        "ratingo_home": home,
        "trakt_client_id": "trakt-key",
        "tmdb_access_token": "tmdb-token",
        "tmdb_api_key": None,
        "omdb_api_key": "omdb-key",
        "trakt_base_url": upstream.url,
        "tmdb_base_url": f"{upstream.url}/3",
        "omdb_base_url": upstream.url,
        "trakt_rate_limit": "10000/1",
        "tmdb_rate_limit": "10000/1",
    }
    return Settings(_env_file=None, **(defaults | values))
