"""IMDb's dataset of 1.6 million rows against 20,000 titles of which 20,000 are in it: time, and memory.

The file is made by the sandbox beforehand, and asked for once, so that it is only served. The first run writes the
ratings of all titles, in a database where none has one; the second finds that there is no newer file.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import urlopen

from sqlalchemy import insert

from benchmarks.common import back_ends, environment_of, folder, opened
from benchmarks.common import run as run_process
from benchmarks.figures import Figure
from benchmarks.memory import SAY_PEAK
from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.imdb import FILE, FIRST_OTHER
from ratingo_pipelines.sandbox.process import start_sandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of

ROWS, TITLES = 1_600_000, 20_000
EVERY = 70
"""Each so many of the file's rows is about a title that is known."""
LIMIT_SECONDS, LIMIT_MIB = 10, 60
OPEN = (
    "from ratingo_pipelines.settings import load_settings;"
    " from ratingo_pipelines.sync.context import open_sync_context;"
    " from ratingo_pipelines.sync.imdb import backfill_imdb; from time import perf_counter, process_time\n"
    "with open_sync_context(load_settings()) as ctx:\n"
    "    began = perf_counter(), process_time()\n"
)
SAY_SECONDS = "    print(perf_counter() - began[0], process_time() - began[1])\n"
NOTHING = OPEN + SAY_SECONDS
READ = OPEN + "    print(sum(each.updated for each in backfill_imdb(ctx)))\n" + SAY_SECONDS


def run() -> Iterator[Figure]:
    """Each back end in turn."""
    with start_sandbox() as sandbox:
        url = f"{sandbox.url_of('imdb')}/{ROWS}/{FILE}"
        with urlopen(url) as file:  # noqa: S310 -- the sandbox's
            file.read()
        with back_ends() as makers:
            for name, make_url in makers.items():
                with folder() as place:
                    yield from _measured(name, place, environment_of(sandbox, place, make_url()), url)


def _measured(name: str, place: Path, environment: Mapping[str, str], url: str) -> Iterator[Figure]:
    with opened(environment["DATABASE_URL"]) as database:
        _fill(database)
    env = {**environment, "IMDB_DATASET": "on", "IMDB_DATASET_URL": url}

    def process(code: str) -> list[str]:
        return run_process([sys.executable, "-c", code + SAY_PEAK.removeprefix("; ")], env, place).said.split()

    nothing = int(process(NOTHING)[-1]) / 1024
    updated, seconds, busy, peak = process(READ)
    _, again, _, _ = process(READ)
    what = f"{name}: {ROWS:,} rows, {updated} titles written ({float(busy):.1f} s of processor time)"
    yield Figure(what, float(seconds), "s", limit=LIMIT_SECONDS)
    yield Figure(f"{name}: memory for that", int(peak) / 1024 - nothing, "MiB", limit=LIMIT_MIB)
    yield Figure(f"{name}: again, when there is no newer file", float(again), "s")


def _fill(database: Database) -> None:
    with database.writing() as conn:
        for offset, medium in enumerate(MEDIA):
            rows = [
                {"tmdb_id": number, "title": f"Title {number}", "imdb_id": f"tt{FIRST_OTHER + EVERY * number + offset}"}
                for number in range(1, TITLES // 2 + 1)
            ]
            conn.execute(insert(tables_of(medium).titles), rows)
