"""Which role a request needs, and what a browser's cookie is good for. Pure: a scope in, a decision out.

Everything not named here needs the role `admin`.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import Scope

from ratingo_pipelines.gateway.auth.origin import Provenance, is_navigation, provenance
from ratingo_pipelines.gateway.auth.paths import SAFE_METHODS
from ratingo_pipelines.gateway.auth.principals import Principal, Role

OPEN_PATHS = frozenset({"/healthz", "/login", "/logout"})
"""What answers without credentials, and gives nothing away."""
GRAPHQL = "/graphql"
_READ = frozenset({"/api", "/changes", "/metrics", "/readyz", "/status", "/watching", "/watching.json"})
_READ_BELOW = ("/api/", "/watching/")
FOREIGN_PAGE = "a page of another site may not use this session (a reverse proxy must pass the Host header on)"
NOT_SHOWN = "with a session, nothing is changed unless the request is shown to come from a page of this site"
POST_WITH_SESSION = "with a session, triggers are asked by POST; GET is for `Authorization: Bearer`"


def role_needed(scope: Scope, triggers: Collection[str]) -> Role:
    """The least role that may make this request; `triggers` are the paths that start something by GET as well."""
    path = scope["path"]
    if path == GRAPHQL:
        # Queries; who sends a mutation is looked at where it is read.
        return Role.READ
    if path in _READ or path.startswith(_READ_BELOW):
        return Role.TRIGGER if path in triggers or changes_something(scope) else Role.READ
    return Role.ADMIN


def changes_something(scope: Scope) -> bool:
    """Whether a request may change something by its method. A websocket is one that may."""
    return scope["type"] != "http" or scope["method"] not in SAFE_METHODS


def fault_of_ambient(scope: Scope, headers: Headers, caller: Principal, needed: Role) -> tuple[int, str] | None:
    """What is wrong with a request whose credentials a browser added by itself, whatever page asked: status and line.

    A cookie changes nothing unless the request is shown to come from our own pages; on plain http, where browsers
    say nothing of a GET, silence shows nothing.
    """
    source = provenance(headers, scope.get("scheme", "http"))
    if changes_something(scope):
        if source is Provenance.FOREIGN:
            return 403, FOREIGN_PAGE
        # Without a session no cookie came along: nothing said is a program.
        return (403, NOT_SHOWN) if source is Provenance.UNKNOWN and caller.session is not None else None
    if source is Provenance.FOREIGN and not is_navigation(headers):
        return 403, FOREIGN_PAGE
    return (405, POST_WITH_SESSION) if needed is Role.TRIGGER else None
