"""Asks the sources about one title. HTTP only: nothing is written, nothing is open while it waits.

Each part that could not be had is a failure of its own, so that the parts that came can still be stored.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from ratingo_pipelines.measures.anime import anime_reason
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import NotFound, SourceError, SourceUnavailable
from ratingo_pipelines.sources.tmdb import TmdbTitle
from ratingo_pipelines.sources.trakt import TraktRatings, TraktTitle
from ratingo_pipelines.sync.batch import HasTitle
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import RELATED_SHOWN
from ratingo_pipelines.sync.report import BatchStopped, StopReason, TitleFailure
from ratingo_pipelines.sync.work import TitleStage, TitleWork

UNKNOWN_TO_TMDB = "unknown to TMDB"
WITHOUT_ROW = "the title has no row yet: materialize its details first"
WITHOUT_TRAKT_ID = "no trending list has named the title, so its Trakt id is not known"
NO_RATINGS = TraktRatings(rating=None, votes=None, distribution=None)
"""Trakt's answer for a title it has no ratings of."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Gathered:
    """What the sources said of one title; None where they were not asked or did not answer."""

    skip: str | None = None
    """Why the title is passed over, if it is."""
    details: TmdbTitle | None = None
    ratings: TraktRatings | None = None
    related: list[TraktTitle] | None = None
    failures: tuple[TitleFailure, ...] = field(default=())
    nothing_to_store: bool = False
    """Whether the title has no row and its details, which would make one, did not come."""


def gather(ctx: SyncContext, medium: Medium, work: TitleWork, stages: Collection[TitleStage]) -> Gathered:
    """Ask for `stages` of one title; raise `BatchStopped` where an API refuses access.

    TMDB is asked first: a title it does not know, or that the anime filter catches, costs Trakt no request.
    """
    failures: list[TitleFailure] = []

    def attempt(stage: TitleStage, ask: Callable[[], Answer]) -> Answer | None:
        try:
            return ask()
        except NotFound:
            raise
        except SourceError as error:
            if error.stops_run:
                raise BatchStopped(str(error), StopReason.ACCESS) from error
            failures.append(failure_of(work, stage, error))
            return None

    details = ratings = related = None
    if TitleStage.DETAILS in stages:
        try:
            details = attempt(TitleStage.DETAILS, lambda: ctx.tmdb.details(medium, work.tmdb_id))
        except NotFound:
            return Gathered(skip=UNKNOWN_TO_TMDB)
    if details is not None and (caught := caught_by_anime_filter(ctx, medium, work, details)):
        return Gathered(skip=caught)
    if details is None and not work.known:
        failures = failures or [_failure(work, min(stages), WITHOUT_ROW)]
        return Gathered(failures=tuple(failures), nothing_to_store=True)

    trakt = work.trakt
    if TitleStage.RATINGS in stages:
        if trakt is None:
            failures.append(_failure(work, TitleStage.RATINGS, WITHOUT_TRAKT_ID))
        else:
            ratings = attempt(TitleStage.RATINGS, lambda: _ratings(ctx, medium, trakt))
    if TitleStage.DETAILS in stages and work.related_due and trakt is not None:
        related = attempt(TitleStage.DETAILS, lambda: _related(ctx, medium, trakt))
    return Gathered(details=details, ratings=ratings, related=related, failures=tuple(failures))


def _ratings(ctx: SyncContext, medium: Medium, trakt: int | str) -> TraktRatings:
    try:
        return ctx.trakt.ratings(medium, trakt)
    except NotFound:
        return NO_RATINGS


def _related(ctx: SyncContext, medium: Medium, trakt: int | str) -> list[TraktTitle]:
    try:
        return ctx.trakt.related(medium, trakt, RELATED_SHOWN)
    except NotFound:
        return []


def caught_by_anime_filter(ctx: SyncContext, medium: Medium, work: TitleWork, details: TmdbTitle) -> str | None:
    """The anime filter's reason to skip a title, now that its Ukrainian title and genres are known."""
    settings = ctx.settings
    if medium.plural not in settings.anime_media:
        return None
    ukrainian = [entry.title for entry in details.translations or [] if entry.language == "uk"]
    genre_ids = [genre.id for genre in details.genres or []]
    return anime_reason([work.trakt_title, *ukrainian], genre_ids, settings.anime_keywords, settings.anime_genre_ids)


def failure_of(work: HasTitle, stage: str, error: SourceError) -> TitleFailure:
    """A source's error as this title's failure."""
    return TitleFailure(
        work.tmdb_id,
        work.title,
        stage,
        str(error),
        try_again_at=getattr(error, "until", None),
        spends_attempt=error.spends_attempt,
        unanswered=isinstance(error, SourceUnavailable) and not error.stops_api,
    )


def _failure(work: TitleWork, stage: TitleStage, reason: str) -> TitleFailure:
    return TitleFailure(work.tmdb_id, work.title, stage, reason)
