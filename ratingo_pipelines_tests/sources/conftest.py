"""Fixtures of the clients' tests: a server that answers what a test says, and a client that asks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ratingo_pipelines.sources.trakt import TraktClient, open_trakt
from ratingo_pipelines_tests.sources.http.upstream import Upstream, running_upstream, settings_for


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with running_upstream() as server:
        yield server


@pytest.fixture
def trakt(upstream: Upstream, tmp_path: Path) -> Iterator[TraktClient]:
    client = open_trakt(settings_for(upstream, tmp_path))
    assert client is not None
    yield client
    client.api.close()
