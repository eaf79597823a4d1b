"""TMDB's weekly trending list, which stands in for Trakt's: it does not tell who is watching.

When it does is decided in `trust.standing_in`; opening a cycle over it is `trending`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ratingo_pipelines.measures.anime import anime_reason
from ratingo_pipelines.measures.scoring import list_maximum
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.tmdb import PopularTitle
from ratingo_pipelines.sources.tmdb.title import API
from ratingo_pipelines.storage import attempts, cycles
from ratingo_pipelines.storage.cycles import CycleTitle, Entry
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import TitleStatus
from ratingo_pipelines.sync.trust.lists import ListReading
from ratingo_pipelines.sync.whole_lists import WITHOUT_POPULARITY, ListGiver, WholeList, ask_until_whole

WITHOUT_TMDB_ID = "no TMDB id"
LISTED_TWICE = "listed twice"


def list_of_tmdb(ctx: SyncContext, medium: Medium) -> WholeList:
    """TMDB's list, its titles known by what Trakt's lists last said of them.

    Raises `NoCycle` where it is not whole, another `SourceError` where TMDB does not give it.
    """
    limit = ctx.settings.trending_limit
    giver = ListGiver(
        api=API,
        source=cycles.TMDB,
        attempts=attempts.TRENDING,
        ask=lambda bypass: ctx.tmdb.trending(medium, limit, bypass_cache=bypass),
        read=lambda listed: _reading(limit, listed),
    )
    listed, said = ask_until_whole(ctx, medium, giver)
    with ctx.database.reading() as conn:
        known = cycles.identities(conn, medium, {entry.id for entry in listed if entry.id is not None})
    found = tmdb_places(medium, listed, ctx.settings, known)
    largest = max((entry.popularity or 0 for entry in listed), default=0)
    return WholeList(cycles.TMDB, found, list_maximum(()), max_popularity=largest or 1, said=said)


def _reading(asked: int, listed: Sequence[PopularTitle]) -> ListReading:
    usable = [entry.id for entry in listed if entry.id is not None and entry.popularity is not None]
    named = sum(entry.id is not None and entry.name is not None for entry in listed)
    return ListReading(asked, len(listed), named, dict.fromkeys(usable, 1))


def tmdb_places(
    medium: Medium, listed: Iterable[PopularTitle], settings: Settings, known: Mapping[int, CycleTitle]
) -> list[Entry]:
    """A place for each entry, ranked from 1; what can be told to be ineligible is skipped."""
    seen: set[int] = set()
    places = []
    for rank, entry in enumerate(listed, start=1):
        reason = _ineligible(medium, entry, seen, settings)
        if entry.id is not None:
            seen.add(entry.id)
        places.append(
            replace(
                _known_as(entry, known.get(entry.id or 0)),
                rank=rank,
                outcome=cycles.PENDING if reason is None else TitleStatus.SKIPPED,
                reason=reason,
            )
        )
    return places


def _known_as(entry: PopularTitle, before: CycleTitle | None) -> Entry:
    of_trakt = before is not None and before.trakt_title is not None
    return Entry(
        rank=0,
        tmdb_id=entry.id,
        trakt_id=before.trakt_id if before else None,
        slug=before.slug if before else None,
        imdb_id=before.imdb_id if before else None,
        title=before.title if before and of_trakt else entry.name,
        year=int(entry.released[:4]) if entry.released else None,
        watchers=0,
        popularity=entry.popularity or 0,
    )


def _ineligible(medium: Medium, entry: PopularTitle, seen: set[int], settings: Settings) -> str | None:
    if entry.id is None:
        return WITHOUT_TMDB_ID
    if entry.id in seen:
        return LISTED_TWICE
    if entry.popularity is None:
        return WITHOUT_POPULARITY
    if medium.plural in settings.anime_media:
        return anime_reason([entry.name], entry.genre_ids, settings.anime_keywords, settings.anime_genre_ids)
    return None
