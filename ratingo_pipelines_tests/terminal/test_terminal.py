"""Commands on a real terminal: its width decides which columns are shown, and Ctrl-C ends them in order."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines_tests.sync.processes import environment
from ratingo_pipelines_tests.terminal.pseudo import CTRL_C, Terminal
from ratingo_pipelines_tests.terminal.test_top import listed, stored

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
NEVER_LEFT_OUT = ("#", "title", "TMDB")
ALL = ("#", "title", "TMDB", "Trakt", "IMDb", "Meta", "watching", "change", "trend", "watch in UA")


def lines_of(shown: str) -> list[str]:
    """As a person reads them."""
    return ESCAPES.sub("", shown).replace("\r", "").splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140])
def test_a_table_fits_the_terminal_and_says_what_it_leaves_out(
    sqlite_url: Callable[[], str], tmp_path: Path, width: int
) -> None:
    url = sqlite_url()
    database = Database(url)
    listed(database, [1, 2])
    for tmdb_id in (1, 2):
        offers = [{"region": "UA", "name": "Netflix"}, {"region": "UA", "name": "HBO Max"}]
        stored(database, tmdb_id, [10, 20, 30_000], rating_imdb=8.1, rating_metacritic=77.0, watch_providers=offers)
    database.dispose()

    terminal = Terminal(["top", "movies"], environment(None, tmp_path / "home", DATABASE_URL=url), tmp_path, width)

    assert terminal.wait() == 0
    lines = lines_of(terminal.shown)
    assert max(map(cell_len, lines)) <= width
    [header] = [line for line in lines if "TMDB" in line]
    shown = [name for name in ALL if name in header]
    assert tuple(shown) == ALL[: len(shown)]
    assert set(NEVER_LEFT_OUT) <= set(shown)
    left_out = re.findall(r"\+(\d+) columns? on a wider terminal", terminal.shown)
    assert left_out == ([str(len(ALL) - len(shown))] if len(shown) < len(ALL) else [])
    assert sum("Назва" in line for line in lines) == 2


@pytest.mark.long
def test_ctrl_c_on_a_terminal_ends_a_sync_in_one_line(
    database_url: str, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    others = {"DATABASE_URL": database_url, "TRENDING_LIMIT": "40", "CONCURRENCY": "2"}
    sandbox.faults({"kind": "latency", "ms": 200})
    env = environment(sandbox, tmp_path / "home", **others)
    terminal = Terminal(["sync", "shows"], env, tmp_path, 100)
    terminal.read_until(lambda shown: re.search(r"\b[3-9]/\d\d", ESCAPES.sub("", shown)) is not None)

    terminal.press(CTRL_C)

    assert terminal.wait() == 130
    assert "ratingo: interrupted; what was stored is kept." in terminal.shown
    assert lines_of(terminal.shown)[-1].endswith("`ratingo sync shows --resume`.")
    assert "Traceback" not in terminal.shown
