"""The composed application on a real port: Dagster's own webserver inside, an empty workspace behind it."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import sleep

import requests
from starlette.types import ASGIApp

from ratingo_pipelines.defs.trigger_auth import BearerCheck
from ratingo_pipelines.gateway.auth.secrets import SHORTEST_PASSWORD, Secrets
from ratingo_pipelines.gateway.auth.sessions import Logouts, Sessions
from ratingo_pipelines.gateway.auth.tokens import Tokens
from ratingo_pipelines.gateway.server import web_server

SECRET = "k3y-0123456789abcdef0123456789abcdef"
PREVIOUS = "0ld-0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"
BEARER = {"Authorization": f"Bearer {SECRET}"}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
STATUS = "/api/sync/trending/status"
PROCESS = "/api/sync/trending/process?wait=0"
"""A trigger that has nothing to do, and so starts no run."""


@dataclass(frozen=True)
class Served:
    """An application that answers at `url`."""

    url: str

    @property
    def host(self) -> str:
        """Host and port, as a browser names them."""
        return self.url.removeprefix("http://")

    def ask(self, path: str, method: str = "GET", **given: object) -> requests.Response:
        """Ask, and follow no redirect."""
        return requests.request(method, self.url + path, timeout=30, allow_redirects=False, **given)  # type: ignore[arg-type]

    def log_in(self, secret: str = SECRET, **given: object) -> requests.Response:
        """Send the login's form."""
        return self.ask("/login", "POST", data={"secret": secret}, **given)

    def cookie(self, secret: str = SECRET) -> dict[str, str]:
        """The header of somebody who has logged in."""
        return {"Cookie": self.log_in(secret).headers["set-cookie"].partition(";")[0]}

    def page(self, secret: str = SECRET) -> dict[str, str]:
        """The headers of a page of ours that somebody who has logged in has open."""
        return self.cookie(secret) | {"Origin": self.url}


def secrets(
    password: str | None = None,
    previous: str | None = None,
    tokens: Path | None = None,
    logouts: Path | None = None,
) -> Secrets:
    """What authenticates in these tests."""
    known = {"CRON_SECRET": SECRET, **({"CRON_SECRET_PREVIOUS": previous} if previous else {})}
    return Secrets(
        check=BearerCheck(known),
        password=BearerCheck({"UI_PASSWORD": password}, SHORTEST_PASSWORD) if password else None,
        sessions=Sessions([*known.values()], password, Logouts(logouts)),
        tokens=Tokens(tokens) if tokens else None,
    )


@contextmanager
def served(app: ASGIApp, trusted_proxies: Sequence[str] = ()) -> Iterator[Served]:
    """Serve an application with the settings of `ratingo serve`, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = web_server(app, trusted_proxies)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            sleep(0.01)
        try:
            yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()
