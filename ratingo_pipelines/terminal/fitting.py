"""Tables that fit the terminal: its last columns are left out, and said to be, before anything is cut off.

What a table shows is its caller's; here are the widths. Left to itself, rich shortens the columns it likes, to nothing
if need be, and cuts the rest off without a word (`rich/table.py`, `_collapse_widths`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratingo_pipelines.text import counted

WIDTH_WITHOUT_TERMINAL = 120
ALWAYS_SHOWN = 2
"""The first columns, which say what a row is about."""
_BETWEEN = 2
"""Blanks between two columns."""


@dataclass(frozen=True)
class TableColumn:
    """A column with all its cells."""

    name: str
    cells: Sequence[Text]
    shortened_to: int | None = None
    """How narrow its cells may become, with an ellipsis; None: they are shown whole."""
    right: bool = False

    @property
    def widest(self) -> int:
        """The width that shows all cells whole."""
        return max([cell_len(self.name), *(text.cell_len for text in self.cells)])

    @property
    def narrowest(self) -> int:
        """The least width to show it at; its name is shown whole."""
        return self.widest if self.shortened_to is None else min(self.widest, max(self.shortened_to, len(self.name)))


def stdout_console() -> Console:
    """The console of standard output: as wide as the terminal; without one as `COLUMNS` says, else 120."""
    console = Console()
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = WIDTH_WITHOUT_TERMINAL
    return console


def fitted_table(title: str, columns: Sequence[TableColumn], width: int) -> Table:
    """The table with as many of the columns as the width holds; a line below says how many are left out."""
    shown = columns_that_fit(columns, width)
    left_out = len(columns) - len(shown)
    note = f"+{counted(left_out, 'column')} on a wider terminal" if left_out else None
    table = Table(
        title=title,
        title_style="bold",
        title_justify="left",
        caption=note,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        padding=(0, 1, 0, 0),
    )
    for column, given in zip(shown, widths(shown, width), strict=True):
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=given,
        )
    for cells in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*cells)
    return table


def columns_that_fit(columns: Sequence[TableColumn], width: int) -> list[TableColumn]:
    """As many as the width holds, each at its narrowest: the last ones are left out first, the first two never."""
    shown = list(columns)
    while len(shown) > ALWAYS_SHOWN and _together([column.narrowest for column in shown]) > width:
        shown.pop()
    return shown


def widths(shown: Sequence[TableColumn], width: int) -> list[int]:
    """The width of each column: what is left beside the narrowest goes to the first that has use for it."""
    given = [column.narrowest for column in shown]
    spare = width - _together(given)
    for place, column in enumerate(shown):
        more = max(min(column.widest - given[place], spare), 0)
        given[place] += more
        spare -= more
    return given


def _together(given: Sequence[int]) -> int:
    return sum(given) + _BETWEEN * max(len(given) - 1, 0)
