"""Trakt's most watched titles of each complete month: fetched once and kept, as they never change again."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from ratingo_pipelines.measures.deltas import complete_months
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import NotFound, SourceError
from ratingo_pipelines.storage import monthly
from ratingo_pipelines.sync.context import SyncContext


def fetch_month(ctx: SyncContext, medium: Medium, month: str) -> int | None:
    """Fetch and keep the list of `month` (`YYYY-MM`); the number of titles in it, None where Trakt has no such list."""
    try:
        entries = ctx.trakt.watched_monthly(medium, date.fromisoformat(f"{month}-01"))
    except NotFound:
        entries = []
    # An empty list is Trakt's other way to say that it has none.
    rows = [(e.title.trakt, e.title.tmdb, e.watcher_count) for e in entries if e.title.trakt is not None] or None
    with ctx.database.writing() as conn:
        monthly.put_list(conn, medium, month, rows, ctx.now())
    return len(rows) if rows else None


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
        fetched.append(month)
        if found is None:
            notes.append(f"Trakt has no list of the most watched {medium} of {month}; asked again in a week")
    return fetched, notes


def missing_months(ctx: SyncContext, medium: Medium) -> Sequence[str]:
    """Those of the last complete months that are to be fetched."""
    now = ctx.now()
    with ctx.database.reading() as conn:
        return monthly.missing_months(conn, medium, complete_months(now.date()), now)
