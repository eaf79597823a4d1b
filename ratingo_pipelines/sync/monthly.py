"""Trakt's most watched titles of each complete month: fetched once and kept, as they never change again.

A list that is not whole, or that Trakt says it does not have, never takes the place of one that is kept.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from ratingo_pipelines.measures.deltas import complete_months
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import NotFound, SourceError
from ratingo_pipelines.sources.trakt import API, PAGE_SIZE, MonthlyEntry, not_asked
from ratingo_pipelines.storage import attempts, cycles, monthly
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.sync.asking import NotBelieved
from ratingo_pipelines.sync.clock import trakt_now
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.trust.lists import judge_month, read_month


def fetch_month(ctx: SyncContext, medium: Medium, month: str) -> int | None:
    """Fetch and keep the list of `month` (`YYYY-MM`); the number of titles in it.

    None where Trakt says that it has no such list: what is kept stays. Raises `NotBelieved` where it is not whole.
    """
    if ctx.trakt is None:
        raise not_asked()
    try:
        entries = ctx.trakt.watched_monthly(medium, date.fromisoformat(f"{month}-01"))
    except NotFound:
        return None
    if month > complete_months(trakt_now(ctx).date())[0]:
        said = f"{month} is not over yet, by Trakt's clock; its list was not kept"
        raise NotBelieved(API, said, AttemptOutcome.CLOCK)
    if not entries:
        # Trakt's other way to say that it has none.
        return None
    return _keep(ctx, medium, month, entries)


@retried_transaction
def _keep(ctx: SyncContext, medium: Medium, month: str, entries: Sequence[MonthlyEntry]) -> int:
    with ctx.database.writing() as conn:
        found = read_month(PAGE_SIZE, entries)
        if verdict := judge_month(found, monthly.kept_titles(conn, medium, month)):
            raise NotBelieved(
                API, f"the list of the most watched {medium} of {month} {verdict.said}; nothing was changed"
            )
        tmdb_ids = {entry.title.trakt: entry.title.tmdb for entry in reversed(entries)}
        rows = [(trakt_id, tmdb_ids[trakt_id], watchers) for trakt_id, watchers in found.watchers.items()]
        monthly.put_list(conn, medium, month, rows, ctx.now())
        attempts.forget(conn, medium, _what(month))
    return len(rows)


def kept_titles(ctx: SyncContext, medium: Medium, month: str) -> int | None:
    """How many titles the list of a month has that is kept; None where there is none."""
    with ctx.database.reading() as conn:
        return monthly.kept_titles(conn, medium, month)


def fetch_missing_months(ctx: SyncContext, medium: Medium) -> tuple[list[str], list[str]]:
    """Fetch those of the last complete months that are not kept yet; returns them, and notes on any that failed.

    A list that cannot be had now is no reason to have no trending list: the deltas do without it until it comes.
    """
    fetched, notes = [], []
    months = missing_months(ctx, medium)
    with ThreadPoolExecutor(max_workers=max(len(months), 1), thread_name_prefix="month") as pool:
        counts = [(month, pool.submit(fetch_month, ctx, medium, month)) for month in months]
    for month, count in counts:
        try:
            found = count.result()
        except SourceError as error:
            if error.stops_run:
                raise
            notes.append(f"most watched of {month} not fetched, tried again with the next cycle: {error}")
            continue
        if found is None:
            again = _remember_absence(ctx, medium, month)
            notes.append(f"Trakt has no list of the most watched {medium} of {month}; asked again {again}")
        else:
            fetched.append(month)
    return fetched, notes


def missing_months(ctx: SyncContext, medium: Medium) -> Sequence[str]:
    """Those of the last complete months that are to be fetched."""
    months = complete_months(trakt_now(ctx).date())
    with ctx.database.reading() as conn:
        return monthly.missing_months(conn, medium, months, ctx.now())


@retried_transaction
def _remember_absence(ctx: SyncContext, medium: Medium, month: str) -> str:
    """Remember that Trakt does not have a month: for a week, once it said so in two cycles. When it is asked again."""
    with ctx.database.writing() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        cycle_id = cycle.id if cycle else None
        earlier = attempts.since_well(conn, medium, _what(month))
        attempts.record(conn, Attempt(medium.plural, _what(month), ctx.now(), AttemptOutcome.ABSENT, cycle_id=cycle_id))
        if all(attempt.cycle_id == cycle_id for attempt in earlier):
            return "with the next cycle"
        monthly.put_list(conn, medium, month, None, ctx.now())
    return "in a week"


def _what(month: str) -> str:
    return f"{attempts.MONTHLY}/{month}"
