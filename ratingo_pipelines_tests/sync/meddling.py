"""An upstream that lies: passes requests on to the sandbox and changes what it answers.

For values that no fault of the sandbox makes, and for keys that are not the sandbox's own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests
from werkzeug import Request, Response

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines_tests.answering import answering
from ratingo_pipelines_tests.sync.syncing import another_kit

NOT_PASSED_ON = {"host", "if-none-match"}
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

    def respond(self, request: Request) -> Response:
        kept = {name: value for name, value in request.headers.items() if name.lower() not in NOT_PASSED_ON}
        reply = self.answer(request.environ["REQUEST_URI"], kept)
        return Response(reply.body, reply.status, dict(reply.headers))

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
    with answering(meddler.respond) as url:
        meddler.url = url
        yield meddler


@contextmanager
def meddling_kit(
    ctx: SyncContext, sandbox: RunningSandbox, edit: Callable[[str, Any], Any]
) -> Iterator[tuple[SyncContext, Meddler]]:
    """The sync_context, on upstreams whose answers are edited."""
    with meddling(sandbox, edit) as meddler:
        urls = {name.lower(): url for name, url in meddler.environment().items() if name.endswith("_BASE_URL")}
        with another_kit(ctx, **urls) as other:
            yield other, meddler
