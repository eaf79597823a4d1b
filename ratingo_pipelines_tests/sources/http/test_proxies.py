"""On the way through proxies of every kind that requests knows: keys, deadlines and messages as without."""

import shutil
from pathlib import Path
from socketserver import StreamRequestHandler
from typing import Any

import pytest
from pydantic import SecretStr

from ratingo_pipelines.sources.errors import SourceUnavailable
from ratingo_pipelines_tests.sources.apis import api_of
from ratingo_pipelines_tests.sources.http.misbehaving import drips, misbehaving_server, sends
from ratingo_pipelines_tests.sources.http.proxies import (
    PASSWORD,
    USER,
    HttpProxy,
    Socks5Proxy,
    misbehaving_server_behind_tls,
    running_proxy,
)

SECRETS: dict[str, Any] = {"secret_headers": {"trakt-api-key": SecretStr("header-canary")}}
KINDS: dict[str, type[StreamRequestHandler]] = {"http": HttpProxy, "socks5": Socks5Proxy, "socks5h": Socks5Proxy}
LOGIN = f"{USER.decode()}:{PASSWORD.decode()}"


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("kind", KINDS)
def test_requests_pass_a_proxy(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        misbehaving_server(a=[sends("fine"), sends({}, 503), sends("again")]) as server,
        running_proxy(KINDS[kind]) as proxy,
    ):
        monkeypatch.setenv("all_proxy" if kind != "http" else "http_proxy", f"{kind}://{LOGIN}@127.0.0.1:{proxy.port}")
        with api_of(server.url.replace("127.0.0.1", "localhost"), **SECRETS) as api:
            assert [api.get("/a", {"q": 1}).payload for _ in range(2)] == ["fine", "again"]
            assert api.requests == server.count() == 3
    assert {arrival.headers["trakt-api-key"] for arrival in server.arrivals} == {"header-canary"}
    host = "127.0.0.1" if kind == "socks5" else "localhost"
    assert set(proxy.targets) == {f"{host}:{server.port}"}, "socks5 has the name looked up here, socks5h there"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_encrypted_passes_a_proxy_unread_and_within_its_deadline(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with misbehaving_server_behind_tls(tmp_path) as (server, port, trusted), running_proxy(KINDS[kind]) as proxy:
        server.answers = {"/a": [sends("fine"), drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), sends("on")]}
        monkeypatch.setenv("https_proxy", f"{kind}://{LOGIN}@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        with api_of(f"https://localhost:{port}", timeout_seconds=1, **SECRETS) as api:
            assert [api.get("/a").payload for _ in range(2)] == ["fine", "on"]
            assert api.retries == 1
    assert proxy.targets
    assert b"canary" not in proxy.heard


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_drips_through_a_proxy_cannot_hold_a_thread(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        misbehaving_server(a=[drips(b"HTTP/1.1 200 OK\r\nX-Slow: "), sends(1)]) as server,
        running_proxy(KINDS[kind]) as proxy,
    ):
        monkeypatch.setenv("http_proxy", f"{kind}://{LOGIN}@127.0.0.1:{proxy.port}")
        with api_of(server.url, timeout_seconds=0.3) as api:
            assert api.get("/a").payload == 1
            assert api.retries >= 1


@pytest.mark.parametrize("kind", ["http", "https", "socks4", "socks5", "socks5h", "socks6", "gopher"])
def test_a_proxy_that_is_not_there_is_said_without_its_password(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"{kind}://{LOGIN}@127.0.0.1:1")
    with api_of("http://127.0.0.1:1") as api, pytest.raises(SourceUnavailable) as caught:
        api.get("/a")
    assert PASSWORD.decode() not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hosts_that_need_no_proxy_are_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with misbehaving_server() as server, api_of(server.url) as api:
        assert api.get("/a").payload
