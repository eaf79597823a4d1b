"""Keeps stored titles fresh beyond the list: by TMDB's feed of changes, and by time where the feed says nothing.

The feed does not tell of providers and votes (https://developer.themoviedb.org/reference/changes-tv-list), so that
listed titles which no cycle names are asked about every third day anyhow; Trakt's ratings come with that, weekly at
the latest. Which titles are due, and their order, is `storage.due`'s, how they are asked about `completion`'s.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage import asked, cycles, due, titles
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.completion import complete, with_ratings
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import NOBODY, BatchReport, Follower, Meter
from ratingo_pipelines.sync.selection import Selection, outside
from ratingo_pipelines.text import counted

STAGE = "changes"
DAY = timedelta(days=1)
LONGEST = timedelta(days=14)
"""How far back the feed tells (https://developer.themoviedb.org/reference/changes-tv-list)."""
OVERLAP = DAY
"""So long before the last reading began the feed is read again: TMDB may have answered about a title from a cache of
some hours, and pages shift while they are read."""
READABLE = LONGEST - OVERLAP
"""How long ago the feed may have been read last: what came before cannot be read any more."""


def refresh_changed(
    ctx: SyncContext,
    medium: Medium,
    run_id: str,
    *,
    limit: int | None = None,
    follower: Follower = NOBODY,
) -> BatchReport:
    """Read the feed, then ask about every title that is due, listed ones first.

    A feed that does not come is a problem of the report and is read from the same moment the next time; what is due
    without it is asked about all the same.
    """
    meter = Meter(ctx)
    notes, problems = _read_feed(ctx, medium)
    chosen = replace(_due(ctx, medium, limit), notes=notes)
    report = complete(ctx, medium, run_id, chosen, stage=STAGE, follower=follower)
    return replace(report, problems=(*problems, *report.problems), requests=meter.requests, seconds=meter.seconds)


def _read_feed(ctx: SyncContext, medium: Medium) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Note which stored titles the feed names since it was last read; what to say of that, and what went wrong."""
    began = ctx.now()
    with ctx.database.reading() as conn:
        read_to = due.read_to(conn, medium)
    if read_to is None:
        # Where this first reading does not come, the next one begins where it would have.
        _note(ctx, medium, (), began)
        read_to = began
    if not began - READABLE <= read_to <= began + due.CLOCK_WAS_AHEAD:
        with ctx.database.reading() as conn:
            listed = titles.listed_tmdb_ids(conn, tables_of(medium))
        _note(ctx, medium, listed, began)
        why = "a clock that was ahead says" if read_to > began else "longer ago than it tells"
        return (f"the feed of changes was last read on {read_to.date()}, {why}: all that is listed is due",), ()
    since = read_to - OVERLAP
    try:
        named = {tmdb_id for day in _days(since, began) for tmdb_id in ctx.tmdb.changes(medium, day)}
    except SourceError as error:
        return (), (f"the feed of changes did not come, and is read from {since.date()} on the next time: {error}",)
    stored = _note(ctx, medium, named, began)
    return (f"the feed of changes names {counted(len(named), 'title')}, {stored} of them stored",), ()


def _days(since: datetime, until: datetime) -> Iterator[date]:
    """The days, UTC, from one moment to another."""
    return ((since + DAY * number).date() for number in range((until.date() - since.date()).days + 1))


@retried_transaction
def _note(ctx: SyncContext, medium: Medium, tmdb_ids: Collection[int], began: datetime) -> int:
    """Titles and how far the feed was read, in one transaction; how many of the titles are stored.

    Stubs are the meta backfill's.
    """
    with ctx.database.writing() as conn:
        known = titles.outlines(conn, tables_of(medium), list(tmdb_ids))
        stored = [tmdb_id for tmdb_id, row in known.items() if not row.is_stub]
        due.note(conn, medium, stored, began)
        due.remember_read(conn, medium, began)
    return len(stored)


def _due(ctx: SyncContext, medium: Medium, limit: int | None) -> Selection:
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        # A list that is no longer fetched keeps no title fresh.
        is_lately = cycle is not None and cycle.cycle_at > ctx.now() - asked.INTERVALS[asked.DETAILS].answered
        found = due.titles_due(conn, tables_of(medium), ctx.now(), cycle.id if cycle and is_lately else None, limit)
        works = outside(conn, ctx.settings, medium, [title.tmdb_id for title in found], related_due=False)
    rated = {title.tmdb_id for title in found if title.ratings}
    return Selection([with_ratings(work) if work.tmdb_id in rated else work for work in works])
