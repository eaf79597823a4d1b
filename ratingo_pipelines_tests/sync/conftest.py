"""Fixtures of the use cases' tests."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sync.toolkit import Toolkit, open_toolkit
from ratingo_pipelines_tests.sync.syncing import Clock, on_database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kit(settings: Settings, database_url: str, clock: Clock) -> Iterator[Toolkit]:
    """Everything open on a fresh database of either back end, with short trending lists."""
    chosen = on_database(settings, database_url).model_copy(update={"trending_limit": 12})
    with open_toolkit(chosen) as kit:
        yield replace(kit, now=clock)
