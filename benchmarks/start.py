"""How long it takes until something happens: processes, from the shell's point of view, on a database that exists.

`ratingo --help` loads neither Dagster nor pandas; that is checked here, and in the tests without a clock.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.common import BIN, back_ends, environment_of, folder, medians_in_turn
from benchmarks.common import run as run_process
from benchmarks.figures import Figure
from ratingo_pipelines.sandbox.process import start_sandbox

RATINGO = str(BIN / "ratingo")
LOADED = (
    "import sys, json; from click.testing import CliRunner; from ratingo_pipelines.cli import cli;"
    " CliRunner().invoke(cli, ['--help']); print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
)
LOCATION = "from ratingo_pipelines.definitions import defs; defs.get_repository_def().load_all_definitions()"
HEAVY = ("dagster", "pandas", "sqlalchemy", "requests", "pydantic", "alembic")


def run() -> Iterator[Figure]:
    """All in turn."""
    with start_sandbox() as sandbox, folder() as home, back_ends() as makers:
        environment = environment_of(sandbox, home, makers["SQLite"]())
        commands: dict[str, tuple[Sequence[str], float | None]] = {
            "the interpreter, doing nothing": ([sys.executable, "-c", "pass"], None),
            "`ratingo --help`": ([RATINGO, "--help"], 0.5),
            "`ratingo status`": ([RATINGO, "status", "--json"], None),
            "`ratingo sync shows --resume`, nothing to do": ([RATINGO, "sync", "shows", "--resume", "--json"], None),
            "importing Dagster alone": ([sys.executable, "-c", "import dagster"], None),
            "loading the code location": ([sys.executable, "-c", LOCATION], 3),
        }
        measures = {name: partial(_time, command, environment, home) for name, (command, _) in commands.items()}
        for name, (seconds, cpu) in medians_in_turn(measures).items():
            yield Figure(name, seconds, "s", limit=commands[name][1], note=f"{cpu:.2f} s of processor time")
        loaded = json.loads(run_process([sys.executable, "-c", LOADED], environment, home).said)
        heavy = sorted(set(HEAVY) & set(loaded))
        yield Figure("heavy packages that `ratingo --help` loads", len(heavy), limit=0, note=", ".join(heavy))


def _time(command: Sequence[str], environment: Mapping[str, str], place: Path) -> tuple[float, float]:
    ended = run_process(command, environment, place)
    return ended.seconds, ended.cpu_seconds
