"""The most memory a run's process holds (peak of its resident set): Dagster, a job in it, its events in the log.

A cycle of 100 with all stages first, as the bootstrap runs it; then meta backfills of 1,000 and of 10,000 titles, each
of which has its partition and is logged as materialized. One run each: memory does not scatter as time does.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.backfill import OF_TRENDING
from benchmarks.common import Ended, add_stubs, environment_of, folder, opened, settings_of
from benchmarks.common import run as run_process
from benchmarks.figures import Figure, exact
from ratingo_pipelines.home import prepare_dagster_home
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines_tests.exactness import differences

FEW, MANY = 1_000, 10_000
SIZE = 12_000
LIMIT_MIB = 350
RUN = (
    "import sys; from ratingo_pipelines.definitions import defs; from ratingo_pipelines.defs.running import run_job;"
    " run_job(defs, sys.argv[1])"
)
IMPORTS = "import ratingo_pipelines.definitions"
SAY_PEAK = (
    "; from pathlib import Path; from re import search;"
    " print(search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1])"
)
"""The process says it itself: what `wait4` tells begins with the memory of the process that started it."""
ADD_PARTITIONS = (
    "import sys; import dagster as dg;"
    " dg.DagsterInstance.get().add_dynamic_partitions('shows', open(sys.argv[1]).read().split())"
)


def run() -> Iterator[Figure]:
    """Each run in a home of its own."""
    with start_sandbox(size=SIZE) as sandbox:
        with _home(sandbox) as home:
            nothing = home.peak_mib(IMPORTS)
            yield Figure("a process that has loaded the code location", nothing, "MiB")
            peak = home.peak_mib(RUN, "shows_full_sync")
            yield Figure("a full sync of 100 titles", peak, "MiB", nothing, LIMIT_MIB)
        truth = [entry for entry in sandbox.truth(SHOWS) if entry["skip"] is None][:MANY]
        peaks = {}
        for count in (FEW, min(MANY, len(truth))):
            with _home(sandbox) as home:
                peaks[count] = home.backfill([entry["tmdb"] for entry in truth[:count]])
                yield Figure(f"a meta backfill of {count:,} titles", peaks[count], "MiB", nothing)
                with opened(home.environment["DATABASE_URL"]) as database:
                    yield exact(differences(database, SHOWS, truth[:count], ignoring=OF_TRENDING), f"{count:,} titles")
        few, many = peaks.values()
        yield Figure(f"from {FEW:,} to {MANY:,} titles it grows by", 100 * (many / few - 1), "%", limit=10)


@dataclass(frozen=True)
class _Home:
    place: Path
    environment: dict[str, str]

    def python(self, code: str, *arguments: str) -> Ended:
        return run_process([sys.executable, "-c", code, *arguments], self.environment, self.place)

    def peak_mib(self, code: str, *arguments: str) -> float:
        """The most memory that a process ever held that runs this code."""
        return int(self.python(code + SAY_PEAK, *arguments).said.split()[-1]) / 1024

    def backfill(self, tmdb_ids: list[int]) -> float:
        """The peak (MiB) of a run that completes these titles, of which only the ids are known."""
        with opened(self.environment["DATABASE_URL"]) as database, database.writing() as conn:
            add_stubs(conn, SHOWS, tmdb_ids)
        listed = self.place / "partitions.txt"
        listed.write_text(" ".join(map(str, tmdb_ids)))
        self.python(ADD_PARTITIONS, str(listed))
        return self.peak_mib(RUN, "shows_meta_backfill")


@contextmanager
def _home(sandbox: RunningSandbox) -> Iterator[_Home]:
    with folder() as place:
        url = f"sqlite:///{place / 'ratingo.db'}"
        environment = environment_of(sandbox, place, url)
        dagster_home = prepare_dagster_home(settings_of(sandbox, place, url))
        with opened(url) as database:
            upgrade(database)
        yield _Home(place, environment | {"DAGSTER_HOME": str(dagster_home)})
