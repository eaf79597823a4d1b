"""The sandbox as a process: found by its printed URLs, stopped at will, and never left behind."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import requests

from ratingo_pipelines.sandbox.apis import environment
from ratingo_pipelines.sandbox.process import RunningSandbox, SandboxError, start_sandbox
from ratingo_pipelines.settings import RateLimit, Settings

WAIT_SECONDS = 60
"""As long as a process of a busy machine may take for next to nothing."""
STARTS_ONE = """
import time
from ratingo_pipelines.sandbox.apis import environment
from ratingo_pipelines.sandbox.process import start_sandbox
sandbox = start_sandbox()
print(sandbox.process.pid, sandbox.url, flush=True)
time.sleep(60)
"""


def test_it_starts_in_an_epoch_comes_back_to_it_and_stops() -> None:
    with start_sandbox(epoch=4) as sandbox:
        assert sandbox.control("")["epoch"] == 4
        sandbox.control("epoch", {"advance": 1})
        sandbox.reset()
        assert sandbox.control("")["epoch"] == 4
    with pytest.raises(SandboxError):
        sandbox.control("")
    assert not psutil.pid_exists(sandbox.process.pid)


def test_it_does_not_outlive_the_process_that_started_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTS_ONE], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, url = parent.stdout.readline().split()
    assert requests.get(f"{url}/control", timeout=WAIT_SECONDS).status_code == 200
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + WAIT_SECONDS
    while psutil.pid_exists(int(pid)) and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the sandbox is still there"
        time.sleep(0.05)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/control", timeout=WAIT_SECONDS)


def test_a_port_in_use_is_an_error_of_one_line(sandbox: RunningSandbox, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SandboxError, match="before it was ready"):
        start_sandbox(int(sandbox.url.rsplit(":", 1)[1]))
    said = capfd.readouterr().err
    assert "in use" in said
    assert "Traceback" not in said


def test_its_environment_points_the_settings_at_it_without_limits(sandbox: RunningSandbox, settings: Settings) -> None:
    assert settings.trakt_base_url == sandbox.url_of("trakt")
    assert settings.tmdb_base_url == sandbox.url_of("tmdb")
    assert settings.omdb_base_url == sandbox.url_of("omdb")
    assert settings.tmdb_access_token is not None
    assert settings.tmdb_access_token.get_secret_value() == sandbox.key_of("tmdb")
    assert settings.trakt_rate_limit == RateLimit(100_000, 1)
    assert settings.omdb_daily_limit == 100_000
    assert environment(sandbox.url) == sandbox.environment()


def test_started_by_hand_it_prints_lines_for_the_environment_and_ends_on_interrupt() -> None:
    command = [sys.executable, "-m", "ratingo_pipelines.sandbox", "--today", "2026-03-01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(10)]
            given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
            assert given["TRAKT_BASE_URL"].endswith("/trakt")
            assert given["TMDB_BASE_URL"].endswith("/tmdb/3")
            url = given["OMDB_BASE_URL"].removesuffix("/omdb")
            assert requests.get(f"{url}/control", timeout=WAIT_SECONDS).json()["today"] == "2026-03-01"
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=WAIT_SECONDS)[1] == ""
            assert process.returncode == 0
        finally:
            process.kill()
