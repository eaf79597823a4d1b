"""Divides a source's day among the titles that wait for it. Pure: no database, no clock.

Which titles wait is the storage's to tell; what is spent is counted by who spends it (`omdb_quota`).
"""

from collections.abc import Mapping
from math import ceil

from ratingo_pipelines.storage.turns import Turn

LEAST = 20
"""One part in so many of a budget is each class's, however many wait before it, so that nothing waits for ever."""


def plan(budget: int, waiting: Mapping[Turn, int]) -> dict[Turn, int]:
    """How many of each class are asked about: in their order, but for the part that is left to those further down.

    Of a budget too small for that part to be one request, each class has one as long as there is one for each.
    """
    least = max(budget // LEAST, 1) if budget >= len(Turn) else 0
    kept = {turn: min(least, waiting.get(turn, 0)) for turn in Turn}
    left, granted = max(budget, 0), {}
    for turn in Turn:
        del kept[turn]
        granted[turn] = min(waiting.get(turn, 0), left - sum(kept.values()))
        left -= granted[turn]
    return granted


def days_until(budget: int, waiting: Mapping[Turn, int]) -> dict[Turn, int | None]:
    """How many days pass until all that wait now were asked about, of each class that has some.

    Today is the first day; none that begin to wait meanwhile are reckoned with. None: never, as there is no budget.
    """
    left, days = {turn: count for turn, count in waiting.items() if count > 0}, 0
    found: dict[Turn, int | None] = dict.fromkeys(left) if budget <= 0 else {}
    while left and budget > 0:
        granted = plan(budget, left)
        # As many days at once as pass before the first class is through.
        same = min(ceil(count / granted[turn]) for turn, count in left.items() if granted[turn])
        over = max(same - 1, 1)
        days += over
        left = {turn: count - granted[turn] * over for turn, count in left.items()}
        found |= {turn: days for turn, count in left.items() if count <= 0}
        left = {turn: count for turn, count in left.items() if count > 0}
    return {turn: found[turn] for turn in Turn if turn in found}
