"""When TMDB's trending list stands in for Trakt's. Pure: asking either, and remembering what came, is `trending`'s."""

from collections.abc import Iterable
from datetime import datetime

from ratingo_pipelines.cron import previous_times
from ratingo_pipelines.settings import OFF

LISTS_MISSED = 2
"""So many scheduled lists of Trakt's that did not come, or were not whole."""


def stands_in(*, refused: bool, failed_at: Iterable[datetime], last_whole: datetime | None, cron: str) -> bool:
    """Whether TMDB's list is taken: at once where Trakt refuses access, else once two scheduled lists were missed.

    `failed_at` are the times at which Trakt was asked in vain, this one among them; `last_whole` is that of its last
    list that was whole, which the time it was scheduled for has not missed.
    """
    if refused:
        return True
    scheduled = {_scheduled_for(cron, at) for at in failed_at}
    missed = {at for at in scheduled if last_whole is None or at > last_whole}
    return len(missed) >= LISTS_MISSED


def _scheduled_for(cron: str, at: datetime) -> datetime:
    """The schedule's last time before a moment; of lists that somebody else asks for, the hour."""
    return at.replace(minute=0, second=0, microsecond=0) if cron == OFF else previous_times(cron, at, 1)[0]
