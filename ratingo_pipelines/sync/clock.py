"""Compares this machine's clock with Trakt's, and dates anew what a wrong one dated ahead of now.

Which clock is wrong, and which times, is decided in `trust.clock`.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ratingo_pipelines.measures.deltas import complete_months
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.storage import ahead, cycles
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.leases import lease_of
from ratingo_pipelines.sync.outcomes import patience_of
from ratingo_pipelines.sync.trust.clock import AGREES_WITHIN, agrees, forbids_cycle, in_words, redated
from ratingo_pipelines.text import counted

_LONGEST_KEPT = timedelta(days=20_000)
"""A column of 32 bits holds no more seconds."""

log = logging.getLogger(__name__)


def ahead_of_trakt(ctx: SyncContext) -> timedelta | None:
    """How far this machine's clock is ahead of Trakt's, by its last answer; None where that did not say."""
    told = ctx.trakt.api.server_time() if ctx.trakt else None
    return None if told is None else told[1] - told[0]


def seconds_ahead(ctx: SyncContext) -> int | None:
    """The same in seconds, as attempts keep it."""
    found = ahead_of_trakt(ctx)
    return None if found is None else round(max(-_LONGEST_KEPT, min(found, _LONGEST_KEPT)).total_seconds())


def trakt_now(ctx: SyncContext) -> datetime:
    """The present by Trakt's clock; by this machine's where Trakt does not say."""
    return ctx.now() - (ahead_of_trakt(ctx) or timedelta())


def wrong_clock(ctx: SyncContext) -> str | None:
    """What is to be said where nothing may be dated by this machine's clock; None where it may."""
    found = ahead_of_trakt(ctx)
    if found is None or not forbids_cycle(found):
        return None
    return f"this machine's clock is {in_words(found)}: set it, for example by NTP"


def notes_on_clock(ctx: SyncContext) -> list[str]:
    """What is to be said of a clock that is off by minutes; where it is right, dates anew what lies ahead of now."""
    found = ahead_of_trakt(ctx)
    if found is None:
        return []
    if not agrees(found):
        return [f"this machine's clock is {in_words(found)}: set it; from an hour on no cycle is opened"]
    said = mend_times_ahead(ctx)
    return [said] if said else []


@retried_transaction
def mend_times_ahead(ctx: SyncContext) -> str | None:
    """Date anew what lies ahead of now, in one transaction; what was done, None where nothing lay ahead.

    Cycles keep their order, with their titles and snapshots; what waited for too long is due now; lists of months that
    are not over are dropped.
    """
    now = ctx.now()
    with ctx.database.reading() as conn:
        if not ahead.is_any(conn, now + AGREES_WITHIN):
            return None
    with ctx.database.writing() as conn:
        said = _mend(conn, ctx, now)
    log.warning(said)
    return said


def _mend(conn: Connection, ctx: SyncContext, now: datetime) -> str:
    moment = now + AGREES_WITHIN
    mended = [_mend_cycles(conn, medium, now) for medium in MEDIA]
    number, snapshots = (sum(counts) for counts in zip(*mended, strict=True))
    ahead.make_due(conn, moment, now, lease_of(ctx), patience_of(ctx.settings).first_delay)
    today = trakt_now(ctx).date()
    months = ahead.drop_what_is_to_come(conn, today, complete_months(today)[0], moment)
    ahead.redate_the_rest(conn, moment, now)
    dropped = f"; {counted(months, 'list of a month', 'lists of months')} not over yet dropped" if months else ""
    return (
        f"this machine's clock was ahead: {counted(number, 'cycle')} dated back, in their order and with "
        f"{counted(snapshots, 'snapshot')}; what waited for it is due now{dropped}"
    )


def _mend_cycles(conn: Connection, medium: Medium, now: datetime) -> tuple[int, int]:
    """Date a medium's cycles back; how many there were, and their snapshots."""
    tables, moment = tables_of(medium), now + AGREES_WITHIN
    cycles.lock(conn, medium)
    found = cycles.cycles_after(conn, medium, moment)
    last_right = cycles.latest_cycle(conn, medium, until=moment)
    times = redated([cycle.cycle_at for cycle in found], last_right.cycle_at if last_right else None, now)
    snapshots = sum(ahead.redate_cycle(conn, tables, cycle, at) for cycle, at in zip(found, times, strict=True))
    newest = times[-1] if times else (last_right.cycle_at if last_right else now)
    ahead.redate_strays(conn, tables, moment, newest)
    return len(found), snapshots
