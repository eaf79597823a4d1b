"""A home in which nothing can be kept stops nobody: limits then hold for the process, and nothing is cached."""

import logging
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from ratingo_pipelines.settings import RateLimit, Settings, SettingsError
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines_tests.sources.apis import HandedClock, api_of
from ratingo_pipelines_tests.sources.http.misbehaving import misbehaving_server

A_WEEK = timedelta(days=7)
FILL_THE_DISK = """
import logging, resource, sys
from datetime import timedelta
from pathlib import Path
from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines_tests.sources.apis import HandedClock, api_of

url, folder, when = sys.argv[1:]
logging.basicConfig(format="LOG %(message)s", stream=sys.stdout)
fill = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
clock = HandedClock()
if when == "before":
    fill()
with api_of(url, state_dir=Path(folder), windows=(RateLimit(3, 100),), clock=clock, timeout_seconds=30) as api:
    began = clock.now
    for number in range(7):
        if when == "between" and number == 2:
            fill()
        api.get(f"/{number}", max_age=timedelta(days=7))
    print("WAITED", round(clock.now - began))
"""


def nowhere(tmp_path: Path) -> Path:
    """A place where no folder can be made, whoever asks."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "home"


def test_without_a_folder_to_write_in_requests_go_on_and_one_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, home = HandedClock(), nowhere(tmp_path)
    with misbehaving_server() as server, caplog.at_level(logging.INFO, "ratingo_pipelines"):
        for name in ("Trakt", "TMDB"):
            with api_of(server.url, clock=clock, name=name, state_dir=home, windows=(RateLimit(2, 100),)) as api:
                began = clock.now
                answers = [api.get("/a", max_age=A_WEEK) for _ in range(3)]
                assert not any(answer.from_cache for answer in answers)
                assert clock.now - began >= 100, "the limit holds all the same"
        assert server.count() == 6
    [line] = caplog.messages
    assert line.startswith(f"RATINGO_HOME: nothing can be kept in {home} (Not a directory)")


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_disk_that_is_full_stops_no_request_and_loosens_no_limit(tmp_path: Path, when: str) -> None:
    with misbehaving_server() as server:
        command = [sys.executable, "-c", FILL_THE_DISK, server.url, str(tmp_path), when]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[3]
        )
    assert done.returncode == 0, done.stderr
    assert server.count() == 7
    logged = [line for line in done.stdout.splitlines() if line.startswith("LOG RATINGO_HOME: nothing can be kept")]
    assert len(logged) == 1, done.stdout
    assert done.stdout.splitlines()[-1] == "WAITED 200"


def test_a_sync_goes_on_without_a_home_while_its_database_is_elsewhere(settings: Settings, tmp_path: Path) -> None:
    homeless = settings.model_copy(update={"ratingo_home": nowhere(tmp_path)})
    with pytest.raises(SettingsError, match="RATINGO_HOME"), open_sync_context(homeless):
        pytest.fail("without a home there is no database")
    url = SecretStr(f"sqlite:///{tmp_path / 'own.db'}")
    with open_sync_context(homeless.model_copy(update={"database_url": url})) as ctx:
        assert ctx.tmdb.api.requests == 0
