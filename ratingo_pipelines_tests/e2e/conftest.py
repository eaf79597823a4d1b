"""Stacks for the tests, stopped at their end. Starting one takes half a minute, so a module's tests share theirs."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import URL, create_engine, text

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.e2e.proxy import Proxy
from ratingo_pipelines_tests.e2e.stack import Stack
from ratingo_pipelines_tests.gateway.whole import Whole, start
from ratingo_pipelines_tests.installation import kill_family

SHORT = {"max_runtime_seconds": 40, "poll_interval_seconds": 2}
"""Long enough for an honest run of a test, short enough to wait for."""
BY_HAND = {
    "SHOWS_TRENDING_CRON": "off",
    "MOVIES_TRENDING_CRON": "off",
    "GIVE_UP_AFTER": 2,
    "RETRY_DELAY_SECONDS": 1,
}
"""Nothing starts by the clock, and failures are retried at once."""


@pytest.fixture(scope="module")
def proxy(postgres_server: URL, postgres_template: str) -> Iterator[Proxy]:
    """A way to a fresh PostgreSQL database."""
    name = f"ratingo_e2e_{uuid4().hex[:8]}"
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {postgres_template}"))
    found = Proxy(postgres_server.set(database=name))
    yield found
    found.close()
    with engine.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="module")
def shared_stack(
    tmp_path_factory: pytest.TempPathFactory, running_sandbox: RunningSandbox, proxy: Proxy
) -> Iterator[Stack]:
    """A stack on PostgreSQL, all of it running."""
    found = Stack(tmp_path_factory.mktemp("stack"), running_sandbox, proxy.url, BY_HAND, SHORT)
    try:
        found.services.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def stack(shared_stack: Stack, sandbox: RunningSandbox) -> Iterator[Stack]:
    """The module's stack at rest, nothing failing, with a sandbox as good as new, both before and after the test."""
    yield shared_stack
    sandbox.faults()
    shared_stack.rest()
    shared_stack.heal()


@pytest.fixture
def new_whole(tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], Whole]]:
    """Starts `ratingo serve` with an environment, and ends what a test left running."""
    started: list[Whole] = []

    def make(env: Mapping[str, str]) -> Whole:
        started.append(start(tmp_path, env))
        return started[-1]

    yield make
    for whole in started:
        if whole.process.poll() is None:
            kill_family(whole.process)
