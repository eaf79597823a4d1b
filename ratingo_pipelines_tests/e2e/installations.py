"""Installations of `ratingo serve` for the tests: all in SQLite, or all in PostgreSQL."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines_tests.gateway.whole import Whole, environment, prepare
from ratingo_pipelines_tests.installation import until

PRODUCTION = Path(__file__).parents[2] / "deploy" / "dagster.yaml"
LISTED = 20
AT_WORK = {"SENSORS_OFF": "shows_after_sync,movies_after_sync,alert", "TRENDING_LIMIT": LISTED, "CONCURRENCY": 4}
"""The sensors work cycles off; no clock opens one."""
SLOW = {"kind": "latency", "api": "tmdb", "ms": 2500}
UNDER_WAY = "{ runsOrError(filter: {statuses: [STARTED]}) { ... on Runs { results { runId } } } }"


def embedded(folder: Path, sandbox: RunningSandbox, given: Mapping[str, object]) -> dict[str, str]:
    """The environment of an installation that keeps everything in its home."""
    env = environment(folder / "home", sandbox, given)
    prepare(env, folder)
    return env


def production(
    folder: Path, sandbox: RunningSandbox, given: Mapping[str, object], new_url: Callable[..., str]
) -> dict[str, str]:
    """The environment of an installation that keeps the site's data and Dagster's history in two databases."""
    dagster_home = folder / "dagster"
    dagster_home.mkdir()
    shutil.copyfile(PRODUCTION, dagster_home / "dagster.yaml")
    places = {
        "DAGSTER_HOME": dagster_home,
        "DATABASE_URL": new_url(),
        "DAGSTER_DATABASE_URL": new_url(migrated=False),
    }
    return environment(folder / "home", sandbox, {**places, **given})


def cut_the_power(whole: Whole) -> None:
    """SIGKILL for the process and all that it started; none lives to see another end."""
    family = [psutil.Process(whole.process.pid), *psutil.Process(whole.process.pid).children(recursive=True)]
    for process in family:
        process.suspend()
    for process in family:
        process.kill()
    whole.process.wait()
    psutil.wait_procs(family, timeout=10)


@contextmanager
def site_database(env: Mapping[str, str]) -> Iterator[Database]:
    """The site's database of an installation."""
    database = Database(env.get("DATABASE_URL") or f"sqlite:///{env['RATINGO_HOME']}/ratingo.db")
    yield database
    database.dispose()


def amid_a_run(whole: Whole, sandbox: RunningSandbox) -> str:
    """Open a cycle of shows, and wait until a run has done some of its titles, and not all; the run's id."""
    until(whole.ready, 90, "all parts are ready")
    sandbox.faults(SLOW)
    whole.get("/api/sync/trending")
    until(lambda: tasks(whole)["done"] and tasks(whole)["processing"], 90, "some titles are done")
    [run] = under_way(whole)
    return run


def wait_for_cycle(whole: Whole) -> None:
    """Wait until the cycle of shows is worked off."""

    def is_over() -> bool:
        counts = tasks(whole)
        return counts["done"] + counts["error"] == counts["total"]

    until(is_over, 180, "the cycle is worked off")


def tasks(whole: Whole) -> dict[str, int]:
    """How many titles of the cycle of shows are where."""
    found: dict[str, int] = whole.get("/api/sync/trending/status").json()["tasks"]
    return found


def under_way(whole: Whole) -> list[str]:
    """The runs that Dagster counts as started."""
    return [run["runId"] for run in whole.graphql(UNDER_WAY)["runsOrError"]["results"]]
