"""Who waits for a source whose day is not enough for all, and until when, by the plan of the day.

OMDb is the one source whose key has a day: what is due at the others is asked with the next run of its job.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.turns import Turn
from ratingo_pipelines.sync.omdb_quota import API
from ratingo_pipelines.sync.omdb_turns import waiting_at_omdb
from ratingo_pipelines.sync.planner import days_until


@dataclass(frozen=True)
class WaitingTitles:
    """Titles of all media that wait for a source, of one class."""

    api: str
    turn: Turn
    titles: int
    until: datetime | None
    """The end of the UTC day on which the last of them is asked about, as things are; None: never."""


def waiting_titles(conn: Connection, settings: Settings, now: datetime, used_today: int) -> tuple[WaitingTitles, ...]:
    """All that wait now, in the order of the plan; nobody does where there is no key."""
    if settings.omdb_api_key is None:
        return ()
    waiting: Counter[Turn] = Counter()
    for medium in MEDIA:
        waiting.update(waiting_at_omdb(conn, settings, now, medium))
    limit = settings.omdb_daily_limit
    # A day that is used up is not the first of those that are left.
    first = datetime.combine(now.date(), time(), UTC) + timedelta(days=used_today >= limit)
    return tuple(
        WaitingTitles(API, turn, waiting[turn], None if days is None else first + timedelta(days=days))
        for turn, days in days_until(limit, waiting).items()
    )
