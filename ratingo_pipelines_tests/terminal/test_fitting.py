"""What is left out of a table that is too wide is said; what is shown is shown whole."""

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ratingo_pipelines.terminal.fitting import TableColumn, fitted_table, stdout_console

ELLIPSIS = "…"
LONG = "Лікарня святого Пантелеймона"
COLUMNS = (
    TableColumn("#", [Text("1"), Text("10")], right=True),
    TableColumn("title", [Text(LONG), Text("日本の歌")], shortened_to=12),
    TableColumn("watching", [Text("11 642"), Text("–")], right=True),
    TableColumn("change", [Text("-516"), Text("left")], right=True),
    TableColumn("next episode", [Text("S01E09 2026-12-01"), Text("–")]),
    TableColumn("watch in UA", [Text("HBO Max, Crunchyroll +2"), Text("Netflix")], shortened_to=9),
)


def printed(width: int) -> list[str]:
    """The lines of the table on a terminal so wide."""
    console = Console(file=StringIO(), width=width)
    console.print(fitted_table("Trending shows", COLUMNS, width))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", range(30, 141))
def test_no_line_is_wider_than_the_terminal_and_only_what_may_be_is_shortened(width: int) -> None:
    lines = printed(width)
    header = lines[1]
    shown = [column for column in COLUMNS if f" {column.name} " in f" {header} "]

    assert max(map(cell_len, lines)) <= width
    assert [column.name for column in shown] == [column.name for column in COLUMNS[: len(shown)]]
    assert len(shown) >= 2
    for column in shown:
        if column.shortened_to is None:
            for cell in column.cells:
                assert any(cell.plain in line for line in lines)
    left_out = len(COLUMNS) - len(shown)
    said = {0: [], 1: ["+1 column on a wider terminal"]}.get(left_out, [f"+{left_out} columns on a wider terminal"])
    assert [line.strip() for line in lines if "wider terminal" in line] == said


def test_on_a_wide_terminal_all_is_shown_whole() -> None:
    lines = "\n".join(printed(140))
    assert LONG in lines
    assert "HBO Max, Crunchyroll +2" in lines
    assert ELLIPSIS not in lines


def test_room_that_is_left_goes_to_the_first_column_that_was_shortened() -> None:
    narrow, wide = "\n".join(printed(77)), "\n".join(printed(90))
    assert LONG not in narrow
    assert LONG in wide
    assert "HBO Max, Crunchyroll +2" not in wide


def test_without_a_terminal_the_environment_says_how_wide_it_is_or_it_is_120(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert stdout_console().width == 120
    monkeypatch.setenv("COLUMNS", "72")
    assert stdout_console().width == 72
