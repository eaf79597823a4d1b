"""What there is to do for one title: which stages, and what the latest cycle says of it. Plain values, no I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ratingo_pipelines.storage.cycles import Cycle, CycleTitle
from ratingo_pipelines.sync.trust.parts import PartKey


class TitleStage(StrEnum):
    """A part of a title that can be asked for alone; a Dagster asset each."""

    DETAILS = "details"
    RATINGS = "ratings"
    SPARKLINES = "sparklines"


ALL_STAGES = frozenset(TitleStage)
STORE = "store"
"""The stage of failures that no part of the title is to blame for."""
FAILURE_STAGES = frozenset({*TitleStage, STORE})
"""All stages in which a title can fail by itself; those of backfills are named after them."""


@dataclass(frozen=True)
class Place:
    """A title's place in the latest cycle, with the numbers its measures compare with."""

    cycle: Cycle
    title: CycleTitle
    quarter_delta: float | None = None
    """Last three months' watchers minus the three before; None where no monthly list names the title."""


@dataclass(frozen=True, slots=True)
class TitleWork:
    """One title to do; `place` is None where the latest cycle does not name it."""

    tmdb_id: int
    title: str
    trakt: int | str | None = None
    """Trakt's id, or the slug or IMDb id that Trakt takes in its place."""
    imdb_id: str | None = None
    trakt_title: str | None = None
    place: Place | None = None
    known: bool = False
    """Whether the title already has a row."""
    failed_before: bool = False
    """Whether failures are on record, which a success clears."""
    rated: bool = False
    """Whether people are known to have rated the title at Trakt."""
    related_due: bool = True
    """Whether Trakt's related list is to be asked again."""
    stored: bool = False
    """Whether TMDB has answered about it before, so that there is something to lose."""
    filtered: bool = False
    """Whether our settings, as they are now, stop it by what is stored of it."""
    stopped: str | None = None
    """Why it was found ineligible the last time, if it was."""
    doubts: tuple[PartKey, ...] = ()
    """The open doubts about it."""
    ratings_due: bool = False
    """Whether Trakt's ratings are to be asked for after its details (`completion`)."""
    due_since: datetime | None = None
    """Since when it is on record that TMDB has changed it, if it is."""
