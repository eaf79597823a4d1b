"""Markdown for Dagster's UI, out of text that strangers wrote: titles, and reasons that quote what an API said.

Dagster shows it as GitHub does (https://github.github.com/gfm/); a picture in it would be fetched by whoever looks.
"""

import re
from collections.abc import Iterable, Sequence

from ratingo_pipelines.text import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#|!~&])")
_BULLET = re.compile(r"^(\d*)([-+.)])(?= |$)")


def escaped(text: str) -> str:
    """The text on one line, as it is: no markup of its own, no end of a table's cell."""
    line = visible(" ".join(text.split()))
    return _BULLET.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], align: str | None = None) -> str:
    """A table of cells that are Markdown already; `align` has a letter for each column, r or l."""
    sides = ["--:" if side == "r" else "---" for side in align or "l" * len(columns)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, sides, *rows))


def listed(lines: Iterable[str]) -> str:
    """A list of lines that strangers may have had a part in."""
    return "\n".join(f"- {escaped(line)}" for line in lines)
