"""One installation for all of these tests, with no more than 1,024 open files: the hardest limit that is promised."""

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratingo_pipelines.machine import raise_open_files
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines_tests.gateway.whole import Whole, environment, prepare, start
from ratingo_pipelines_tests.installation import until

OPEN_FILES = 1024
Measured = Callable[[str, str], None]

_measured: list[tuple[str, str]] = []


@pytest.fixture
def measured() -> Measured:
    """Notes a figure, for the table at the end of the report and in SECURITY.md."""
    return lambda what, figure: _measured.append((what, figure))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    if _measured:
        terminalreporter.section("measured")
    for what, figure in _measured:
        terminalreporter.write_line(f"{figure:>10}  {what}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder is a test of the door; what stops the shared installation comes last."""
    here = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in here:
        item.add_marker(pytest.mark.door)
    items.sort(key=lambda item: item in here and "restart" in item.name)


@pytest.fixture(scope="session")
def open_files() -> int:
    """As many files as this process, which plays the strangers, may open."""
    return raise_open_files()


@pytest.fixture(scope="session")
def door_sandbox() -> Iterator[RunningSandbox]:
    """The upstreams."""
    with start_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def door(door_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """`ratingo serve`, ready, and warm: a first run was launched. The umask it began with forbids nothing."""
    folder = tmp_path_factory.mktemp("door")
    env = environment(folder / "home", door_sandbox, {"TRUSTED_PROXIES": "127.0.0.1"})
    before = os.umask(0)
    try:
        prepare(env, folder)
        running = start(folder, env, limits={resource.RLIMIT_NOFILE: OPEN_FILES})
    finally:
        os.umask(before)
    until(running.ready, 90, "all parts are ready")
    assert running.get("/api/sync/calendar/prune?wait=120").json()["success"] is True
    yield running
    if running.process.poll() is None:
        running.stop()
