"""The pages that log people in and out. What a session may do is the authentication middleware's business."""

import asyncio
import logging
from collections.abc import Collection
from html import escape
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ratingo_pipelines.gateway.api.answers import CHALLENGE, failure
from ratingo_pipelines.gateway.auth.attempts import Attempts
from ratingo_pipelines.gateway.auth.audit import Audit, Change, Why
from ratingo_pipelines.gateway.auth.authenticators import client_of
from ratingo_pipelines.gateway.auth.origin import Provenance, provenance
from ratingo_pipelines.gateway.auth.paths import fault_of
from ratingo_pipelines.gateway.auth.principals import Principal, Role
from ratingo_pipelines.gateway.auth.secrets import Secrets
from ratingo_pipelines.gateway.auth.sessions import LIFETIME_SECONDS, cookie_name, cookies

LOGIN, LOGOUT = "/login", "/logout"
LONGEST_FORM = 8192
SLOW_SECONDS = 2.0
"""What the answer to a wrong password takes once there were ten of a client within a minute; the right one is answered
at once, or strangers behind the same proxy could lock people out."""
HOME, DESCRIPTION = "/", "/api/docs"
"""Where a person lands who wanted to go nowhere: the UI, or what else their role may see."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ratingo pipelines: {title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 1rem;
  background: #f6f7f9; color: #1b2330 }}
form {{ background: #fff; border: 1px solid #dde1e8; border-radius: 10px; padding: 2rem; max-width: 22rem }}
h1 {{ font-size: 1.25rem; margin: 0 0 1rem }}
input, button {{ font: inherit; width: 100%; box-sizing: border-box; padding: .55rem .7rem; border-radius: 6px }}
input {{ border: 1px solid #aab2bf; margin: .3rem 0 1rem }}
button {{ border: 0; background: #2b3a67; color: #fff; cursor: pointer; margin-top: .6rem }}
[role=alert] {{ color: #a3172a }}
</style>
</head>
<body>
<form method="post" action="{action}">
<h1>Ratingo pipelines</h1>
{content}
</form>
</body>
</html>
"""
_LOGIN = """{message}
<label for="secret">{label}</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}">
<button type="submit">Log in</button>"""
_LOGOUT = """<p>Logged in with {name}.</p>
<button type="submit" name="everywhere" value="no">Log out</button>
<button type="submit" name="everywhere" value="yes">Log everybody out, everywhere</button>"""

nap = asyncio.sleep
log = logging.getLogger("ratingo.gateway")


class Login:
    """`/login` takes a secret, a token or the UI's password for a cookie; `/logout` ends the session.

    `triggers` are the paths to which nobody is sent on after the login.
    """

    def __init__(self, secrets: Secrets, attempts: Attempts, audit: Audit, triggers: Collection[str] = ()) -> None:
        self._secrets = secrets
        self._attempts = attempts
        self._audit = audit
        self._triggers = frozenset(triggers)

    def routes(self) -> list[Route]:
        """Both pages."""
        return [
            Route(LOGIN, self.login, methods=["GET", "POST"]),
            Route(LOGOUT, self.logout, methods=["GET", "POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """Show the form, or take it."""
        if request.method != "POST":
            return self._form(local_path(request.query_params.get("next", ""), self._triggers))
        if provenance(request.headers, request.url.scheme) is Provenance.FOREIGN:
            self._audit.refused(Why.WRONG_ORIGIN, client_of(request.scope), "login")
            return failure(403, "another site's page may not log you in")
        form = await _form(request)
        wanted, given = local_path(form.get("next", ""), self._triggers), form.get("secret", "").strip()
        value = self._secrets.log_in(given)
        if value is not None:
            return self._welcome(request, value, wanted)
        client = client_of(request.scope)
        slow = self._attempts.wait(client) > 0
        self._attempts.failed(client)
        self._audit.refused(Why.WRONG_CREDENTIALS, client, "login")
        if slow:
            await nap(SLOW_SECONDS)
        return self._form(wanted, "That is not it.", 401, CHALLENGE)

    async def logout(self, request: Request) -> Response:
        """Ask whether to, or end the session, or everybody's, and forget the cookie."""
        caller = self._secrets.session(cookies(request.headers, request.url.scheme))
        if caller is None or caller.session is None:
            return RedirectResponse(LOGIN, 303, {"Cache-Control": "no-store"})
        if request.method != "POST":
            return _page("log out", LOGOUT, _LOGOUT.format(name=escape(caller.name)))
        if provenance(request.headers, request.url.scheme) is not Provenance.OURS:
            self._audit.refused(Why.WRONG_ORIGIN, client_of(request.scope), "logout", caller)
            return failure(403, "only a page of this site may log you out")
        everywhere = (await _form(request)).get("everywhere") == "yes"
        if everywhere and caller.role < Role.ADMIN:
            return failure(403, f"only the role {Role.ADMIN} may log everybody out")
        return self._farewell(request, caller, everywhere)

    def _welcome(self, request: Request, value: str, wanted: str) -> Response:
        session = self._secrets.session([value])
        role = session.role if session else Role.READ
        self._audit.changed(Change(session or "nobody", client_of(request.scope), "login", "logged in"))
        landing = wanted or (HOME if role >= Role.ADMIN else DESCRIPTION)
        response = RedirectResponse(landing, 303, {"Cache-Control": "no-store"})
        response.set_cookie(
            cookie_name(request.url.scheme),
            value,
            max_age=LIFETIME_SECONDS,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _farewell(self, request: Request, caller: Principal, everywhere: bool) -> Response:
        assert caller.session is not None  # noqa: S101 - asked for by the caller of this
        sessions, client = self._secrets.sessions, client_of(request.scope)
        what = "logout everywhere" if everywhere else "logout"
        try:
            if everywhere:
                sessions.revoke_all()
            else:
                sessions.revoke(caller.session)
        except OSError as error:
            log.warning("nobody can be logged out: %s", error)
            self._audit.changed(Change(caller, client, what, "not kept"))
            return failure(500, "the session is not ended: that cannot be written into the home; see the log")
        self._audit.changed(Change(caller, client, what, "logged out"))
        response = RedirectResponse(LOGIN, 303, {"Cache-Control": "no-store"})
        secure = request.url.scheme == "https"
        response.delete_cookie(cookie_name(request.url.scheme), secure=secure, httponly=True, samesite="strict")
        return response

    def _form(
        self, wanted: str, message: str = "", status: int = 200, headers: dict[str, str] | None = None
    ) -> HTMLResponse:
        content = _LOGIN.format(
            message=f'<p role="alert">{escape(message)}</p>' if message else "",
            label="Password, or CRON_SECRET" if self._secrets.password else "CRON_SECRET",
            next=escape(wanted, quote=True),
        )
        return _page("log in", LOGIN, content, status, headers)


def local_path(wanted: str, triggers: Collection[str] = ()) -> str:
    """A path of this site with its query; nothing for whatever a browser would read as another site's address, for what
    starts something, and for the pages of this module.
    """
    if not wanted.startswith("/") or wanted.startswith("//") or not wanted.isprintable():
        return ""
    try:
        split = urlsplit(wanted)
    except ValueError:
        return ""
    path = unquote(split.path)
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": split.path.encode()}
    if split.scheme or split.netloc or fault_of(scope) is not None:
        return ""
    leads_away = path.rstrip("/") in {LOGIN, LOGOUT, *triggers}
    return "" if leads_away else wanted


def _page(
    title: str, action: str, content: str, status: int = 200, headers: dict[str, str] | None = None
) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, action=action, content=content), status, _HEADERS | (headers or {}))


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; none of one that is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
