"""Whether this machine's clock is right, and what becomes of times that a wrong one gave: pure decisions.

Trakt's clock is the measure, by the `Date` of an answer that it gave just now. Reading clocks and dating rows anew is
`sync.clock`'s.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

AGREES_WITHIN = timedelta(minutes=5)
"""Clocks that differ by less agree; what lies further ahead of now was dated by a wrong clock."""
NO_CYCLE_FROM = timedelta(hours=1)
"""From this difference on no cycle is opened: its time would be wrong for good."""
_APART = timedelta(seconds=1)


def agrees(ahead: timedelta) -> bool:
    """Whether a clock that is so far ahead of Trakt's (behind it, if negative) agrees with it."""
    return abs(ahead) < AGREES_WITHIN


def forbids_cycle(ahead: timedelta) -> bool:
    """Whether a clock is so far from Trakt's that nothing may be dated by it."""
    return abs(ahead) >= NO_CYCLE_FROM


def redated(ahead: Sequence[datetime], last_right: datetime | None, now: datetime) -> list[datetime]:
    """New times for cycles that lie ahead, given in their order: one second apart, the newest at now.

    They stay newer than the last cycle whose time is right.
    """
    first = now.replace(microsecond=0) - (len(ahead) - 1) * _APART
    if last_right is not None:
        first = max(first, last_right + _APART)
    return [first + place * _APART for place in range(len(ahead))]


def in_words(ahead: timedelta) -> str:
    """How far a clock is off, as people say it: `2 h 3 min ahead of Trakt's`."""
    minutes = max(round(abs(ahead).total_seconds() / 60), 1)
    days, hours = minutes // 1440, minutes % 1440 // 60
    parts = [(days, "d"), (hours, "h"), (minutes % 60, "min")]
    said = " ".join(f"{number} {unit}" for number, unit in parts if number)
    return f"{said} {'ahead of' if ahead > timedelta() else 'behind'} Trakt's"
