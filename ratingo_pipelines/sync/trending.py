"""Fetches a trending list and opens a cycle over it. Its titles are worked off by `titles`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from ratingo_pipelines.measures.anime import anime_reason
from ratingo_pipelines.measures.scoring import list_maximum
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import BadPayload
from ratingo_pipelines.sources.trakt import TrendingEntry
from ratingo_pipelines.storage import cycles, failures
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.monthly import fetch_missing_months
from ratingo_pipelines.sync.report import Meter, TitleStatus, TrendingReport
from ratingo_pipelines.sync.work import STORE, TitleStage
from ratingo_pipelines.text import counted

WITHOUT_TMDB_ID = "no TMDB id"
WITHOUT_WATCHERS = "no watchers"
LISTED_TWICE = "listed twice"
_NOT_TO_BE_HAD = {TitleStage.DETAILS, STORE}
"""The stages without which there is no title; where another one is given up, the title is still worth a snapshot."""
_NOTHING_LISTED = "the trending list is empty or unreadable; nothing was changed, try again later"


def open_trending_cycle(
    ctx: SyncContext, medium: Medium, run_id: str | None = None, asked_at: datetime | None = None
) -> TrendingReport:
    """Fetch the list and the monthly lists that are missing; open a cycle with a place for each entry.

    A cycle that was opened since `asked_at` answers the request already: of two triggers at once, one fetches.
    Raises a `SourceError` where Trakt does not give the list: then no cycle is opened and all stays as it was.
    """
    meter = Meter(ctx)
    if asked_at is not None and (reused := _opened_since(ctx, medium, asked_at, meter)):
        return reused
    listed = ctx.trakt.trending(medium, ctx.settings.trending_limit)
    at = ctx.now()
    if not any(entry.title.tmdb and entry.watchers is not None for entry in listed):
        raise BadPayload("Trakt", _NOTHING_LISTED, "trending")
    entries = places(medium, listed, ctx.settings)
    months, notes = fetch_missing_months(ctx, medium)
    watchers = [entry.watchers for entry in listed if entry.watchers is not None]
    with ctx.database.writing() as conn:
        entries, given_up = leave_out_given_up(conn, ctx, medium, entries)
        cycle = cycles.open_cycle(conn, medium, at, entries, list_maximum(watchers), run_id)
    return TrendingReport(
        medium=medium.plural,
        cycle_id=cycle.id,
        cycle_at=cycle.cycle_at,
        fetched=len(listed),
        eligible=cycle.eligible,
        skipped=dict(Counter(entry.reason or "" for entry in entries if entry.outcome == TitleStatus.SKIPPED)),
        max_watchers=cycle.max_watchers,
        months_fetched=tuple(months),
        notes=(*notes, *given_up),
        requests=meter.requests,
        seconds=meter.seconds,
    )


def _opened_since(ctx: SyncContext, medium: Medium, moment: datetime, meter: Meter) -> TrendingReport | None:
    with ctx.database.reading() as conn:
        cycle = cycles.cycle_opened_since(conn, medium, moment)
    if cycle is None:
        return None
    return TrendingReport(
        medium=medium.plural,
        cycle_id=cycle.id,
        cycle_at=cycle.cycle_at,
        fetched=cycle.listed,
        eligible=cycle.eligible,
        skipped={},
        max_watchers=cycle.max_watchers,
        reused=True,
        notes=("another run opened this cycle after this one was asked for; nothing was fetched again",),
        requests=meter.requests,
        seconds=meter.seconds,
    )


def leave_out_given_up(
    conn: Connection, ctx: SyncContext, medium: Medium, entries: Sequence[Entry]
) -> tuple[list[Entry], list[str]]:
    """Enter titles that were given up as failed, not pending, until they are due again; with a note on each."""
    given_up = {
        failure.tmdb_id: f"given up after {counted(failure.attempts, 'attempt')} "
        f"({failure.stage}: {failure.last_error}); next try {failure.next_attempt_at:%Y-%m-%d %H:%M} UTC"
        for failure in failures.given_up(conn, medium, ctx.settings.give_up_after, ctx.now())
        if failure.stage in _NOT_TO_BE_HAD
    }
    left_out = [entry for entry in entries if entry.outcome == cycles.PENDING and entry.tmdb_id in given_up]
    kept = [
        replace(entry, outcome=cycles.ERROR, reason=given_up[entry.tmdb_id or 0]) if entry in left_out else entry
        for entry in entries
    ]
    return kept, [f"{entry.tmdb_id} {entry.title}: {given_up[entry.tmdb_id or 0]}" for entry in left_out]


def places(medium: Medium, listed: Iterable[TrendingEntry], settings: Settings) -> list[Entry]:
    """A place in the cycle for each entry of the list, ranked from 1; what can be told to be ineligible is skipped."""
    seen: set[int] = set()
    entries = []
    for rank, entry in enumerate(listed, start=1):
        title = entry.title
        reason = _ineligible(medium, entry, seen, settings)
        if title.tmdb is not None and reason != WITHOUT_WATCHERS:
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
                watchers=entry.watchers or 0,
                rating=title.rating,
                votes=title.votes,
                outcome="pending" if reason is None else TitleStatus.SKIPPED,
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
    if entry.watchers is None:
        return WITHOUT_WATCHERS
    if medium.plural in settings.anime_media:
        return anime_reason([title.title], (), settings.anime_keywords, settings.anime_genre_ids)
    return None
