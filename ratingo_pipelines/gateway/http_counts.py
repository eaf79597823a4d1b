"""How many requests the gateway answered, by route and status: counted here, told by `api.metrics`.

Since the start of this process; Prometheus' `rate` and `increase` know a counter that begins anew. What never becomes a
request (a connection too many, a head that is no HTTP) is not among them, and neither is a single caller or path: the
labels are routes, of which there are few.
"""

from collections import Counter
from threading import Lock

from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ratingo_pipelines.gateway.auth.access import GRAPHQL

DAGSTER = "dagster"
"""The route of all that is Dagster's webserver's but GraphQL: pages, their files, and paths that nobody knows."""
GONE = "gone"
"""The status of a request whose caller went away before it was answered."""
SWITCHED, FAILED = "101", "500"


class HttpCounts:
    """The counts of one gateway."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def add(self, route: str, status: str) -> None:
        """Count a request."""
        with self._lock:
            self._counts[route, status] += 1

    def read(self) -> dict[tuple[str, str], int]:
        """Requests so far by route and status."""
        with self._lock:
            return dict(self._counts)


class CountingMiddleware:
    """Counts each request and websocket once, whoever answers it: the authentication does before any route is taken."""

    def __init__(self, app: ASGIApp, counts: HttpCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count how it was answered."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        # Before others add to the scope what belongs to the route they take.
        route, status = _route_of(scope), GONE

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = str(message["status"])
            elif message["type"] == "websocket.accept":
                status = SWITCHED
            await send(message)

        try:
            await self._app(scope, receive, seen)
        except Exception:
            # Starlette's outermost layer answers so: `starlette/middleware/errors.py`.
            status = FAILED if status == GONE else status
            raise
        finally:
            self._counts.add(route, status)


def _route_of(scope: Scope) -> str:
    """The path of the route as it is declared, `/watching/{medium}`; Starlette puts the application into the scope."""
    for route in scope["app"].routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return GRAPHQL if scope["path"] == GRAPHQL else DAGSTER
