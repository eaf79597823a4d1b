"""Fetches a trending list and opens a cycle over it. Its titles are worked off by `titles`."""

from collections import Counter
from collections.abc import Iterable

from ratingo_pipelines.measures.anime import anime_reason
from ratingo_pipelines.measures.scoring import list_maximum
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import BadPayload
from ratingo_pipelines.sources.trakt import TrendingEntry
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.sync.monthly import fetch_missing_months
from ratingo_pipelines.sync.report import Meter, Status, TrendingReport
from ratingo_pipelines.sync.toolkit import Toolkit

WITHOUT_TMDB_ID = "no TMDB id"
LISTED_TWICE = "listed twice"


def open_trending_cycle(kit: Toolkit, medium: Medium, run_id: str | None = None) -> TrendingReport:
    """Fetch the list and the monthly lists that are missing; open a cycle with a place for each entry.

    Raises a `SourceError` where Trakt does not give the list: then no cycle is opened and all stays as it was.
    """
    meter = Meter(kit)
    listed = kit.trakt.trending(medium, kit.settings.trending_limit)
    at = kit.now()
    if not listed:
        raise BadPayload("Trakt", "the trending list is empty; nothing was changed, try again later", "trending")
    entries = places(medium, listed, kit.settings)
    months, notes = fetch_missing_months(kit, medium)
    with kit.database.writing() as conn:
        cycle = cycles.open_cycle(conn, medium, at, entries, list_maximum(entry.watchers for entry in listed), run_id)
    return TrendingReport(
        medium=medium.plural,
        cycle_id=cycle.id,
        cycle_at=cycle.cycle_at,
        fetched=len(listed),
        eligible=sum(entry.outcome == "pending" for entry in entries),
        skipped=dict(Counter(entry.reason or "" for entry in entries if entry.outcome == Status.SKIPPED)),
        max_watchers=cycle.max_watchers,
        months_fetched=tuple(months),
        notes=tuple(notes),
        requests=meter.requests,
        seconds=meter.seconds,
    )


def places(medium: Medium, listed: Iterable[TrendingEntry], settings: Settings) -> list[Entry]:
    """A place in the cycle for each entry of the list, ranked from 1; what can be told to be ineligible is skipped."""
    seen: set[int] = set()
    entries = []
    for rank, entry in enumerate(listed, start=1):
        title = entry.title
        reason = _ineligible(medium, entry, seen, settings)
        if title.tmdb is not None:
            seen.add(title.tmdb)
        entries.append(
            Entry(
                rank=rank,
                tmdb_id=title.tmdb,
                trakt_id=title.trakt,
                slug=title.slug,
                imdb_id=title.imdb,
                title=title.title,
                year=title.year,
                watchers=entry.watchers,
                rating=title.rating,
                votes=title.votes,
                outcome="pending" if reason is None else Status.SKIPPED,
                reason=reason,
            )
        )
    return entries


def _ineligible(medium: Medium, entry: TrendingEntry, seen: set[int], settings: Settings) -> str | None:
    title = entry.title
    if title.tmdb is None:
        return WITHOUT_TMDB_ID
    if title.tmdb in seen:
        return LISTED_TWICE
    if medium.plural in settings.anime_media:
        return anime_reason([title.title], (), settings.anime_keywords, settings.anime_genre_ids)
    return None
