"""The pages that log people in and out. What a session may do is the authentication middleware's business."""

from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ratingo_pipelines.gateway.api.answers import CHALLENGE, failure
from ratingo_pipelines.gateway.auth.attempts import Attempts
from ratingo_pipelines.gateway.auth.middleware import client_of, cookie_of
from ratingo_pipelines.gateway.auth.origin import is_foreign
from ratingo_pipelines.gateway.auth.secrets import Secrets
from ratingo_pipelines.gateway.auth.sessions import COOKIE, LIFETIME_SECONDS

LONGEST_FORM = 8192

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
<title>Ratingo pipelines: log in</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 1rem;
  background: #f6f7f9; color: #1b2330 }}
form {{ background: #fff; border: 1px solid #dde1e8; border-radius: 10px; padding: 2rem; max-width: 22rem }}
h1 {{ font-size: 1.25rem; margin: 0 0 1rem }}
input, button {{ font: inherit; width: 100%; box-sizing: border-box; padding: .55rem .7rem; border-radius: 6px }}
input {{ border: 1px solid #aab2bf; margin: .3rem 0 1rem }}
button {{ border: 0; background: #2b3a67; color: #fff; cursor: pointer }}
[role=alert] {{ color: #a3172a }}
</style>
</head>
<body>
<form method="post" action="/login">
<h1>Ratingo pipelines</h1>
{message}
<label for="secret">{label}</label>
<input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}">
<button type="submit">Log in</button>
</form>
</body>
</html>
"""


class Login:
    """`/login` takes the secret or the UI's password for a cookie; `/logout` takes the cookie back."""

    def __init__(self, secrets: Secrets, attempts: Attempts) -> None:
        self._check = secrets.check
        self._password = secrets.password
        self._sessions = secrets.sessions
        self._attempts = attempts

    def routes(self) -> list[Route]:
        """Both pages."""
        return [
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/logout", self.logout, methods=["GET", "POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """Show the form, or take it."""
        if request.method != "POST":
            return self._page(local_path(request.query_params.get("next", "/")))
        if is_foreign(request.headers):
            return failure(403, "another site's page may not log you in")
        form = dict(parse_qsl((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True))
        wanted, given = local_path(form.get("next", "/")), form.get("secret", "").strip()
        client = client_of(request.scope)
        wait = self._attempts.wait(client)
        # The secret is too long to be guessed and is never locked out; a password may be short.
        if self._check.admits(given) or (not wait and self._password and self._password.admits(given)):
            return self._welcome(request, wanted)
        if wait:
            message = f"Too many wrong attempts; try again in {wait} s."
            return self._page(wanted, message, 429, {"Retry-After": str(wait)})
        self._attempts.failed(client)
        return self._page(wanted, "That is not it.", 401, CHALLENGE)

    async def logout(self, request: Request) -> Response:
        """End the session and forget the cookie."""
        value = cookie_of(request.headers)
        session = self._sessions.read(value) if value else None
        if session is not None and not is_foreign(request.headers):
            self._sessions.revoke(session)
        response = RedirectResponse("/login", 303, {"Cache-Control": "no-store"})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    def _welcome(self, request: Request, wanted: str) -> Response:
        response = RedirectResponse(wanted, 303, {"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            self._sessions.issue(),
            max_age=LIFETIME_SECONDS,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _page(
        self, wanted: str, message: str = "", status: int = 200, headers: dict[str, str] | None = None
    ) -> HTMLResponse:
        page = _PAGE.format(
            message=f'<p role="alert">{escape(message)}</p>' if message else "",
            label="Password, or CRON_SECRET" if self._password else "CRON_SECRET",
            next=escape(wanted, quote=True),
        )
        return HTMLResponse(page, status, _HEADERS | (headers or {}))


def local_path(wanted: str) -> str:
    """A path of this site; anything that a browser would read as another site's address becomes `/`."""
    harmless = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if harmless and not wanted.startswith(("/login", "/logout")) else "/"


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return b""
    return body
