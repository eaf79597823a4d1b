"""The authentication middleware: who may pass. Pure ASGI around everything, so that it covers websockets as well.

How callers are known is `authenticators`', what each may do is `access`'; the pages that let people in and out are
`login`'s.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ratingo_pipelines.dagster_instance.attribution import LAUNCHED_BY_HEADER
from ratingo_pipelines.gateway.api.answers import failure
from ratingo_pipelines.gateway.auth.access import OPEN_PATHS, fault_of_ambient, role_needed
from ratingo_pipelines.gateway.auth.audit import Audit, Why
from ratingo_pipelines.gateway.auth.audited import audited
from ratingo_pipelines.gateway.auth.authenticators import Authenticator, Denial, client_of
from ratingo_pipelines.gateway.auth.paths import fault_of
from ratingo_pipelines.gateway.auth.principals import CALLER, Principal
from ratingo_pipelines.gateway.auth.sessions import SHAPE
from ratingo_pipelines.gateway.auth.tokens import TOKEN
from ratingo_pipelines.gateway.server import LONGEST_HEAD, admit, peer_of
from ratingo_pipelines.sources.scrub import MASK, one_line

SESSION_ENDED = 4401
FIRST_ERROR = 400
LONGEST_PATH = 200
MOST_WEBSOCKETS = 32
"""Of one session or token at once: a page of the UI has one."""
HSTS = f"max-age={365 * 24 * 60 * 60}"
TELLING = ("/api/sync/", "/login", "/logout")

_PROTECTION = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_POLICY = {"frame-ancestors": "'none'", "img-src": "'self' data: blob:", "form-action": "'self'"}
"""Added to what a page allows itself. Dagster's pages say nothing of these, and show what strangers wrote."""

log = logging.getLogger("ratingo.gateway")


class AuthMiddleware:
    """Lets those in whom an authenticator knows and whose role allows it, and logs every request without its query."""

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        audit: Audit,
        triggers: Collection[str] = (),
        trusted_proxies: Collection[str] = (),
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._audit = audit
        self._triggers = frozenset(triggers)
        self._websockets: Counter[str] = Counter()
        self._forwarded = _Forwarded(trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        # Nobody but the gateway says who launched a run.
        scope["headers"] = [each for each in scope["headers"] if each[0].lower() != LAUNCHED_BY_HEADER.encode()]
        logged = _Logged(scope, send)
        verdict = self._judge(scope)
        caller = verdict if isinstance(verdict, Principal) else None
        # Set for every request: a task of uvicorn's inherits the context of the request before on its connection.
        CALLER.set(caller)
        try:
            if isinstance(verdict, Denial):
                self._note(verdict, scope)
                await verdict.answer(scope, receive, logged.send)
            elif scope["type"] == "websocket" and caller is not None:
                with self._counted(caller):
                    await self._app(scope, receive, self._until_session_ends(caller, logged.send))
            elif caller is not None and scope["path"] in self._triggers:
                await audited(self._app, _described(scope), self._audit, scope, receive, logged.send)
            else:
                await self._app(scope, receive, logged.send)
        except ClientDisconnect:
            # It went away, or was closed, before all of its request was here. The line below says so.
            pass
        finally:
            logged.done()

    def _judge(self, scope: Scope) -> Principal | Denial | None:
        """Who asks, or why that is refused; None where nobody need be known."""
        headers = Headers(scope=scope)
        self._forwarded.look(scope, headers)
        if _head_length(scope) > LONGEST_HEAD:
            return Denial(failure(431, f"the head of a request may have {LONGEST_HEAD} bytes"))
        fault = fault_of(scope)
        if fault is not None:
            return Denial(failure(400, fault))
        refusal = self._authenticator.refuse_form(scope, headers)
        if refusal is not None or scope["path"] in OPEN_PATHS:
            return refusal
        caller = self._authenticator.authenticate(scope, headers)
        if isinstance(caller, Denial):
            return caller
        refusal = self._forbid(scope, headers, caller)
        if refusal is None:
            admit(scope)
        return refusal or caller

    def _forbid(self, scope: Scope, headers: Headers, caller: Principal) -> Denial | None:
        """Why somebody who is known may not do this."""
        needed = role_needed(scope, self._triggers)
        if caller.role < needed:
            message = f"this needs the role {needed}, and {caller.name} has {caller.role}"
            return Denial(failure(403, message), Why.ROLE, caller)
        fault = fault_of_ambient(scope, headers, caller, needed) if caller.ambient else None
        if fault is not None:
            status, message = fault
            allow = {"Allow": "POST"} if status == 405 else None
            return Denial(failure(status, message, allow), Why.METHOD if allow else Why.WRONG_ORIGIN, caller)
        if scope["type"] == "websocket" and self._websockets[str(caller)] >= MOST_WEBSOCKETS:
            return Denial(failure(429, f"{MOST_WEBSOCKETS} websockets at once are enough"), Why.TOO_MANY, caller)
        return None

    def _note(self, refusal: Denial, scope: Scope) -> None:
        if refusal.why is not None:
            self._audit.refused(refusal.why, client_of(scope), _described(scope), refusal.who)

    @contextmanager
    def _counted(self, caller: Principal) -> Iterator[None]:
        """Count a websocket while it is open."""
        self._websockets[str(caller)] += 1
        try:
            yield
        finally:
            self._websockets[str(caller)] -= 1
            self._websockets += Counter()  # Forget those that have none.

    def _until_session_ends(self, caller: Principal, send: Send) -> Send:
        closed = False

        async def send_or_close(message: Message) -> None:
            nonlocal closed
            if closed:
                return
            if not self._authenticator.lives(caller):
                closed = True
                message = {"type": "websocket.close", "code": SESSION_ENDED, "reason": "the session has ended"}
            await send(message)

        return send_or_close


class _Forwarded:
    """Says once where a reverse proxy's headers come from somebody whom no setting declares a proxy."""

    def __init__(self, trusted: Collection[str]) -> None:
        self._trusted = [ip_network(each) for each in trusted]
        self._said = False

    def look(self, scope: Scope, headers: Headers) -> None:
        """Look at one request."""
        if self._said or not any(name in headers for name in ("x-forwarded-for", "x-forwarded-proto", "forwarded")):
            return
        peer = peer_of(scope)
        if peer is not None and not self._trusts(peer):
            self._said = True
            log.warning(
                "%s sends X-Forwarded-* headers, which are not believed: if it is your reverse proxy, name it in "
                "TRUSTED_PROXIES (this is said once)",
                one_line(peer),
            )

    def _trusts(self, peer: str) -> bool:
        try:
            return any(ip_address(peer) in network for network in self._trusted)
        except ValueError:
            return False


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
            _protect(MutableHeaders(scope=message), self._scope.get("scheme", "http"))
        elif message["type"] == "websocket.accept":
            self._status = 101
        await self._send(message)

    def done(self) -> None:
        """One line, with neither query nor credentials."""
        # A page of the UI asks for something every second.
        telling = self._scope["path"].startswith(TELLING) or self._status >= FIRST_ERROR
        log.log(
            logging.INFO if telling else logging.DEBUG,
            "%s %s -> %s in %.0f ms",
            client_of(self._scope),
            _described(self._scope),
            self._status or "gone",
            (monotonic() - self._began) * 1000,
        )


def shown_path(scope: Scope) -> str:
    """A request's path as logs show it: without query, secrets and what is not seen, and not too long."""
    return one_line(SHAPE.sub(MASK, TOKEN.sub(MASK, scope["path"])))[:LONGEST_PATH]


def _described(scope: Scope) -> str:
    return f"{scope.get('method', 'WEBSOCKET')} {shown_path(scope)}"


def _head_length(scope: Scope) -> int:
    """Bytes of a request's line and headers. h11 bounds the heads that do not end, not those that come all at once."""
    separators = 4
    line = len(scope.get("raw_path", b"")) + len(scope.get("query_string", b""))
    return line + sum(len(name) + len(value) + separators for name, value in scope["headers"])


def _protect(headers: MutableHeaders, scheme: str) -> None:
    for name, value in _PROTECTION.items():
        headers[name] = value
    if scheme in ("https", "wss"):
        headers["Strict-Transport-Security"] = HSTS
    policy = headers.get("content-security-policy")
    if policy is not None:
        headers["Content-Security-Policy"] = _with_policy(policy, _POLICY)


def _with_policy(policy: str, more: Mapping[str, str]) -> str:
    """A policy with directives added that it does not have."""
    given = [directive.strip() for directive in policy.split(";") if directive.strip()]
    names = {directive.split()[0].lower() for directive in given}
    return "; ".join([*given, *(f"{name} {value}" for name, value in more.items() if name not in names)])
