"""How a caller is known: by a secret or a session (`ratingo serve`), or by being on this machine (`ratingo dev`)."""

import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, quote

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from ratingo_pipelines.gateway.api.answers import failure, too_many, unauthorized
from ratingo_pipelines.gateway.auth.attempts import Attempts
from ratingo_pipelines.gateway.auth.audit import Why
from ratingo_pipelines.gateway.auth.principals import Principal, Role
from ratingo_pipelines.gateway.auth.secrets import Secrets
from ratingo_pipelines.gateway.auth.sessions import cookies

SECRET_PARAMETERS = frozenset({"token", "access_token", "secret", "cron_secret", "api_key", "password", "bearer"})
LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_IN_HEADER = "send the secret in the header `Authorization: Bearer $CRON_SECRET`"


@dataclass(frozen=True)
class Denial:
    """The answer to who is refused, and why, for the audit; None where nothing but the request's form is wrong."""

    answer: Response
    why: Why | None = None
    who: Principal | None = None


class Authenticator(Protocol):
    """Knows callers."""

    def refuse_form(self, scope: Scope, headers: Headers) -> Denial | None:
        """Refuse a request whoever sends it."""

    def authenticate(self, scope: Scope, headers: Headers) -> Principal | Denial:
        """Tell who asks."""

    def lives(self, principal: Principal) -> bool:
        """Whether the caller is still to be served, later in a long request."""


class BySecret:
    """`Authorization: Bearer` with a secret or a token; else a session's cookie, whatever else a proxy sends along."""

    def __init__(self, secrets: Secrets, attempts: Attempts) -> None:
        self._secrets = secrets
        self._attempts = attempts

    def refuse_form(self, scope: Scope, headers: Headers) -> Denial | None:
        """Refuse secrets in URLs."""
        query = scope.get("query_string", b"").decode("latin-1")
        pairs = parse_qsl(query, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
        if any(name.lower() in SECRET_PARAMETERS or self._secrets.admits(value) for name, value in pairs):
            return Denial(
                unauthorized(f"no secret may travel in a URL, which logs keep: {_IN_HEADER}"), Why.SECRET_IN_URL
            )
        return None

    def authenticate(self, scope: Scope, headers: Headers) -> Principal | Denial:
        """The bearer of a secret, or the person of a session."""
        given = headers.getlist("authorization")
        bearers = [token for scheme, token in map(_split, given) if scheme == "bearer"]
        caller = self._secrets.bearer(bearers[0].encode("latin-1")) if len(bearers) == len(given) == 1 else None
        caller = caller or self._secrets.session(cookies(headers, scope.get("scheme", "http")))
        if caller is not None:
            return caller
        return self._wrong(scope) if given else _unauthenticated(scope, headers)

    def lives(self, principal: Principal) -> bool:
        """Whether a session has not ended."""
        return self._secrets.lives(principal)

    def _wrong(self, scope: Scope) -> Denial:
        client = client_of(scope)
        wait = self._attempts.wait(client)
        if wait:
            return Denial(too_many(wait), Why.WRONG_CREDENTIALS)
        self._attempts.failed(client)
        return Denial(unauthorized(f"wrong secret: {_IN_HEADER}"), Why.WRONG_CREDENTIALS)


class ByLoopback:
    """Everybody on this machine, and no page that another host's name leads here (DNS rebinding)."""

    developer = Principal("developer", Role.ADMIN, ambient=True)

    def refuse_form(self, scope: Scope, headers: Headers) -> Denial | None:
        """Refuse other names than this machine's own."""
        if LOOPBACK.fullmatch(headers.get("host", "").lower()):
            return None
        return Denial(failure(403, "this is for this machine alone: ask http://127.0.0.1"), Why.WRONG_ORIGIN)

    def authenticate(self, scope: Scope, headers: Headers) -> Principal | Denial:
        """Whoever gets here."""
        return self.developer

    def lives(self, principal: Principal) -> bool:
        """For as long as it is asked."""
        return True


def client_of(scope: Scope) -> str:
    """The address a request came from."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _split(authorization: str) -> tuple[str, str]:
    scheme, _, token = authorization.partition(" ")
    return scheme.lower(), token.strip()


def _unauthenticated(scope: Scope, headers: Headers) -> Denial:
    """Browsers are shown the way in."""
    by_hand = scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")
    if not by_hand:
        return Denial(unauthorized(f"who are you? {_IN_HEADER}, or log in at /login"), Why.NO_CREDENTIALS)
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    login = RedirectResponse(f"/login?next={quote(wanted, safe='/')}", 303, {"Cache-Control": "no-store"})
    return Denial(login, Why.NO_CREDENTIALS)
