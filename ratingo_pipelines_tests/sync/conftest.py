"""Fixtures of the use cases' tests."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sync.context import SyncContext, open_sync_context
from ratingo_pipelines_tests.sync.syncing import Clock, on_database, pass_time


@pytest.fixture
def clock(sandbox: RunningSandbox) -> Clock:
    """The present; that a day ends while a test runs changes nothing upstream."""
    clock = Clock()
    pass_time(sandbox, clock)
    return clock


@pytest.fixture
def workers() -> int:
    """How many titles at once; few, as each takes a connection. A test may ask for others by its parameters."""
    return 4


@pytest.fixture
def ctx(settings: Settings, database_url: str, clock: Clock, quick_pauses: None, workers: int) -> Iterator[SyncContext]:
    """Everything open on a fresh database of either back end, with short trending lists."""
    chosen = on_database(settings, database_url).model_copy(update={"trending_limit": 12, "concurrency": workers})
    with open_sync_context(chosen) as ctx:
        yield replace(ctx, now=clock)
