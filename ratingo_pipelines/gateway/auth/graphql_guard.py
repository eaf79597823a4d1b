"""The middleware in front of Dagster's webserver: its GraphQL takes JSON by POST, from pages of this site only.

Left alone, Dagster runs mutations over GET and over `text/plain`, which any page may send without asking; answers what
it does not expect with a traceback; and has a page for every path there is. What changes something is audited here.
"""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from ratingo_pipelines.dagster_instance.attribution import LAUNCHED_BY_HEADER
from ratingo_pipelines.gateway.api.answers import failure
from ratingo_pipelines.gateway.auth.access import GRAPHQL, changes_something
from ratingo_pipelines.gateway.auth.audit import Audit, Why
from ratingo_pipelines.gateway.auth.audited import audited
from ratingo_pipelines.gateway.auth.authenticators import client_of
from ratingo_pipelines.gateway.auth.graphql import NoGraphql, read_message, read_request
from ratingo_pipelines.gateway.auth.middleware import shown_path
from ratingo_pipelines.gateway.auth.origin import Provenance, provenance
from ratingo_pipelines.gateway.auth.principals import CALLER, Role
from ratingo_pipelines.sources.scrub import one_line

LONGEST_BODY = 10 * 1024 * 1024
LONGEST_LINE = 300
SERVER_ERROR = 500
UNREADABLE = 1007
"""A websocket's code for what is no message of its protocol (RFC 6455, 7.4.1)."""

log = logging.getLogger("ratingo.gateway")


class GraphqlGuard:
    """Wraps Dagster's webserver."""

    def __init__(self, app: ASGIApp, audit: Audit) -> None:
        self.app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"].rstrip("/") == GRAPHQL:
            await self._graphql(scope, receive, send)
        elif changes_something(scope):
            await self._audited(f"{scope['method']} {shown_path(scope)}", scope, receive, send)
        else:
            await self._page(scope, receive, send)

    async def _graphql(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            await failure(413, f"a query may have {LONGEST_BODY} bytes")(scope, receive, send)
            return
        try:
            request = read_request(body)
        except NoGraphql as error:
            await failure(400, one_line(error))(scope, receive, send)
            return
        again = _again(body, receive)
        if not request.changes_something:
            await self._guarded(scope, again, send)
            return
        what = "mutation " + ", ".join(request.mutations)
        caller = CALLER.get()
        if caller is not None and caller.role < Role.ADMIN:
            self._audit.refused(Why.ROLE, client_of(scope), what, caller)
            message = f"mutations need the role {Role.ADMIN}, and {caller.name} has {caller.role}"
            await failure(403, message)(scope, again, send)
            return
        await self._audited(what, scope, again, send)

    async def _audited(self, what: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what changes something, and note what came of it."""
        caller = CALLER.get()
        if caller is not None:
            named = (LAUNCHED_BY_HEADER.encode(), str(caller).encode("latin-1", "replace"))
            scope = {**scope, "headers": [*scope["headers"], named]}
        await audited(self._guarded, what, self._audit, scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dagster has its one page for every path: not for programs, which would take it for an answer."""
        if scope["path"] == "/" or "text/html" in Headers(scope=scope).get("accept", ""):
            await self._guarded(scope, receive, send)
            return
        refused = False

        async def no_pages(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = MutableHeaders(scope=message).get("content-type", "").startswith("text/html")
                if refused:
                    await failure(404, "there is nothing here; /api/docs lists what there is")(scope, receive, send)
            if not refused:
                await send(message)

        await self._guarded(scope, receive, no_pages)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What Dagster cannot make anything of is the caller's fault: one line, not a traceback."""
        began = False
        held: list[Message] = []

        async def noted(message: Message) -> None:
            nonlocal began
            # Starlette answers 500 before it raises; GraphQL's own 500, with its errors, is an answer like others.
            if held or message.get("status") == SERVER_ERROR:
                held.append(message)
                return
            began = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except (ClientDisconnect, WebSocketDisconnect, SQLAlchemyError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: Dagster's checks raise all kinds
            said = f"{type(error).__name__}: {one_line(error)[:LONGEST_LINE]}"
            log.warning("Dagster could not answer %s %s: %s", scope.get("method", "WEBSOCKET"), shown_path(scope), said)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": UNREADABLE, "reason": "not understood"})
            elif not began:
                await failure(400, "Dagster could make nothing of this request")(scope, receive, send)
            return
        for message in held:
            await send(message)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != GRAPHQL:
            await failure(404, f"websockets are for {GRAPHQL}")(scope, receive, send)
            return
        if provenance(Headers(scope=scope), scope.get("scheme", "ws")) is Provenance.FOREIGN:
            await _foreign()(scope, receive, send)
            return

        async def readable() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                try:
                    read_message(message)
                except NoGraphql as error:
                    log.warning("a websocket of %s sent no GraphQL: %s", client_of(scope), one_line(error))
                    await send({"type": "websocket.close", "code": UNREADABLE, "reason": "not understood"})
                    return {"type": "websocket.disconnect", "code": UNREADABLE}
            return message

        await self._guarded(scope, readable, send)


def _refusal(scope: Scope) -> Response | None:
    headers = Headers(scope=scope)
    if provenance(headers, scope.get("scheme", "http")) is Provenance.FOREIGN:
        return _foreign()
    if scope["method"] != "POST":
        return failure(405, "GraphQL is asked by POST", {"Allow": "POST"})
    # The whole word, not its mere presence: `text/plain; application/json` needs no leave to cross sites.
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return failure(415, "GraphQL is asked in JSON: send `Content-Type: application/json`")
    return None


def _foreign() -> Response:
    return failure(403, "GraphQL is not for pages of other sites (a reverse proxy must pass the Host header on)")


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if it is too long. Raises ClientDisconnect."""
    body = b""
    while True:
        message: Mapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += bytes(message.get("body", b""))
        if len(body) > LONGEST_BODY:
            return None
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Give the body once more, and then what comes after it."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
