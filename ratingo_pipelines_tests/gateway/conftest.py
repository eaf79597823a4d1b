"""The application of these tests, with a real Dagster webserver but no code location."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.applications import Starlette
from starlette.types import ASGIApp

from ratingo_pipelines.gateway.api.changes import ChangesFeed
from ratingo_pipelines.gateway.api.endpoints import Api
from ratingo_pipelines.gateway.api.health import Health
from ratingo_pipelines.gateway.api.metrics import Metrics
from ratingo_pipelines.gateway.api.progress import Progress
from ratingo_pipelines.gateway.api.runs import Runs
from ratingo_pipelines.gateway.api.triggers import Triggers
from ratingo_pipelines.gateway.app import Access, behind_authentication
from ratingo_pipelines.gateway.auth.audit import Audit
from ratingo_pipelines.gateway.http_counts import HttpCounts
from ratingo_pipelines.gateway.pages.watching import WatchingPages
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines_tests.gateway.served import Served, secrets, served
from ratingo_pipelines_tests.gateway.whole import whole, whole_sandbox

__all__ = ["whole", "whole_sandbox"]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceProcessContext]:
    """An instance of its own and an empty workspace."""
    with (
        dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context,
    ):
        yield context


@pytest.fixture(scope="session")
def webserver(workspace: WorkspaceProcessContext) -> ASGIApp:
    """Dagster's webserver, without authentication."""
    return create_app_from_workspace_process_context(workspace)


@pytest.fixture
def new_application(
    workspace: WorkspaceProcessContext, webserver: ASGIApp, sqlite_template: Path
) -> Iterator[Callable[..., Starlette]]:
    """Composes applications, each with authentication of its own: `new_application(password=...)`."""
    database = Database(f"sqlite:///{sqlite_template}")
    runs, progress = Runs(webserver, workspace.instance), Progress(database)
    settings = Settings(_env_file=None)
    health = Health(workspace, progress, settings.crons)
    triggers = Triggers(runs, progress, timedelta(minutes=15))
    api = Api(runs, triggers, progress, health, lambda: False)

    def compose(
        audit: Audit | None = None, trusted_proxies: Sequence[str] = (), on_loopback: bool = False, **given: Any
    ) -> Starlette:
        access = Access(None if on_loopback else secrets(**given), audit or Audit(), trusted_proxies)
        pages = WatchingPages(database, settings, triggers.fetch_title, runs.latest)
        counts = HttpCounts()
        metrics = Metrics(workspace.instance, database, settings, health, counts)
        routes = [*api.routes(), *metrics.routes(), *ChangesFeed(database).routes(), *pages.routes()]
        return behind_authentication(routes, webserver, access, counts)

    yield compose
    database.dispose()


@pytest.fixture
def new_gateway(new_application: Callable[..., Starlette]) -> Iterator[Callable[..., Served]]:
    """Serves such applications."""
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(served(new_application(**given), given.get("trusted_proxies", ())))


@pytest.fixture
def gateway(new_gateway: Callable[..., Served]) -> Served:
    """One with nothing but the secret."""
    return new_gateway()
