"""The one application: the endpoints and the login beside Dagster's webserver, all of it behind authentication."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from ratingo_pipelines.dagster_instance.internals import IWorkspaceProcessContext
from ratingo_pipelines.gateway.api.catalogue import ENDPOINTS
from ratingo_pipelines.gateway.api.changes import ChangesFeed
from ratingo_pipelines.gateway.api.endpoints import ERRORS, Api
from ratingo_pipelines.gateway.api.health import Health
from ratingo_pipelines.gateway.api.metrics import Metrics
from ratingo_pipelines.gateway.api.progress import Progress
from ratingo_pipelines.gateway.api.runs import Runs
from ratingo_pipelines.gateway.api.triggers import Triggers
from ratingo_pipelines.gateway.auth.attempts import Attempts
from ratingo_pipelines.gateway.auth.audit import Audit
from ratingo_pipelines.gateway.auth.authenticators import Authenticator, ByLoopback, BySecret
from ratingo_pipelines.gateway.auth.graphql_guard import GraphqlGuard
from ratingo_pipelines.gateway.auth.middleware import AuthMiddleware
from ratingo_pipelines.gateway.auth.secrets import Secrets
from ratingo_pipelines.gateway.http_counts import CountingMiddleware, HttpCounts
from ratingo_pipelines.gateway.pages.login import Login
from ratingo_pipelines.gateway.pages.watching import WatchingPages
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.engine import Database

LIVE_DATA_MILLISECONDS = 2000
TRIGGERS = frozenset(endpoint.path for endpoint in ENDPOINTS if endpoint.starts)


@dataclass(frozen=True)
class Access:
    """Who is let in: whoever has one of the secrets, or, without any, whoever is on this machine."""

    secrets: Secrets | None
    audit: Audit = field(default_factory=Audit)
    trusted_proxies: Collection[str] = ()


def compose(
    context: IWorkspaceProcessContext,
    database: Database,
    access: Access,
    settings: Settings,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Make the application around a workspace; `is_stopping` lets those go who wait for a run."""
    dagster = create_app_from_workspace_process_context(context, live_data_poll_rate=LIVE_DATA_MILLISECONDS)
    runs, progress = Runs(dagster, context.instance), Progress(database)
    retry_delay = timedelta(seconds=settings.retry_delay_seconds)
    health = Health(context, progress, settings.crons)
    triggers = Triggers(runs, progress, retry_delay)
    api = Api(runs, triggers, progress, health, is_stopping)
    counts = HttpCounts()
    metrics = Metrics(context.instance, database, settings, health, counts)
    changes = ChangesFeed(database)
    pages = WatchingPages(database, settings, triggers.fetch_title, runs.latest)
    routes = [*api.routes(), *metrics.routes(), *changes.routes(), *pages.routes()]
    return behind_authentication(routes, dagster, access, counts)


def behind_authentication(
    routes: Sequence[BaseRoute], dagster: ASGIApp, access: Access, counts: HttpCounts
) -> Starlette:
    """The routes, the login's, and Dagster's webserver for all the rest, all behind the authentication middleware."""
    authenticator: Authenticator = ByLoopback()
    pages: list[BaseRoute] = []
    if access.secrets is not None:
        # Who guesses passwords must not keep a bearer's wrong secret from being told so, nor the other way round.
        authenticator = BySecret(access.secrets, Attempts())
        pages += Login(access.secrets, Attempts(), access.audit, TRIGGERS).routes()
    return Starlette(
        routes=[*pages, *routes, Mount("/", GraphqlGuard(dagster, access.audit))],
        middleware=[
            Middleware(CountingMiddleware, counts),
            Middleware(
                AuthMiddleware,
                authenticator,
                access.audit,
                triggers=TRIGGERS,
                trusted_proxies=access.trusted_proxies,
            ),
        ],
        exception_handlers=ERRORS,
    )
