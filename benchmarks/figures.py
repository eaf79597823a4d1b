"""A measured figure beside its physical floor and the limit it must keep, and how it is written down."""

from collections.abc import Iterable
from dataclasses import dataclass

EXACT = "facts that differ from the sandbox's truth"


@dataclass(frozen=True)
class Figure:
    """One measurement, or a count. Without a limit it is a record."""

    what: str
    value: float
    unit: str = ""
    floor: float | None = None
    """What physics and the limits of the APIs leave at best, in the same unit."""
    limit: float | None = None
    at_least: bool = False
    """Is the limit the least that is good enough, rather than the most?"""
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Is the limit kept? None without one."""
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def ratio(self) -> float | None:
        """How many times the floor the figure is; of a rate, the part of the ceiling."""
        return self.value / self.floor if self.floor else None

    def row(self) -> str:
        """The figure as a line of the table."""
        verdict = {None: "", True: "yes", False: "**NO**"}[self.kept]
        bound = "" if self.limit is None else f"{'≥' if self.at_least else '≤'} {_number(self.limit, self.unit)}"
        floor = "" if self.floor is None else _number(self.floor, self.unit)
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        what = self.what + (f" ({self.note})" if self.note else "")
        return f"| {what} | {_number(self.value, self.unit)} | {floor} | {ratio} | {bound} | {verdict} |"


def table(figures: Iterable[Figure]) -> str:
    """The figures as a table."""
    head = "| what | figure | floor | ratio | must reach | reached |\n|---|---:|---:|---:|---:|---|"
    return "\n".join([head, *(figure.row() for figure in figures)])


def exact(found: Iterable[str], where: str) -> Figure:
    """The number of differences from the truth, the first of which is shown."""
    found = list(found)
    return Figure(f"{where}: {EXACT}", len(found), limit=0, note=found[0] if found else "")


def _number(value: float, unit: str) -> str:
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    return f"{value:,.{digits}f} {unit}".strip()
