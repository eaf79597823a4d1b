"""A remark of the doctor's, and what all of them together amount to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    """It is not as it should be, or does not run here; the next sync goes well all the same."""
    WRONG = "wrong"
    """The next sync would fail."""


@dataclass(frozen=True)
class Remark:
    """One thing that was looked at."""

    about: str
    severity: Severity
    said: str
    remedy: str | None = None
    """What to do; None where all is well, or where `said` says it."""


def exit_code(remarks: Iterable[Remark]) -> int:
    """0 where all is well, 1 with warnings, 2 where something is wrong."""
    return max((list(Severity).index(remark.severity) for remark in remarks), default=0)
