"""The composed application on a real port: Dagster's own webserver inside, an empty workspace behind it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from time import sleep

import requests
from starlette.types import ASGIApp

from ratingo_pipelines.defs.trigger_auth import BearerCheck
from ratingo_pipelines.gateway.auth.secrets import SHORTEST_PASSWORD, Secrets
from ratingo_pipelines.gateway.auth.sessions import Sessions
from ratingo_pipelines.gateway.server import web_server

SECRET = "k3y-0123456789abcdef0123456789abcdef"
PREVIOUS = "0ld-0123456789abcdef0123456789abcdef"
PASSWORD = "correct horse battery"
BEARER = {"Authorization": f"Bearer {SECRET}"}
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


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

    def cookie(self) -> dict[str, str]:
        """The header of somebody who has logged in."""
        return {"Cookie": self.log_in().headers["set-cookie"].partition(";")[0]}


def secrets(password: str | None = None, previous: str | None = None) -> Secrets:
    """What authenticates in these tests."""
    known = [SECRET, *([previous] if previous else [])]
    check = BearerCheck([password], SHORTEST_PASSWORD) if password else None
    return Secrets(BearerCheck(known), check, Sessions(known, password))


@contextmanager
def served(app: ASGIApp) -> Iterator[Served]:
    """Serve an application with the settings of `ratingo serve`, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = web_server(app)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            sleep(0.01)
        try:
            yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()
