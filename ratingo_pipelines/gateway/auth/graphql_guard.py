"""The middleware in front of Dagster's webserver: its GraphQL takes JSON by POST, from pages of this site only.

Left alone, Dagster runs mutations over GET and over `text/plain`, which any page may send without asking.
"""

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ratingo_pipelines.gateway.api.answers import failure
from ratingo_pipelines.gateway.auth.origin import is_foreign

GRAPHQL = "/graphql"


class GraphqlGuard:
    """Wraps Dagster's webserver."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        refusal = _refusal(scope) if scope["type"] in ("http", "websocket") else None
        await (refusal or self.app)(scope, receive, send)


def _refusal(scope: Scope) -> Response | None:
    if scope["path"].rstrip("/") != GRAPHQL:
        return None
    headers = Headers(scope=scope)
    if is_foreign(headers):
        return failure(403, "GraphQL is not for pages of other sites (a reverse proxy must pass the Host header on)")
    if scope["type"] == "websocket":
        return None
    if scope["method"] != "POST":
        return failure(405, "GraphQL is asked by POST", {"Allow": "POST"})
    # The whole word, not its mere presence: `text/plain; application/json` needs no leave to cross sites.
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return failure(415, "GraphQL is asked in JSON: send `Content-Type: application/json`")
    return None
