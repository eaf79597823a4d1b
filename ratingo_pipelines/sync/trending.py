"""Fetches a trending list and opens a cycle over it, if the list is whole. Its titles are worked off by `titles`.

Whether a list is whole is decided in `trust.lists`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from ratingo_pipelines.measures.anime import anime_reason
from ratingo_pipelines.measures.scoring import list_maximum
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.trakt import API, TrendingEntry
from ratingo_pipelines.storage import attempts, cycles, entry_counts, failures, witnesses
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.cycles import Cycle, Entry
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.asking import NotBelieved, failures_remembered
from ratingo_pipelines.sync.clock import notes_on_clock, seconds_ahead, wrong_clock
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.eligibility import spare_stored, take_filtered_off
from ratingo_pipelines.sync.monthly import fetch_missing_months
from ratingo_pipelines.sync.report import Meter, TitleStatus, TrendingReport
from ratingo_pipelines.sync.trust.clock import AGREES_WITHIN
from ratingo_pipelines.sync.trust.lists import (
    ListFault,
    ListReading,
    ListVerdict,
    is_believed,
    judge_trending,
    read_trending,
)
from ratingo_pipelines.sync.work import STORE, TitleStage
from ratingo_pipelines.text import counted

WITHOUT_TMDB_ID = "no TMDB id"
WITHOUT_WATCHERS = "no watchers"
LISTED_TWICE = "listed twice"
_NOT_TO_BE_HAD = {TitleStage.DETAILS, STORE}
"""The stages without which there is no title; where another one is given up, the title is still worth a snapshot."""


class NoCycle(NotBelieved):
    """Trakt answered, and no cycle was opened all the same. An unfinished one goes on."""

    def __init__(self, message: str, outcome: AttemptOutcome = AttemptOutcome.NOT_WHOLE) -> None:
        super().__init__(API, message, outcome)


def open_trending_cycle(
    ctx: SyncContext, medium: Medium, run_id: str | None = None, asked_at: datetime | None = None
) -> TrendingReport:
    """Fetch the list and the monthly lists that are missing; open a cycle with a place for each entry.

    A cycle that was opened since `asked_at` answers the request already: of two triggers at once, one fetches.
    Raises `NoCycle` where the list is not whole, and another `SourceError` where Trakt does not give it: then no cycle
    is opened, all stays as it was, and the attempt is remembered, so that the list is asked for again before long.
    """
    meter = Meter(ctx)
    if asked_at is not None and (reused := _opened_since(ctx, medium, asked_at, meter)):
        return reused
    with failures_remembered(ctx, medium, attempts.TRENDING):
        return _fetch(ctx, medium, run_id, meter)


def _fetch(ctx: SyncContext, medium: Medium, run_id: str | None, meter: Meter) -> TrendingReport:
    listed, believed = whole_list(ctx, medium)
    of_clock = notes_on_clock(ctx)
    at = ctx.now()
    found = places(medium, listed, ctx.settings)
    months, of_months = fetch_missing_months(ctx, medium)
    watchers = [entry.watchers for entry in listed if entry.watchers is not None]

    @retried_transaction
    def opened() -> tuple[Sequence[Entry], Sequence[str], Cycle]:
        with ctx.database.writing() as conn:
            taken_off = take_filtered_off(conn, ctx, medium)
            kept, given_up = leave_out_given_up(conn, ctx, medium, spare_stored(conn, ctx, medium, found))
            cycle = cycles.open_cycle(
                conn,
                medium,
                at,
                kept,
                list_maximum(watchers),
                run_id,
                asked=ctx.settings.trending_limit,
                source=_source(ctx.settings),
                requests=meter.requests,
            )
            entry_counts.keep(conn, tables_of(medium), cycle)
            well = (medium.plural, attempts.TRENDING, at, AttemptOutcome.WELL, believed, cycle.id, seconds_ahead(ctx))
            attempts.record(conn, Attempt(*well))
        return kept, [*taken_off, *given_up], cycle

    entries, given_up, cycle = opened()
    return TrendingReport(
        medium=medium.plural,
        cycle_id=cycle.id,
        cycle_at=cycle.cycle_at,
        fetched=len(listed),
        eligible=cycle.eligible,
        skipped=dict(Counter(entry.reason or "" for entry in entries if entry.outcome == TitleStatus.SKIPPED)),
        max_watchers=cycle.max_watchers,
        months_fetched=tuple(months),
        notes=(*([believed] if believed else []), *of_clock, *of_months, *given_up),
        requests=meter.requests,
        seconds=meter.seconds,
    )


def whole_list(ctx: SyncContext, medium: Medium) -> tuple[list[TrendingEntry], str | None]:
    """The list, and what is to be said of one that is believed though it is short.

    A list that is not whole is asked for once more; raises `NoCycle` if it stays so, another `SourceError` where Trakt
    does not give it. Nothing is remembered of either.
    """
    limit = ctx.settings.trending_limit
    listed = ctx.trakt.trending(medium, limit)
    if wrong := wrong_clock(ctx):
        raise NoCycle(f"{wrong}; no cycle was opened, and one that is unfinished goes on", AttemptOutcome.CLOCK)
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle_of(conn, medium, _source(ctx.settings))
        last = reading_of(conn, cycle) if cycle else None
        failed = attempts.since_well(conn, medium, attempts.TRENDING)
    if judge_trending(read_trending(limit, listed), last) is None:
        return listed, None
    listed = ctx.trakt.trending(medium, limit, bypass_cache=True)
    verdict = judge_trending(read_trending(limit, listed), last)
    if verdict is None:
        return listed, None
    short = [attempt.asked_at for attempt in failed if attempt.outcome == AttemptOutcome.SHORT]
    if is_believed(verdict, short, ctx.now()):
        times = counted(len(short) + 1, "time")
        return listed, f"the trending list of {medium} {verdict.said}; told so {times}, it is believed"
    is_short = verdict.fault is ListFault.SHORT
    raise NoCycle(_refusal(ctx, medium, verdict), AttemptOutcome.SHORT if is_short else AttemptOutcome.NOT_WHOLE)


def reading_of(conn: Connection, cycle: Cycle) -> ListReading:
    """What the list of a cycle came to."""
    watchers = cycles.watchers_of(conn, cycle.id, without=WITHOUT_WATCHERS)
    return ListReading(cycle.asked or cycle.listed, cycle.listed, cycles.named_in(conn, cycle.id), watchers)


def _refusal(ctx: SyncContext, medium: Medium, verdict: ListVerdict) -> str:
    minutes = counted(max(round(ctx.settings.retry_delay_seconds / 60), 1), "minute")
    return (
        f"the trending list of {medium} {verdict.said}; no cycle was opened, and one that is unfinished goes on. "
        f"`ratingo sync {medium}` asks again at once, Dagster by itself in {minutes}"
    )


def _source(settings: Settings) -> str:
    """Who gives the lists: lists of Trakt and of a stand-in for it are not compared."""
    return urlsplit(settings.trakt_base_url).hostname or settings.trakt_base_url


def is_unfinished(ctx: SyncContext, medium: Medium) -> bool:
    """Whether the latest cycle has titles that are still to be worked off."""
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        left = cycles.counts(conn, cycle.id, ctx.now()) if cycle else cycles.Counts()
    return bool(left.pending + left.processing)


def _opened_since(ctx: SyncContext, medium: Medium, moment: datetime, meter: Meter) -> TrendingReport | None:
    with ctx.database.reading() as conn:
        # What a wrong clock opened in times to come answers no request of now.
        cycle = cycles.cycle_opened_between(conn, medium, moment, ctx.now() + AGREES_WITHIN)
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
    """Enter titles that were given up as failed, not pending, until they are due again; with a note on each.

    Those given up on old evidence are tried once in each list: other titles have come through the stage since.
    """
    given_up = {
        failure.tmdb_id: f"given up after {counted(failure.attempts, 'attempt')} "
        f"({failure.stage}: {failure.last_error}); next try {failure.next_attempt_at:%Y-%m-%d %H:%M} UTC"
        for failure in failures.given_up(conn, medium, ctx.settings.give_up_after, ctx.now())
        if failure.stage in _NOT_TO_BE_HAD
        and not witnesses.others_since(conn, medium, failure.stage, failure.last_failed_at, failure.tmdb_id)
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
