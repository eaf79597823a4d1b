"""Times of schedules as cron writes them, in UTC: which can be computed, and how far apart they lie.

What is started at these times is said by the Dagster shell.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from croniter import CroniterError, croniter

_ANY = "*"
_A_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
_DAYS_LOOKED_AT = 400
"""A year and a month: every weekday meets every day of a month."""


def check_cron(cron: str) -> None:
    """Raise `ValueError` unless the five fields name times that come again and again.

    Accepts what Dagster's scheduler can compute (`dagster._utils.schedules.schedule_execution_time_iterator`, which
    looks forward and back): where both a day of the month and a weekday are named, that needs times for each alone.
    """
    minute, hour, day, month, weekday = cron.split()
    for fields in {(day, month, _ANY), (_ANY, month, weekday), (day, month, weekday)}:
        try:
            times = croniter(" ".join((minute, hour, *fields)), _A_MONDAY)
            times.get_next()
            times.get_prev()
        except CroniterError:
            raise ValueError(f"{cron} names no time that ever comes") from None


def previous_times(cron: str, before: datetime, count: int) -> list[datetime]:
    """The last `count` times before a moment (UTC), the newest first."""
    times = croniter(cron, before)
    return [times.get_prev(datetime) for _ in range(count)]


@cache
def longest_gap(cron: str) -> timedelta:
    """The longest time between two times that follow each other."""
    first: datetime = croniter(cron, _A_MONDAY).get_next(datetime)
    # Within a day: those of the first one stand for all.
    day, times = [first], croniter(cron, first)
    while (following := times.get_next(datetime)) - first < timedelta(days=1):
        day.append(following)
    gaps = [later - earlier for earlier, later in pairwise(day)]
    # Over midnights, weekends and months.
    for days in range(_DAYS_LOOKED_AT):
        midnight = _A_MONDAY + timedelta(days=days)
        # The time at midnight itself comes next, not last.
        last = croniter(cron, midnight).get_prev(datetime)
        gaps.append(croniter(cron, last).get_next(datetime) - last)
    return max(gaps)
