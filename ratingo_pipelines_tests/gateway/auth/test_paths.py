"""Which paths are refused whoever asks, where a request comes from, and which role it needs."""

from typing import Any
from urllib.parse import unquote

import pytest
from starlette.datastructures import Headers

from ratingo_pipelines.gateway.auth.access import role_needed
from ratingo_pipelines.gateway.auth.origin import Provenance, provenance
from ratingo_pipelines.gateway.auth.paths import fault_of
from ratingo_pipelines.gateway.auth.principals import Role

HOST = "ratingo.example:3000"


def scope(raw: str, method: str = "GET") -> dict[str, Any]:
    """A request as uvicorn hands it over."""
    return {"type": "http", "method": method, "path": unquote(raw), "raw_path": raw.encode()}


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("/graphql%0a", "control"),
        ("/graphql%0A%0d", "control"),
        ("/graphql%00", "control"),
        ("/%7fgraphql", "control"),
        ("/graphql%C2%85", "control"),
        ("/api%2fsync/trending", "encoded slashes"),
        ("/api/sync%2Ftrending", "encoded slashes"),
        ("/graphql%2f", "encoded slashes"),
        ("/login%5c", "encoded slashes"),
        ("/metrics%2fx", "encoded slashes"),
        ("/%67raphql%2f", "encoded slashes"),
        ("/x\\y", "encoded slashes"),
        ("/./graphql", "dots"),
        ("/a/../graphql", "dots"),
        ("/a/%2e%2e/graphql", "dots"),
        ("/a/%2E./graphql", "dots"),
        ("/runs%2f..%2fgraphql", "dots"),
        ("/runs%5c..%5cgraphql", "dots"),
        ("/..", "dots"),
        ("/%ff", "UTF-8"),
        ("/%c0%af", "UTF-8"),
        ("//evil.example/graphql", "single slash"),
        ("http://evil.example/graphql", "single slash"),
        ("*", "single slash"),
        ("", "single slash"),
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(raw: str, fault: str) -> None:
    assert fault in (fault_of(scope(raw)) or "")


@pytest.mark.parametrize(
    "raw",
    [
        "/",
        "/graphql",
        "/api/sync/%74rending",
        "/assets/shows/details",
        "/runs/b/abc?tab=runs",
        "/asset-groups~key%3A%22shows%2Fdetails%22",
        "/locations/ratingo_pipelines@x/asset-groups/shows/lineage/shows/details",
        "/assets/%D1%81%D0%B5%D1%80%D1%96%D0%B0%D0%BB%D0%B8",
        "/a/.../b",
        "/_next/static/chunks/pages/%5B%5B...page%5D%5D.js",
        "/%252f",
    ],
)
def test_a_path_that_says_the_same_to_everybody_is_none_to_refuse(raw: str) -> None:
    assert fault_of(scope(raw.partition("?")[0])) is None


def test_an_encoded_slash_is_for_looking_at_pages_alone() -> None:
    assert fault_of(scope("/assets/a%2Fb")) is None
    assert fault_of(scope("/assets/a%2Fb", "POST")) is not None
    assert fault_of(scope("/assets/a%2Fb") | {"type": "websocket"}) is not None


OURS, FOREIGN, UNKNOWN = Provenance.OURS, Provenance.FOREIGN, Provenance.UNKNOWN


@pytest.mark.parametrize(
    ("given", "scheme", "expected"),
    [
        ({}, "http", UNKNOWN),
        ({"Sec-Fetch-Site": "none"}, "http", UNKNOWN),
        ({"Sec-Fetch-Site": "same-origin"}, "https", OURS),
        ({"Sec-Fetch-Site": "same-site"}, "https", FOREIGN),
        ({"Sec-Fetch-Site": "cross-site"}, "https", FOREIGN),
        ({"Sec-Fetch-Site": "anything new"}, "https", FOREIGN),
        ({"Origin": "http://ratingo.example:3000"}, "http", OURS),
        ({"Origin": "HTTP://RATINGO.example:3000"}, "http", OURS),
        ({"Origin": "https://ratingo.example:3000"}, "http", OURS),
        ({"Origin": "https://ratingo.example:3000"}, "https", OURS),
        ({"Origin": "http://ratingo.example:3000"}, "https", FOREIGN),
        ({"Origin": "http://ratingo.example:3000"}, "wss", FOREIGN),
        ({"Origin": "http://ratingo.example"}, "http", FOREIGN),
        ({"Origin": "http://ratingo.example:3001"}, "http", FOREIGN),
        ({"Origin": "http://ratingo.example:30001"}, "http", FOREIGN),
        ({"Origin": "http://evil.example"}, "http", FOREIGN),
        ({"Origin": "null"}, "http", FOREIGN),
        ({"Origin": ""}, "http", FOREIGN),
        ({"Origin": "http://"}, "http", FOREIGN),
        ({"Origin": "ratingo.example:3000"}, "http", FOREIGN),
        ({"Origin": "http://ratingo.example:3000", "Sec-Fetch-Site": "cross-site"}, "http", FOREIGN),
    ],
)
def test_where_a_request_comes_from(given: dict[str, str], scheme: str, expected: Provenance) -> None:
    assert provenance(Headers({"Host": HOST} | given), scheme) is expected


def test_the_port_of_the_scheme_need_not_be_named() -> None:
    assert provenance(Headers({"Host": "x:443", "Origin": "https://x"}), "https") is OURS
    assert provenance(Headers({"Host": "x", "Origin": "http://x:80"}), "http") is OURS
    assert provenance(Headers({"Host": "x:80", "Origin": "https://x"}), "https") is FOREIGN


def test_two_origins_or_no_host_are_nobody_s() -> None:
    twice = Headers(raw=[(b"host", b"x"), (b"origin", b"http://x"), (b"origin", b"http://x")])

    assert provenance(twice, "http") is FOREIGN
    assert provenance(Headers({"Origin": "http://x"}), "http") is FOREIGN


def test_whatever_is_not_named_is_for_admins() -> None:
    for path in (
        "/",
        "/apis",
        "/graphql/",
        "/graphqlx",
        "/status/x",
        "/metrics/",
        "/logs/x",
        "/server_info",
        "/readyz/",
    ):
        assert (path, role_needed(scope(path), ())) == (path, Role.ADMIN)
    assert role_needed(scope("/api/new"), ()) is Role.READ
    assert role_needed(scope("/api/new", "PATCH"), ()) is Role.TRIGGER
    assert role_needed(scope("/api/new"), {"/api/new"}) is Role.TRIGGER
