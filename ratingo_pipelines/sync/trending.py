"""Fetches a trending list and opens a cycle over it, if the list is whole. Its titles are worked off by `titles`.

Whose list it is, is decided here; whether it is whole in `trust.lists`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from sqlalchemy import Connection

from ratingo_pipelines.measures.anime import anime_reason
from ratingo_pipelines.measures.scoring import list_maximum
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sources.trakt import API, TraktClient, TrendingEntry
from ratingo_pipelines.storage import (
    attempts,
    cycles,
    entry_counts,
    failures,
    ineligible,
    title_changes,
    titles,
    witnesses,
)
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.cycles import Cycle, Entry, Member
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.asking import failures_remembered, outcome_of, remember_failure
from ratingo_pipelines.sync.clock import notes_on_clock, seconds_ahead
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.eligibility import spare_stored, take_filtered_off
from ratingo_pipelines.sync.monthly import fetch_missing_months
from ratingo_pipelines.sync.report import Meter, TitleStatus, TrendingReport
from ratingo_pipelines.sync.title_changes import changes_of_list
from ratingo_pipelines.sync.tmdb_list import LISTED_TWICE, WITHOUT_TMDB_ID, list_of_tmdb
from ratingo_pipelines.sync.trust.clock import AGREES_WITHIN
from ratingo_pipelines.sync.trust.lists import read_trending
from ratingo_pipelines.sync.trust.standing_in import stands_in
from ratingo_pipelines.sync.whole_lists import (
    WITHOUT_WATCHERS,
    ListGiver,
    WholeList,
    ask_until_whole,
)
from ratingo_pipelines.sync.work import STORE, TitleStage
from ratingo_pipelines.text import counted

_NOT_TO_BE_HAD = {TitleStage.DETAILS, STORE}
"""The stages without which there is no title; where another one is given up, the title is still worth a snapshot."""


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
    found = whole_list(ctx, medium, partial(remember_failure, ctx, medium, attempts.TRAKT_LIST))
    of_clock = notes_on_clock(ctx)
    at = ctx.now()
    # Only Trakt has lists of months.
    asks_trakt = found.source != cycles.TMDB
    months, of_months = fetch_missing_months(ctx, medium) if asks_trakt else ([], [])

    @retried_transaction
    def opened() -> tuple[Sequence[Entry], Sequence[str], Cycle]:
        with ctx.database.writing() as conn:
            # Whoever opens a cycle compares it with the one before, so one after the other.
            cycles.lock(conn, medium)
            before = _members_before(conn, medium)
            listed = titles.listed_tmdb_ids(conn, tables_of(medium)) if before is None else {}
            taken_off = take_filtered_off(conn, ctx, medium)
            kept, given_up = leave_out_given_up(conn, ctx, medium, spare_stored(conn, ctx, medium, found.places))
            cycle = cycles.open_cycle(
                conn,
                medium,
                at,
                kept,
                found.max_watchers,
                run_id,
                asked=ctx.settings.trending_limit,
                source=found.source,
                requests=meter.requests,
                max_popularity=found.max_popularity,
            )
            entry_counts.keep(conn, tables_of(medium), cycle)
            well = (medium.plural, attempts.TRENDING, at, AttemptOutcome.WELL, found.said, cycle.id, seconds_ahead(ctx))
            attempts.record(conn, Attempt(*well))
            if found.instead_of is None:
                attempts.forget(conn, medium, attempts.TRAKT_LIST)
            changed = list(changes_of_list(before, _members_of(conn, medium, kept), listed))
            title_changes.record(conn, medium, changed, at, cycle.id)
        return kept, [*taken_off, *given_up], cycle

    entries, given_up, cycle = opened()
    return TrendingReport(
        medium=medium.plural,
        cycle_id=cycle.id,
        cycle_at=cycle.cycle_at,
        fetched=len(found.places),
        eligible=cycle.eligible,
        skipped=dict(Counter(entry.reason or "" for entry in entries if entry.outcome == TitleStatus.SKIPPED)),
        max_watchers=cycle.max_watchers,
        months_fetched=tuple(months),
        notes=(*why_tmdb(ctx, found), *([found.said] if found.said else []), *of_clock, *of_months, *given_up),
        source=found.source,
        requests=meter.requests,
        seconds=meter.seconds,
    )


def _members_before(conn: Connection, medium: Medium) -> list[Member] | None:
    """The titles of the latest list that may be listed; None before the first list."""
    cycle = cycles.latest_cycle(conn, medium)
    return _eligible(conn, medium, cycles.members(conn, cycle)) if cycle is not None else None


def _members_of(conn: Connection, medium: Medium, entries: Sequence[Entry]) -> list[Member]:
    """Those of a list that is being opened."""
    named = [
        Member(entry.tmdb_id, entry.trakt_id, entry.title)
        for entry in entries
        if entry.tmdb_id is not None and entry.outcome != cycles.SKIPPED
    ]
    return _eligible(conn, medium, named)


def _eligible(conn: Connection, medium: Medium, members: Sequence[Member]) -> list[Member]:
    stopped = ineligible.reasons(conn, medium, [member.tmdb_id for member in members])
    return [member for member in members if member.tmdb_id not in stopped]


def whole_list(
    ctx: SyncContext, medium: Medium, on_refusal: Callable[[SourceError], None] = lambda error: None
) -> WholeList:
    """Trakt's list; TMDB's where Trakt is not asked or, with `TRENDING_SOURCE=auto`, gives none for long enough.

    `on_refusal` is told of a Trakt that gave none. Raises `NoCycle` where the list is not whole, another `SourceError`
    where it does not come. Nothing is remembered of either.
    """
    if ctx.trakt is None:
        return list_of_tmdb(ctx, medium)
    try:
        return _list_of_trakt(ctx, medium, ctx.trakt)
    except SourceError as error:
        outcome = outcome_of(error)
        if ctx.settings.trending_source == "trakt" or outcome is AttemptOutcome.CLOCK:
            raise
        tmdb_is_taken = _stands_in(ctx, medium, refused=outcome is AttemptOutcome.DENIED)
        on_refusal(error)
        if not tmdb_is_taken:
            raise
        return replace(list_of_tmdb(ctx, medium), instead_of=error)


def _list_of_trakt(ctx: SyncContext, medium: Medium, trakt: TraktClient) -> WholeList:
    limit = ctx.settings.trending_limit
    giver = ListGiver(
        api=API,
        source=_source(ctx.settings),
        attempts=attempts.TRENDING if ctx.settings.trending_source == "trakt" else attempts.TRAKT_LIST,
        ask=lambda bypass: trakt.trending(medium, limit, bypass_cache=bypass),
        read=lambda listed: read_trending(limit, listed),
    )
    listed, said = ask_until_whole(ctx, medium, giver)
    watchers = [entry.watchers for entry in listed if entry.watchers is not None]
    return WholeList(giver.source, places(medium, listed, ctx.settings), list_maximum(watchers), said=said)


def _stands_in(ctx: SyncContext, medium: Medium, *, refused: bool) -> bool:
    with ctx.database.reading() as conn:
        failed = [attempt.asked_at for attempt in attempts.since_well(conn, medium, attempts.TRAKT_LIST)]
        last = cycles.latest_cycle_of(conn, medium, _source(ctx.settings))
    return stands_in(
        refused=refused,
        failed_at=[*failed, ctx.now()],
        last_whole=last.cycle_at if last else None,
        cron=ctx.settings.crons[f"{medium}_trending"],
    )


def _source(settings: Settings) -> str:
    """Which Trakt gives the lists: those of Trakt and of a stand-in for it are not compared."""
    return urlsplit(settings.trakt_base_url).hostname or settings.trakt_base_url


def as_listed(ctx: SyncContext, medium: Medium) -> SyncContext:
    """The context in which titles are asked about: without Trakt while TMDB's list stands in for its own."""
    if ctx.trakt is None:
        return ctx
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
    return ctx if cycle is None or cycle.tells_watchers else replace(ctx, trakt=None)


def why_tmdb(ctx: SyncContext, found: WholeList) -> Iterator[str]:
    """A note where the list is TMDB's and nobody chose it."""
    if found.instead_of is not None:
        yield f"{found.instead_of}; TMDB's list stands in, without watchers, until Trakt gives one"
    elif found.source == cycles.TMDB and ctx.settings.trending_source == "auto":
        yield "TRAKT_CLIENT_ID is not set: the list is TMDB's, without watchers"


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
        source=cycle.source,
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
