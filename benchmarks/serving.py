"""`ratingo serve` with everything behind it, for the benchmarks of what Dagster and the gateway add."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import TimeoutExpired

import dagster as dg  # noqa: TID251 - its instance tells when what happened

from benchmarks.common import MakeUrl, environment_of
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.gateway.served import SECRET
from ratingo_pipelines_tests.gateway.whole import QUIET, Whole, start
from ratingo_pipelines_tests.installation import until

PRODUCTION = Path(__file__).parents[1] / "deploy" / "dagster.yaml"
CYCLE_SENSOR = "shows_cycle"
SENSORS = tuple(
    name
    for medium in ("shows", "movies")
    for name in (f"{medium}_cycle", f"{medium}_retries", f"{medium}_after_sync")
    if name != CYCLE_SENSOR
)


@contextmanager
def serving(
    sandbox: RunningSandbox, home: Path, make: MakeUrl, *, production: bool, **variables: str
) -> Iterator[Whole]:
    """A running whole, in which nothing starts by itself but what a cycle needs.

    In `production` Dagster keeps its own storage in PostgreSQL as well, in a database of its own that `make` makes.
    """
    given = {"CRON_SECRET": SECRET, **QUIET, "SENSORS_OFF": ",".join(SENSORS), **variables}
    if production:
        dagster_home = home / "dagster"
        dagster_home.mkdir()
        shutil.copyfile(PRODUCTION, dagster_home / "dagster.yaml")
        given |= {"DAGSTER_HOME": str(dagster_home), "DAGSTER_DATABASE_URL": make()}
    whole = start(home, environment_of(sandbox, home, make(), **given))
    try:
        until(whole.ready, 120, "everything is ready")
        yield whole
    finally:
        with suppress(TimeoutExpired):
            whole.stop()
        whole.process.kill()


@contextmanager
def instance_of(whole: Whole) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance behind it."""
    home = whole.environment.get("DAGSTER_HOME") or str(whole.folder / "dagster")
    # Its production file names a variable.
    os.environ.update({name: url for name, url in whole.environment.items() if name == "DAGSTER_DATABASE_URL"})
    with dg.DagsterInstance.from_config(home) as instance:
        yield instance
