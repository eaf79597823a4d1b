"""A server that stands for an upstream API and answers what a test tells it to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug import Request, Response

from ratingo_pipelines.settings import Settings
from ratingo_pipelines_tests.answering import answering


@dataclass(frozen=True)
class Asked:
    """A request as the server saw it."""

    path: str
    """With its escapes."""
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

    def respond(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(urlsplit(request.environ["REQUEST_URI"]).path, request.args.to_dict(), headers)
        self.asked.append(asked)
        reply = self.answer(asked)
        if not isinstance(reply, Reply):
            reply = Reply(reply)
        body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        return Response(body, reply.status, {"Content-Type": "application/json"} | reply.headers)


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """Serve on a free port of this machine."""
    upstream = Upstream()
    with answering(upstream.respond) as url:
        upstream.url = url
        yield upstream


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
