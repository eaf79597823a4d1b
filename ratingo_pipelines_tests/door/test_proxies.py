"""The reverse proxies of docs/deploy.md, as they stand there, before an installation: nginx and Caddy of Debian."""

import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, PASSWORD
from ratingo_pipelines_tests.gateway.whole import Whole
from ratingo_pipelines_tests.installation import free_port, until

DOCUMENT = Path(__file__).parents[2] / "docs" / "deploy.md"
NAME = "ratingo.example"
PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LANGUAGES = {"nginx": "nginx", "caddy": "caddyfile"}


@dataclass(frozen=True)
class Proxy:
    """A proxy that answers at `url` by a certificate of its own making."""

    url: str
    certificate: Path

    def ask(self, path: str, method: str = "GET", **given: Any) -> requests.Response:
        """Ask over https, and follow no redirect."""
        return requests.request(
            method, self.url + path, verify=str(self.certificate), allow_redirects=False, timeout=60, **given
        )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    names = ["-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    files = ["-keyout", "ratingo.key", "-out", "ratingo.pem"]
    subprocess.run([*made, *names, *files], cwd=folder, check=True, capture_output=True)
    return folder / "ratingo.pem", folder / "ratingo.key"


@pytest.fixture(scope="module", params=sorted(LANGUAGES))
def proxy(
    request: pytest.FixtureRequest,
    door: Whole,
    certificate: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:
    """One of the two, before the installation. Fails, rather than skips, where there is none."""
    if shutil.which(request.param, path=PATH) is None:
        pytest.fail(f"{request.param} not found: on Debian, `apt-get install {request.param}`")
    folder: Path = tmp_path_factory.mktemp(request.param)
    port = free_port()
    found = re.search(rf"^```{LANGUAGES[request.param]}\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    written = configuration(request.param, found[1], door, certificate, folder, port)
    (folder / "configuration").write_text(written)
    command = {
        "nginx": ["nginx", "-p", str(folder), "-c", "configuration"],
        "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "configuration"],
    }[request.param]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={"HOME": str(folder), "PATH": PATH})
    try:
        url = f"https://127.0.0.1:{port}"
        until(lambda: listens(port), 20, f"{request.param} listens: {(folder / 'log').read_text()}")
        yield Proxy(url, certificate[0])
    finally:
        process.terminate()
        process.wait(20)


def configuration(kind: str, text: str, door: Whole, certificate: tuple[Path, Path], folder: Path, port: int) -> str:
    """The document's text with the names, ports and files of this test."""
    changes = {
        "127.0.0.1:3000": door.host,
        "/etc/ssl/ratingo.pem": str(certificate[0]),
        "/etc/ssl/ratingo.key": str(certificate[1]),
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    if kind == "caddy":
        head = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\thttps_port {port}\n\tdefault_sni {NAME}\n}}\n"
        return head + text.replace(f"{NAME} {{", f"https://{NAME}:{port}, https://127.0.0.1:{port} {{")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace(
        "listen 80;", f"listen 127.0.0.1:{free_port()};"
    )
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{text}\n}}\n"
    )


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_person_logs_in_over_https(proxy: Proxy) -> None:
    wanted = proxy.ask("/runs", headers=BROWSER)
    assert (wanted.status_code, wanted.headers["location"]) == (303, "/login?next=/runs")

    entered = proxy.ask("/login", "POST", data={"secret": PASSWORD}, headers={"Origin": proxy.url})
    set_cookie = entered.headers["set-cookie"]
    assert set_cookie.startswith("__Host-ratingo_session=")
    assert "secure" in set_cookie.lower()
    assert "max-age" in entered.headers["strict-transport-security"]

    cookie = {"Cookie": set_cookie.partition(";")[0]}
    assert proxy.ask("/runs", headers=cookie | BROWSER).status_code == 200
    assert proxy.ask("/graphql", "POST", json={"query": "{ version }"}, headers=cookie | {"Origin": proxy.url}).ok
    foreign = proxy.ask("/api/sync/calendar/prune?wait=0", "POST", headers=cookie | {"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    # An answer of a proxy that asks for a password of its own is no obstacle.
    assert proxy.ask("/runs", headers=cookie | BROWSER | {"Authorization": "Basic dTpw"}).status_code == 200


def test_a_websocket_is_passed_on(proxy: Proxy) -> None:
    trusting = ssl.create_default_context(cafile=str(proxy.certificate))
    with connect(
        proxy.url.replace("https", "wss") + "/graphql",
        ssl=trusting,
        additional_headers=BEARER,
        subprotocols=[Subprotocol("graphql-ws")],
    ) as websocket:
        websocket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(websocket.recv(timeout=20)) == {"type": "connection_ack"}


def test_a_trigger_may_wait_longer_than_what_is_quick(proxy: Proxy, door_sandbox: RunningSandbox) -> None:
    door_sandbox.faults({"kind": "latency", "ms": 16_000, "api": "trakt", "times": 1})
    try:
        answer = proxy.ask("/api/sync/trending?wait=45", headers=BEARER)
    finally:
        door_sandbox.faults()

    assert answer.status_code in {200, 202}
    assert answer.elapsed.total_seconds() > 15
    assert answer.json()["success"] is True


def test_who_asks_is_known_by_the_address_that_the_proxy_saw(proxy: Proxy, door: Whole) -> None:
    proxy.ask("/api/sync/trending/status", headers={"X-Forwarded-For": "203.0.113.77"})

    # What the caller claims of itself is not believed.
    assert "203.0.113.77" not in door.log
    assert "TRUSTED_PROXIES" not in door.log


@pytest.mark.parametrize("path", ["/graphql%0a", "/api%2fsync/trending", "/healthz%2f..%2fgraphql", "/%2e%2e/graphql"])
def test_odd_paths_are_refused_behind_a_proxy_too(proxy: Proxy, path: str) -> None:
    address = requests.Request("POST", proxy.url, headers=BEARER, json={"query": "{ version }"}).prepare()
    address.url = proxy.url + path
    with requests.Session() as session:
        answer = session.send(address, verify=str(proxy.certificate), allow_redirects=False, timeout=30)

    assert 300 <= answer.status_code < 500
    assert "data" not in answer.text


def test_what_is_too_large_is_refused(proxy: Proxy) -> None:
    assert proxy.ask("/healthz", headers={"X": "x" * 70_000}).status_code in {400, 413, 431, 494, 502}
    body = b" " * (11 << 20)
    headers = BEARER | {"Content-Type": "application/json"}
    assert proxy.ask("/graphql", "POST", data=body, headers=headers).status_code in {413, 502}
