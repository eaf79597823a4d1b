"""Query parameters of the endpoints: described once, read and refused here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from ratingo_pipelines.gateway.api.answers import Refused
from ratingo_pipelines.media import MEDIA

LONGEST_WAIT = 3600
MOST_DIGITS = 18
LARGEST_KEY = 2**31 - 1
"""Keys are 32-bit integers."""


@dataclass(frozen=True)
class Parameter:
    """A whole number within bounds; one outside them is clamped or refused."""

    name: str
    default: int
    low: int
    high: int
    clamped: bool
    description: str
    bare: int | None = None
    """What the name without a value means; None where it is refused."""

    def read(self, text: str | None) -> int:
        """The value given. Raises Refused."""
        if text is None:
            return self.default
        if not text and self.bare is not None:
            return self.bare
        if not re.fullmatch(rf"-?[0-9]{{1,{MOST_DIGITS}}}", text):
            raise Refused(400, f"{self.name} must be a whole number, {self.low} to {self.high}")
        value = int(text)
        if not self.clamped and not self.low <= value <= self.high:
            raise Refused(400, f"{self.name} must be {self.low} to {self.high}")
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class Choice:
    """One of several words, or none."""

    name: str
    choices: tuple[str, ...]
    description: str

    def read(self, text: str | None) -> str | None:
        """The word given. Raises Refused."""
        if text is not None and text not in self.choices:
            raise Refused(400, f"{self.name} must be {' or '.join(self.choices)}")
        return text


def wait(default: int) -> Parameter:
    """How long a trigger waits for its run."""
    description = "Seconds to wait for the end; past it 202 and the run's address. 0 answers at once."
    return Parameter("wait", default, 0, LONGEST_WAIT, False, description)


STRICT = Parameter("strict", 0, 0, 1, False, "With it, also whether what is served is up to date.", bare=1)
LIMIT = Parameter("limit", 10, 1, 50, True, "Titles to process, 1 to 50; other numbers become the nearest of these.")


SINCE = Parameter("since", 0, 0, LARGEST_KEY, False, "The `cursor` of the answer before; 0 begins with the oldest.")
MOST = Parameter("limit", 100, 1, 1000, False, "Changes in one answer, 1 to 1000.")
MEDIUM = Choice("medium", tuple(medium.plural for medium in MEDIA), "Only changes of `shows`, or only of `movies`.")


def read(given: QueryParams, known: Sequence[Parameter], choices: Sequence[Choice] = ()) -> dict[str, int]:
    """The values of all known numbers. Raises Refused for wrong ones, and for unknown and repeated parameters."""
    takes_names = [*(parameter.name for parameter in known), *(choice.name for choice in choices)]
    names = [name for name, _ in given.multi_items()]
    for name in names:
        if name not in takes_names:
            takes = " and ".join(takes_names) or "none"
            raise Refused(400, f"unknown parameter; this endpoint takes {takes}")
        if names.count(name) > 1:
            raise Refused(400, f"{name} is given more than once")
    return {parameter.name: parameter.read(given.get(parameter.name)) for parameter in known}
