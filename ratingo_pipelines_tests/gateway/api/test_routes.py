"""Every route of the composed application, Dagster's own included, is walked without credentials."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ratingo_pipelines.gateway.auth.access import OPEN_PATHS
from ratingo_pipelines.gateway.auth.graphql_guard import GraphqlGuard
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, Served, served
from ratingo_pipelines_tests.guards import some

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def walk(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[type[BaseRoute], str]]:
    """All paths below some routes, with their parameters filled in."""
    for route in routes:
        if isinstance(route, Mount):
            inner = route.app.app if isinstance(route.app, GraphqlGuard) else route.app
            yield from walk(inner.routes if isinstance(inner, Starlette) else (), prefix + route.path)
            yield type(route), f"{prefix}{route.path}/anything"
        else:
            assert isinstance(route, Route | WebSocketRoute)
            yield type(route), prefix + re.sub(r"\{[^}]*\}", "anything", route.path)


@pytest.fixture
def application(new_application: Callable[..., Starlette]) -> Starlette:
    """The application whose routes are walked."""
    return new_application()


@pytest.fixture
def gateway(application: Starlette) -> Iterator[Served]:
    """The same, served."""
    with served(application) as running:
        yield running


def test_the_walk_finds_the_routes_of_dagster_and_of_the_gateway(application: Starlette) -> None:
    paths = {path for _, path in walk(application.routes)}

    assert {"/graphql", "/report_asset_materialization/anything", "/logs/anything", "/server_info"} <= paths
    assert {"/api/sync/trending", "/api/sync/movies/trending/process", "/api/docs", "/readyz"} <= paths
    assert (WebSocketRoute, "/graphql") in set(walk(application.routes))
    assert len(paths) > 40


def test_no_route_answers_without_credentials(application: Starlette, gateway: Served) -> None:
    answered = {
        (method, path): gateway.ask(path, method).status_code
        for _, path in some(walk(application.routes), 40)
        for method in METHODS
        if path not in OPEN_PATHS
    }

    assert {key: status for key, status in answered.items() if status != 401} == {}


def test_every_route_leads_a_browser_to_the_login(application: Starlette, gateway: Served) -> None:
    for _, path in some(walk(application.routes), 40):
        if path not in OPEN_PATHS:
            answer = gateway.ask(path, headers=BROWSER)
            assert (path, answer.status_code) == (path, 303)
            assert answer.headers["location"].startswith("/login?next=/")


def test_no_route_accepts_a_websocket_without_credentials(application: Starlette, gateway: Served) -> None:
    for _, path in some(walk(application.routes), 40):
        if path not in OPEN_PATHS:
            with pytest.raises(InvalidStatus) as refusal:
                connect(gateway.url.replace("http", "ws") + path, open_timeout=10)
            assert (path, refusal.value.response.status_code) == (path, 401)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "//graphql",
            "/graphql/",
            "/./graphql",
            "/healthz/../graphql",
            "/%67raphql",
            "/healthz/",
            "/login/",
            "/LOGIN",
        ),
        *("/graphql%0a", "/graphql%00", "/healthz%2f..%2fgraphql", "/healthz%0a", "/login%0d", "/%2e%2e/graphql"),
        *("/graphql%5c", "/graphql\\", "/healthz%2fx", "/%ffgraphql", "http://x/graphql", "*", "/healthz%c2%85"),
    ],
)
def test_no_spelling_of_a_path_leads_around_authentication(gateway: Served, path: str) -> None:
    with closing(HTTPConnection(gateway.host)) as connection:
        connection.request("POST", path, body='{"query": "{version}"}', headers={"Content-Type": "application/json"})

        assert connection.getresponse().status in {400, 401}


def test_the_open_paths_give_nothing_away(gateway: Served) -> None:
    for path in some(OPEN_PATHS, 3):
        for method in METHODS:
            answer = gateway.ask(path, method)
            assert answer.status_code in {200, 303, 401, 405}
            assert not any(word in answer.text.lower() for word in ("dagster", "sqlite", "traceback"))


def test_unknown_endpoints_are_not_found_in_json(gateway: Served) -> None:
    for path in ("/api", "/api/", "/api/nothing", "/api/sync", "/api/sync/trending/", "/api/sync/trending/nothing"):
        for method in ("GET", "POST", "DELETE"):
            answer = gateway.ask(path, method, headers=BEARER)
            assert (path, answer.status_code, answer.json()["success"]) == (path, 404, False)


@pytest.mark.parametrize(
    "path", ["/api/sync/trending", "/api/sync/calendar/prune", "/api/sync/movies/trending/process"]
)
@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS"])
def test_a_trigger_starts_for_get_and_post_only(gateway: Served, path: str, method: str) -> None:
    answer = gateway.ask(path, method, headers=BEARER)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("path", ["/api/sync/trending/status", "/api/sync/runs/x", "/readyz", "/healthz"])
def test_what_starts_nothing_is_asked_by_get(gateway: Served, path: str) -> None:
    assert gateway.ask(path, "POST", headers=BEARER).status_code == 405
