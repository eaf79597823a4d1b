"""The authentication middleware: who may pass. Pure ASGI around everything, so that it covers websockets as well.

A bearer secret opens everything, a session's cookie opens everything to pages of this very site. The pages that
let people in and out are `login`'s.
"""

import logging
from collections.abc import Mapping
from time import monotonic
from urllib.parse import parse_qsl, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ratingo_pipelines.defs.trigger_auth import BearerCheck
from ratingo_pipelines.gateway.api.answers import failure, too_many, unauthorized
from ratingo_pipelines.gateway.auth.attempts import Attempts
from ratingo_pipelines.gateway.auth.origin import is_foreign
from ratingo_pipelines.gateway.auth.secrets import Secrets
from ratingo_pipelines.gateway.auth.sessions import COOKIE, LoginSession
from ratingo_pipelines.gateway.server import LONGEST_HEAD, admit
from ratingo_pipelines.sources.scrub import one_line

OPEN_PATHS = frozenset({"/healthz", "/login", "/logout"})
"""What answers without credentials, and gives nothing away."""
TRIGGERS = "/api/sync/"
SAFE_METHODS = ("GET", "HEAD")
SECRET_PARAMETERS = frozenset({"token", "access_token", "secret", "cron_secret", "api_key", "password", "bearer"})
SESSION_ENDED = 4401
FIRST_ERROR = 400
LONGEST_PATH = 200

_IN_HEADER = "send the secret in the header `Authorization: Bearer $CRON_SECRET`"
_PROTECTION = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

log = logging.getLogger("ratingo.gateway")


class AuthMiddleware:
    """Lets those in who have the secret or a session, and logs every request without its query."""

    def __init__(self, app: ASGIApp, secrets: Secrets, attempts: Attempts) -> None:
        self._app = app
        self._check = secrets.check
        self._sessions = secrets.sessions
        self._attempts = attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        logged = _Logged(scope, send)
        refusal, session = self._authenticate(scope)
        answer, send = refusal or self._app, logged.send
        if refusal is None and scope["path"] not in OPEN_PATHS:
            admit(scope)
        if session is not None and scope["type"] == "websocket":
            send = self._until_session_ends(session, send)
        try:
            await answer(scope, receive, send)
        except ClientDisconnect:
            # It went away, or was closed, before all of its request was here. The line below says so.
            pass
        finally:
            logged.done()

    def _authenticate(self, scope: Scope) -> tuple[Response | None, LoginSession | None]:
        """The refusal, or the session if that is what lets in."""
        headers = Headers(scope=scope)
        if _head_length(scope) > LONGEST_HEAD:
            return failure(431, f"the head of a request may have {LONGEST_HEAD} bytes"), None
        if _carries_secret(scope, self._check):
            return unauthorized(f"no secret may travel in a URL, which logs keep: {_IN_HEADER}"), None
        if scope["path"] in OPEN_PATHS:
            return None, None
        given = headers.getlist("authorization")
        if given:
            return None if self._admits(given) else self._wrong(scope), None
        session = self._session(headers)
        if session is None:
            return _unauthenticated(scope, headers), None
        if _changes_something(scope) and is_foreign(headers):
            return failure(403, "a page of another site may not use this session"), None
        return None, session

    def _admits(self, given: list[str]) -> bool:
        scheme, _, token = given[0].partition(" ")
        right = self._check.admits(token.strip().encode("latin-1"))
        return right and scheme.lower() == "bearer" and len(given) == 1

    def _wrong(self, scope: Scope) -> Response:
        client = client_of(scope)
        wait = self._attempts.wait(client)
        if wait:
            return too_many(wait)
        self._attempts.failed(client)
        return unauthorized(f"wrong secret: {_IN_HEADER}")

    def _session(self, headers: Headers) -> LoginSession | None:
        value = cookie_of(headers)
        return self._sessions.read(value) if value else None

    def _until_session_ends(self, session: LoginSession, send: Send) -> Send:
        closed = False

        async def send_or_close(message: Message) -> None:
            nonlocal closed
            if closed:
                return
            if not self._sessions.lives(session):
                closed = True
                message = {"type": "websocket.close", "code": SESSION_ENDED, "reason": "the session has ended"}
            await send(message)

        return send_or_close


class _Logged:
    """Watches an answer: adds the headers that protect it, and logs it when it is over."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = monotonic()
        self._status = 0

    async def send(self, message: Message) -> None:
        """Pass on."""
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self._status = message["status"]
            _protect(MutableHeaders(scope=message), _PROTECTION)
        elif message["type"] == "websocket.accept":
            self._status = 101
        await self._send(message)

    def done(self) -> None:
        """One line, with neither query nor credentials."""
        path = self._scope["path"]
        # A page of the UI asks for something every second.
        telling = path.startswith((TRIGGERS, "/login", "/logout")) or self._status >= FIRST_ERROR
        log.log(
            logging.INFO if telling else logging.DEBUG,
            "%s %s %s -> %s in %.0f ms",
            client_of(self._scope),
            self._scope.get("method", "WEBSOCKET"),
            one_line(path)[:LONGEST_PATH],
            self._status or "gone",
            (monotonic() - self._began) * 1000,
        )


def client_of(scope: Scope) -> str:
    """The address a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def cookie_of(headers: Headers) -> str | None:
    """The value of the session's cookie, if there is one."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE)


def _head_length(scope: Scope) -> int:
    """Bytes of a request's line and headers. h11 bounds the heads that do not end, not those that come all at once."""
    separators = 4
    line = len(scope.get("raw_path", b"")) + len(scope.get("query_string", b""))
    return line + sum(len(name) + len(value) + separators for name, value in scope["headers"])


def _protect(headers: MutableHeaders, protection: Mapping[str, str]) -> None:
    for name, value in protection.items():
        headers.setdefault(name, value)


def _carries_secret(scope: Scope, check: BearerCheck) -> bool:
    query = scope.get("query_string", b"").decode("latin-1")
    pairs = parse_qsl(query, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
    return any(name.lower() in SECRET_PARAMETERS or check.admits(value) for name, value in pairs)


def _changes_something(scope: Scope) -> bool:
    """What a cookie must not be good for when another site's page asks. The triggers change something by GET."""
    safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
    return not safe or scope["path"].startswith(TRIGGERS) or scope["path"] == "/graphql"


def _unauthenticated(scope: Scope, headers: Headers) -> Response:
    """Browsers are shown the way in."""
    by_hand = scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")
    if not by_hand:
        return unauthorized(f"who are you? {_IN_HEADER}, or log in at /login")
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", 303, {"Cache-Control": "no-store"})
