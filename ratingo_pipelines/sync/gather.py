"""Asks the sources about one title. HTTP only: nothing is written, nothing is open while it waits.

Each part that could not be had is a failure of its own, so that the parts that came can still be stored. Whether it is
the title's own or the source's is judged by who runs the batch (`batch`), which is told of each answer.
"""

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from ratingo_pipelines.measures.anime import anime_reason
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import NotFound, SourceError
from ratingo_pipelines.sources.tmdb import TmdbTitle
from ratingo_pipelines.sources.trakt import TraktClient, TraktRatings, TraktTitle
from ratingo_pipelines.sync.batch import HasTitle
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import RELATED_ASKED
from ratingo_pipelines.sync.report import BatchStopped, TitleFailure
from ratingo_pipelines.sync.trust.blame import Answer, Kind, Question, kind_of
from ratingo_pipelines.sync.trust.eligibility import (
    UNKNOWN_TO_TMDB,
    Eligibility,
    StoredStanding,
    when_answered,
    when_unknown,
)
from ratingo_pipelines.sync.trust.parts import ANIME, UNKNOWN, PartKey
from ratingo_pipelines.sync.witnesses import AskAgain
from ratingo_pipelines.sync.work import TitleStage, TitleWork

WITHOUT_ROW = "the title has no row yet: materialize its details first"
WITHOUT_TRAKT_ID = "no trending list has named the title, so its Trakt id is not known"
NO_RATINGS = TraktRatings(rating=None, votes=None, distribution=None)
"""Trakt's answer for a title it has no ratings of."""

TMDB_DETAILS = Question("TMDB", TitleStage.DETAILS)
TRAKT_RATINGS = Question("Trakt", TitleStage.RATINGS)
TRAKT_RELATED = Question("Trakt", TitleStage.DETAILS)
"""The questions that are asked about a title."""

Told = TypeVar("Told")


@dataclass(frozen=True)
class Gathered:
    """What the sources said of one title; None where they were not asked or did not answer."""

    skip: str | None = None
    """Why the title is not to be listed, if it is not."""
    found_as: int | None = None
    """The TMDB id that has the title's IMDb id, where TMDB does not know the title's own."""
    details: TmdbTitle | None = None
    ratings: TraktRatings | None = None
    related: list[TraktTitle] | None = None
    failures: tuple[TitleFailure, ...] = field(default=())
    doubts: Mapping[PartKey, str] = field(default_factory=dict)
    """Why the title itself is in doubt: TMDB does not know it any more, or it falls to the anime filter."""
    nothing_to_store: bool = False
    """Whether the title has no row and its details, which would make one, did not come."""


Gathering = Generator[Answer, None, Gathered]
"""The questions about one title, as they are asked."""


def gather(ctx: SyncContext, medium: Medium, work: TitleWork, stages: Collection[TitleStage]) -> Gathering:
    """Ask for `stages` of one title, yielding what came of each question.

    To go on after a failure is to take it for the title's own. TMDB is asked first: a title it does not know, or that
    the anime filter catches, costs Trakt no request. Raises `BatchStopped` where an API is of no use for the next title
    either.
    """
    failures: list[TitleFailure] = []
    details = ratings = related = None
    doubts: dict[PartKey, str] = {}
    if TitleStage.DETAILS in stages:
        told = yield from _ask(work, TMDB_DETAILS, lambda: ctx.tmdb.details(medium, work.tmdb_id), bool)
        if isinstance(told, NotFound):
            elsewhere = yield from _found_elsewhere(ctx, medium, work)
            if elsewhere is not None:
                return elsewhere
            key, eligibility = UNKNOWN, when_unknown(_standing(work))
        else:
            details = _unless_failed(work, TitleStage.DETAILS, told, failures)
            key, eligibility = ANIME, _judged_by_filter(ctx, medium, work, details)
        if eligibility.skip is not None:
            return Gathered(skip=eligibility.skip)
        if eligibility.doubt is not None:
            doubts[key] = eligibility.doubt
    if details is None and not work.known:
        failures = failures or [_failure(work, min(stages), WITHOUT_ROW)]
        return Gathered(failures=tuple(failures), nothing_to_store=True)

    if ctx.trakt is None:
        return Gathered(details=details, failures=tuple(failures), doubts=doubts)
    # Trakt takes an IMDb id in place of its own, and TMDB may just have told it.
    trakt = work.trakt or (details.imdb_id if details else None)
    if TitleStage.RATINGS in stages:
        if trakt is None:
            failures.append(_failure(work, TitleStage.RATINGS, WITHOUT_TRAKT_ID))
        else:
            rate = partial(_ratings, ctx.trakt, medium, work, trakt)
            rated = yield from _ask(work, TRAKT_RATINGS, rate, lambda ratings: ratings != NO_RATINGS)
            rated = NO_RATINGS if isinstance(rated, NotFound) else rated
            ratings = _unless_failed(work, TitleStage.RATINGS, rated, failures)
    if TitleStage.DETAILS in stages and work.related_due and trakt is not None:
        relate = partial(ctx.trakt.related, medium, trakt, RELATED_ASKED)
        listed = yield from _ask(work, TRAKT_RELATED, relate, bool)
        listed = [] if isinstance(listed, NotFound) else listed
        related = _unless_failed(work, TitleStage.DETAILS, listed, failures)
    return Gathered(details=details, ratings=ratings, related=related, failures=tuple(failures), doubts=doubts)


def without_details(work: TitleWork, gathered: Gathered) -> Gathered:
    """As if TMDB did not know the title: what it told turned out to be about another one."""
    eligibility = when_unknown(_standing(work))
    if eligibility.doubt is None:
        return Gathered(skip=eligibility.skip)
    return replace(gathered, details=None, doubts={UNKNOWN: eligibility.doubt})


def _judged_by_filter(ctx: SyncContext, medium: Medium, work: TitleWork, details: TmdbTitle | None) -> Eligibility:
    if details is None:
        return Eligibility()
    caught = caught_by_anime_filter(ctx, medium, work, details)
    return when_answered(_standing(work), caught, whole=bool(details.genres and details.translations))


def _standing(work: TitleWork) -> StoredStanding:
    return StoredStanding(work.stored, work.filtered, work.stopped)


def asking_again(ctx: SyncContext, medium: Medium, work: TitleWork, question: Question) -> AskAgain | None:
    """How one of these questions is asked anew about a title that had an answer; None where it cannot be asked."""
    trakt, client = work.trakt, ctx.trakt
    if question == TMDB_DETAILS:
        return lambda: bool(ctx.tmdb.details(medium, work.tmdb_id, bypass_cache=True))
    if trakt is None or client is None:
        return None
    if question == TRAKT_RATINGS:
        return lambda: client.ratings(medium, trakt, bypass_cache=True) != NO_RATINGS
    return lambda: bool(client.related(medium, trakt, RELATED_ASKED, bypass_cache=True))


def _found_elsewhere(ctx: SyncContext, medium: Medium, work: TitleWork) -> Generator[Answer, None, Gathered | None]:
    """Look for a listed title by its IMDb id: TMDB merges titles, and Trakt goes on naming the id that is gone.

    None where it is not found either.
    """
    imdb_id = work.imdb_id
    if work.place is None or imdb_id is None:
        return None
    # What it finds proves nothing about the question that failed.
    found = yield from _ask(work, TMDB_DETAILS, lambda: ctx.tmdb.find_by_imdb(medium, imdb_id), lambda found: False)
    if isinstance(found, SourceError):
        return Gathered(failures=(failure_of(work, TitleStage.DETAILS, found),), nothing_to_store=True)
    return None if found in {None, work.tmdb_id} else Gathered(skip=UNKNOWN_TO_TMDB, found_as=found)


def _ask(
    work: TitleWork, question: Question, ask: Callable[[], Told], tells: Callable[[Told], bool]
) -> Generator[Answer, None, Told | SourceError]:
    """Ask, and yield what came of it, unless the source has nothing to tell (`tells`): that proves nothing."""
    try:
        told = ask()
    except SourceError as error:
        if error.stops_api:
            raise BatchStopped.by(error) from error
        yield Answer(question, work.tmdb_id, kind_of(error), str(error))
        return error
    if tells(told):
        yield Answer(question, work.tmdb_id, Kind.WELL)
    return told


def _unless_failed(
    work: TitleWork, stage: TitleStage, told: Told | SourceError, failures: list[TitleFailure]
) -> Told | None:
    if not isinstance(told, SourceError):
        return told
    failures.append(failure_of(work, stage, told))
    return None


def _ratings(client: TraktClient, medium: Medium, work: TitleWork, trakt: int | str) -> TraktRatings:
    try:
        return client.ratings(medium, trakt)
    except NotFound:
        # Of a title that nobody has rated it is an answer like any other.
        if work.rated:
            raise
        return NO_RATINGS


def caught_by_anime_filter(ctx: SyncContext, medium: Medium, work: TitleWork, details: TmdbTitle) -> str | None:
    """The anime filter's reason to skip a title, now that its Ukrainian title and genres are known."""
    settings = ctx.settings
    if medium.plural not in settings.anime_media:
        return None
    ukrainian = [entry.title for entry in details.translations or [] if entry.language == "uk"]
    genre_ids = [genre.id for genre in details.genres or []]
    return anime_reason([work.trakt_title, *ukrainian], genre_ids, settings.anime_keywords, settings.anime_genre_ids)


def failure_of(item: HasTitle, stage: str, error: SourceError) -> TitleFailure:
    """A source's error as this title's failure."""
    return TitleFailure(item.tmdb_id, item.title, stage, str(error), error.api, kind_of(error))


def _failure(work: TitleWork, stage: TitleStage, reason: str) -> TitleFailure:
    return TitleFailure(work.tmdb_id, work.title, stage, reason)
