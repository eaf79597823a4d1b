"""Whether a title is to be listed: what the anime filter and TMDB's word mean for a stored title, and for a new one.

Pure. What the filter catches is `measures.anime`'s; what is done about it `gather`'s and `outcomes`'.
"""

from dataclasses import dataclass

UNKNOWN_TO_TMDB = "unknown to TMDB"


@dataclass(frozen=True)
class StoredStanding:
    """What is known of a title before the answer."""

    stored: bool
    """Whether TMDB has answered about it before, so that there is something to lose."""
    filtered: bool
    """Whether our settings, as they are now, stop it by what is stored of it already."""
    stopped: str | None
    """Why it was found ineligible the last time, if it was."""


@dataclass(frozen=True)
class Eligibility:
    """What is to be done: skip the title, or doubt the answer and go on, or neither. Each with the reason."""

    skip: str | None = None
    doubt: str | None = None


def when_unknown(standing: StoredStanding) -> Eligibility:
    """TMDB does not know the title: believed at once unless it is one that TMDB has told of."""
    return _denied(UNKNOWN_TO_TMDB, doubtful=standing.stored and standing.stopped is None)


def when_answered(standing: StoredStanding, caught: str | None, *, whole: bool) -> Eligibility:
    """TMDB answered; `caught` is the anime filter's reason by this answer, `whole` whether it tells what that asks.

    What our own settings stop goes at once. A title that was stopped is let in again only by an answer that is whole:
    without genres and translations the filter sees nothing.
    """
    if caught is not None:
        return _denied(caught, doubtful=standing.stored and not standing.filtered and standing.stopped is None)
    if standing.stopped not in (None, UNKNOWN_TO_TMDB) and not whole:
        return Eligibility(skip=standing.stopped)
    return Eligibility()


def _denied(reason: str, *, doubtful: bool) -> Eligibility:
    return Eligibility(doubt=reason) if doubtful else Eligibility(skip=reason)
