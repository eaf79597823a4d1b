"""Titles that left the list: kept on the site for LISTED_DAYS, then taken off it, once the new list is there."""

from datetime import timedelta

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.delisting import take_off_old
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.text import counted


@retried_transaction
def take_off_what_left(ctx: SyncContext, medium: Medium) -> tuple[str, ...]:
    """If the latest cycle is worked off, unlist what it does not name and what has not been named for long; a note.

    A sync that stands still thereby takes nothing off, and the new list's titles are there before the old ones go.
    """
    days = ctx.settings.listed_days
    if not days:
        return ()
    with ctx.database.writing() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        if cycle is None:
            return ()
        counts = cycles.counts(conn, cycle.id, ctx.now())
        if counts.pending or counts.processing:
            return ()
        gone = take_off_old(conn, tables_of(medium), cycle, cycle.cycle_at - timedelta(days=days))
    if not gone:
        return ()
    titles = counted(gone, medium.singular, medium.plural)
    return (f"{titles} taken off the list: named by no trending list for {counted(days, 'day')}",)
