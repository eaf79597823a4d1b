"""Fixtures that every test may ask for."""

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from ratingo_pipelines.sources import scrub
from ratingo_pipelines.sources.http import api as http

# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile("clockless", deadline=None)
hypothesis.settings.load_profile("clockless")

pytest_plugins = ["ratingo_pipelines_tests.fixtures.database", "ratingo_pipelines_tests.fixtures.sandbox"]


def pytest_configure() -> None:
    """Take SIGINT again where a shell that started the tests with `&` has them ignore it.

    Dagster has SIGTERM treated as SIGINT is (`dagster/_utils/interrupts.py`); processes that are started to ignore it
    would not end.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """The code under test keeps its files private; what the tests themselves start may be another user's."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def _no_circuit_of_another_test() -> None:
    """All tests of a process ask one sandbox: what one test did to an API's circuit is nothing to the next."""
    http._shared.clear()


@pytest.fixture(autouse=True)
def _no_secrets_of_another_test() -> Iterator[None]:
    """A test's keys may be of one letter, which would be masked in whatever the next test looks at."""
    secrets, pattern = set(scrub._secrets), scrub._pattern
    yield
    scrub._secrets.clear()
    scrub._secrets.update(secrets)
    scrub._pattern = pattern
