"""Files of the home that are damaged: what can be had anew begins anew, the others are named in one line."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratingo_pipelines.home import HISTORY
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines_tests.e2e.installations import (
    AT_WORK,
    LISTED,
    amid_a_run,
    cut_the_power,
    embedded,
    site_database,
    wait_for_cycle,
)
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.gateway.whole import RATINGO, Whole
from ratingo_pipelines_tests.installation import until

pytestmark = pytest.mark.e2e

PAGE = 4096
INDEX = "history/runs/index.db"


@pytest.fixture
def env(tmp_path: Path, sandbox: RunningSandbox) -> dict[str, str]:
    """An installation that keeps everything in its home, and answers for a while."""
    return embedded(tmp_path, sandbox, {**AT_WORK, "HTTP_CACHE": "true"})


@pytest.fixture
def dagster_home(env: dict[str, str]) -> Path:
    """Dagster's folder of the installation."""
    return Path(env["RATINGO_HOME"]) / "dagster"


@pytest.fixture
def database(env: dict[str, str]) -> Iterator[Database]:
    """The site's."""
    with site_database(env) as found:
        yield found


def garble(path: Path) -> None:
    """Overwrite all pages but the first, by which a database is known."""
    content = path.read_bytes()
    assert len(content) > 2 * PAGE, f"{path} has no later page"
    path.write_bytes(content[:PAGE] + b"\xff" * (len(content) - PAGE))


def ratingo(env: dict[str, str], folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [RATINGO, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def a_cycle(whole: Whole) -> None:
    """Have a cycle of shows opened and worked off."""
    until(whole.ready, 90, "all parts are ready")
    assert whole.get("/api/sync/trending").json()["success"] is True
    wait_for_cycle(whole)


@pytest.mark.parametrize("name", HISTORY)
def test_a_file_of_dagsters_is_named_in_one_line_and_once_it_is_moved_away_all_goes_on(
    env: dict[str, str],
    dagster_home: Path,
    database: Database,
    sandbox: RunningSandbox,
    new_whole: Callable[..., Whole],
    name: str,
) -> None:
    whole = new_whole(env)
    a_cycle(whole)
    whole.stop()
    garble(dagster_home / name)

    refused = [ratingo(env, whole.folder, command, "--port", "0") for command in ("serve", "dev")]
    (dagster_home / name).rename(dagster_home / "away")
    a_cycle(new_whole(env))

    assert [done.returncode for done in refused] == [2, 2]
    assert refused[0].stderr == refused[1].stderr
    [line] = refused[0].stderr.splitlines()
    assert line.startswith(f"ratingo: {dagster_home / name} cannot be read (")
    assert f"it holds {HISTORY[name]}. The site's database is another one and keeps everything." in line
    assert line.endswith("move the file away and start again: Dagster begins a new one")
    assert differences(database, SHOWS, sandbox.truth(SHOWS, LISTED)) == []


def test_while_the_event_log_cannot_be_read_the_whole_is_not_ready_and_says_why(
    env: dict[str, str], dagster_home: Path, new_whole: Callable[..., Whole]
) -> None:
    whole = new_whole(env)
    a_cycle(whole)

    garble(dagster_home / INDEX)
    until(lambda: not whole.ready(), 60, "it is not ready")

    said = whole.get("/readyz").json()
    assert (said["ready"], said["database"]["ok"], said["history"]["ok"]) == (False, True, False)
    assert f"{INDEX} cannot be read (" in said["history"]["error"]
    assert whole.get("/api/sync/trending/status").json()["job"]["status"] == "done"


def test_the_log_of_a_run_that_was_killed_is_set_aside_and_the_cycle_goes_on(
    env: dict[str, str],
    dagster_home: Path,
    database: Database,
    sandbox: RunningSandbox,
    new_whole: Callable[..., Whole],
) -> None:
    whole = new_whole(env)
    killed = amid_a_run(whole, sandbox)
    cut_the_power(whole)
    sandbox.faults()
    log = dagster_home / "history" / "runs" / f"{killed}.db"
    log.write_bytes(b"\xff" * 3 * PAGE)

    whole = new_whole(env)
    ended = whole.run(killed)
    wait_for_cycle(whole)

    assert ended["status"] == "FAILURE"
    assert log.with_name(f"{log.name}.damaged").exists()
    [line] = [line for line in whole.log.splitlines() if f"{log} cannot be read" in line]
    assert "nothing else is lost, and nothing need be done" in line
    assert "Traceback" not in whole.log
    assert differences(database, SHOWS, sandbox.truth(SHOWS, LISTED)) == []


@pytest.mark.parametrize(("name", "lines"), [("limits.sqlite", 0), ("http-cache.sqlite", 1)])
def test_what_is_kept_for_minutes_begins_anew(
    env: dict[str, str], tmp_path: Path, database: Database, sandbox: RunningSandbox, name: str, lines: int
) -> None:
    ratingo(env, tmp_path, "sync", "shows")
    path = Path(env["RATINGO_HOME"]) / name
    garble(path)

    done = ratingo(env, tmp_path, "sync", "shows")

    told = [line for line in done.stderr.splitlines() if str(path) in line]
    assert (done.returncode, len(told)) == (0, lines), done
    assert not [line for line in told if "is damaged and begins anew" not in line]
    assert differences(database, SHOWS, sandbox.truth(SHOWS, LISTED)) == []
