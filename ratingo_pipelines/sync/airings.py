"""The calendar: coming episodes of the shows that the site lists, and pruning what it lists no longer."""

from datetime import UTC, datetime, time, timedelta
from time import monotonic

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sources.trakt import CalendarEntry
from ratingo_pipelines.storage import airings, titles
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import Row
from ratingo_pipelines.sync.report import CalendarReport, Meter, PruneReport

FINALES = frozenset({"mid_season_finale", "season_finale", "series_finale"})
PREMIERES = frozenset({"mid_season_premiere", "season_premiere", "series_premiere"})


def sync_calendar(ctx: SyncContext) -> CalendarReport:
    """Write the episodes of the coming days for shows that the site lists; `AIRINGS_CALENDAR_DAYS` from today.

    An episode of a listed show that the calendar has dropped from its days is removed: it does not air then. An
    empty calendar removes nothing.
    """
    meter = Meter(ctx)
    start, days = ctx.now().date(), ctx.settings.airings_calendar_days
    midnight = datetime.combine(start, time(), UTC)
    window = (midnight, midnight + timedelta(days=days))
    with ctx.database.reading() as conn:
        listed = titles.listed_tmdb_ids(conn, tables_of(SHOWS))
    rows, empty = [], True
    # Of a month of the whole world's television, only what is listed is kept.
    for entry in ctx.trakt.calendar(start, days):
        empty = False
        if entry.show.tmdb in listed:
            rows.append(_row(entry, listed[entry.show.tmdb]))
    with ctx.database.writing() as conn:
        changes = airings.put_airings(conn, rows, window, set() if empty else set(listed))
    return CalendarReport(
        processed=len(rows),
        inserted=changes.inserted,
        updated=changes.updated,
        deleted=changes.deleted,
        requests=meter.requests,
        seconds=meter.seconds,
    )


def prune_calendar(ctx: SyncContext) -> PruneReport:
    """Remove airings of shows the site does not list, and those aired more than `AIRINGS_KEEP_DAYS` ago."""
    began = monotonic()
    before = ctx.now() - timedelta(days=ctx.settings.airings_keep_days)
    with ctx.database.writing() as conn:
        listed = titles.listed_tmdb_ids(conn, tables_of(SHOWS))
        deleted = airings.prune(conn, set(listed), before)
    return PruneReport(deleted=deleted, seconds=round(monotonic() - began, 3))


def _row(entry: CalendarEntry, show_id: int) -> Row:
    return {
        "show_id": show_id,
        "tmdb_id": entry.show.tmdb,
        "trakt_id": entry.show.trakt,
        "title": entry.show.title,
        "episode_title": entry.episode_title,
        "season": entry.season,
        "episode": entry.number,
        "air_date": entry.first_aired,
        "type": _kind(entry),
        "network": entry.show.network,
    }


def _kind(entry: CalendarEntry) -> str:
    """`premiere`, `finale` or `episode`; where Trakt does not say, a season's first episode is its premiere."""
    if entry.episode_type in FINALES:
        return "finale"
    if entry.episode_type in PREMIERES or (entry.episode_type is None and entry.number == 1):
        return "premiere"
    return "episode"
