"""The calendar: coming episodes of the shows that the site lists, and pruning what it lists no longer.

It comes in pieces of some days. One that does not come, or tells nothing, leaves its days as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic

from sqlalchemy import RowMapping

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sources.trakt import API, CalendarEntry, CalendarPiece, not_asked
from ratingo_pipelines.storage import airings, attempts, titles
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.asking import NotBelieved, failures_remembered
from ratingo_pipelines.sync.clock import seconds_ahead, wrong_clock
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import Row
from ratingo_pipelines.sync.report import CalendarReport, Meter, PruneReport
from ratingo_pipelines.sync.trending import as_listed
from ratingo_pipelines.sync.trust.clock import forbids_cycle, in_words
from ratingo_pipelines.sync.trust.lists import is_within, judge_piece

FINALES = frozenset({"mid_season_finale", "season_finale", "series_finale"})
PREMIERES = frozenset({"mid_season_premiere", "season_premiere", "series_premiere"})
DAY = timedelta(days=1)


@dataclass
class _Told:
    """What the pieces that came say of the listed shows."""

    rows: list[Row] = field(default_factory=list)
    windows: list[tuple[datetime, datetime]] = field(default_factory=list)
    """The days of which all is told: what is not among `rows` does not air then."""
    pieces: int = 0
    """How many were believed."""
    undated: set[tuple[int, int, int]] = field(default_factory=set)
    """Episodes whose time cannot be read: show (TMDB id), season, number."""
    unclear: set[int] = field(default_factory=set)
    """Shows (TMDB ids) of which it cannot be read which episode airs."""
    unclear_at_trakt: set[int] = field(default_factory=set)
    """Shows that came with Trakt's id alone."""
    missing: dict[str, str] = field(default_factory=dict)
    """Days that did not come, `2026-01-31 to 2026-02-04`, and why."""
    errors: list[SourceError] = field(default_factory=list)

    def leaves_unclear(self, airing: RowMapping) -> bool:
        """Whether a known episode may air on, though nothing that can be read says so."""
        return (
            airing["tmdb_id"] in self.unclear
            or airing["trakt_id"] in self.unclear_at_trakt
            or tuple(airing[name] for name in airings.KEY) in self.undated
        )


def sync_calendar(ctx: SyncContext) -> CalendarReport:
    """Write the episodes of the coming days for shows that the site lists; `AIRINGS_CALENDAR_DAYS` from today.

    An episode of a listed show that the calendar has dropped from its days is removed: it does not air then. Days that
    did not come are left as they are, and named in the report. Raises a `SourceError` where none came for an error.
    """
    meter = Meter(ctx)
    began = ctx.now()
    if as_listed(ctx, SHOWS).trakt is None:
        return _from_tmdb(ctx, began, meter)
    with failures_remembered(ctx, SHOWS, attempts.CALENDAR):
        told = _ask(ctx, began.date())
    notes = [f"the calendar of {days} {why}; what is known of these days stays" for days, why in told.missing.items()]
    changes = _store(ctx, told, began, notes)
    return CalendarReport(
        processed=len(told.rows),
        inserted=changes.inserted,
        updated=changes.updated,
        deleted=changes.deleted,
        days_missing=tuple(told.missing),
        nothing_came=not told.pieces,
        notes=tuple(notes),
        requests=meter.requests,
        seconds=meter.seconds,
    )


@retried_transaction
def _from_tmdb(ctx: SyncContext, began: datetime, meter: Meter) -> CalendarReport:
    """Write the next episode of each listed show, as TMDB's details last told it: a day without a time, nobody asked.

    What Trakt told stays, unless TMDB names another day; what TMDB told before and tells no longer is removed.
    """
    midnight = datetime.combine(began.date(), time(), UTC)
    end = midnight + ctx.settings.airings_calendar_days * DAY
    note = "the calendar is written from TMDB's next episodes, without times, as Trakt gives no list"
    with ctx.database.writing() as conn:
        told = titles.next_episodes(conn, f"{midnight:%Y-%m-%d}", f"{end:%Y-%m-%d}")
        shows = titles.listed_tmdb_ids(conn, tables_of(SHOWS)).keys()
        rows = airings.without_dated(conn, [_of_tmdb(row) for row in told])
        changes = airings.put_airings(conn, rows, [(midnight, end)], shows, _is_of_trakt)
        came = (SHOWS.plural, attempts.CALENDAR, began, AttemptOutcome.WELL, None, None, seconds_ahead(ctx))
        attempts.record(conn, Attempt(*came))
    return CalendarReport(
        processed=len(told),
        inserted=changes.inserted,
        updated=changes.updated,
        deleted=changes.deleted,
        notes=(note,),
        requests=meter.requests,
        seconds=meter.seconds,
    )


def _is_of_trakt(airing: RowMapping) -> bool:
    return airing["trakt_id"] is not None


def _of_tmdb(show: RowMapping) -> Row:
    return {
        "show_id": show["id"],
        "tmdb_id": show["tmdb_id"],
        "trakt_id": None,
        "title": show["title"],
        "episode_title": None,
        "season": show["next_episode_season"],
        "episode": show["next_episode_number"],
        "air_date": f"{show['next_episode_air_date']}T00:00:00.000Z",
        "type": "premiere" if show["next_episode_number"] == 1 else "episode",
        "network": None,
    }


@retried_transaction
def _store(ctx: SyncContext, told: _Told, began: datetime, notes: Sequence[str]) -> titles.Changes:
    outcome = AttemptOutcome.NOT_WHOLE if notes else AttemptOutcome.WELL
    with ctx.database.writing() as conn:
        shows = titles.listed_tmdb_ids(conn, tables_of(SHOWS)).keys()
        changes = airings.put_airings(conn, told.rows, told.windows, shows, told.leaves_unclear)
        told_of = (SHOWS.plural, attempts.CALENDAR, began, outcome, "; ".join(notes) or None, None, seconds_ahead(ctx))
        attempts.record(conn, Attempt(*told_of))
    return changes


@retried_transaction
def prune_calendar(ctx: SyncContext) -> PruneReport:
    """Remove airings of shows the site does not list, and those aired more than `AIRINGS_KEEP_DAYS` ago.

    Raises `NotBelieved` while this machine's clock is known to be wrong.
    """
    began = monotonic()
    with ctx.database.reading() as conn:
        ahead = attempts.last_seconds_ahead(conn)
    if ahead is not None and forbids_cycle(timedelta(seconds=ahead)):
        off = in_words(timedelta(seconds=ahead))
        said = f"this machine's clock was {off} when Trakt was last asked; nothing was removed"
        raise NotBelieved(API, said, AttemptOutcome.CLOCK)
    before = ctx.now() - timedelta(days=ctx.settings.airings_keep_days)
    with ctx.database.writing() as conn:
        listed = titles.listed_tmdb_ids(conn, tables_of(SHOWS))
        deleted = airings.prune(conn, set(listed), before)
    return PruneReport(deleted=deleted, seconds=round(monotonic() - began, 3))


def _ask(ctx: SyncContext, today: date) -> _Told:
    """Ask for the pieces one by one: of a month of the whole world's television, only what is listed is kept."""
    with ctx.database.reading() as conn:
        listed = titles.listed_tmdb_ids(conn, tables_of(SHOWS))
    told = _Told()
    if ctx.trakt is None:
        raise not_asked()
    for piece in ctx.trakt.calendar(today, ctx.settings.airings_calendar_days):
        if wrong := wrong_clock(ctx):
            raise NotBelieved(API, f"{wrong}; the calendar stays as it is", AttemptOutcome.CLOCK)
        days = _days(piece)
        if piece.error is not None:
            told.missing[days] = f"did not come ({piece.error})"
            told.errors.append(piece.error)
        elif verdict := judge_piece(piece):
            told.missing[days] = verdict.said
        else:
            _take(told, piece, listed)
    if told.errors and len(told.errors) == len(told.missing) and not told.pieces:
        raise told.errors[0]
    return told


def _take(told: _Told, piece: CalendarPiece, listed: Mapping[int, int]) -> None:
    """Take what a piece tells of listed shows; entries that air more than a day beside its days are none of its own."""
    told.pieces += 1
    for entry in piece.entries:
        show = entry.show
        if show.tmdb is None:
            if show.trakt is not None:
                told.unclear_at_trakt.add(show.trakt)
        elif entry.season is None or entry.number is None:
            told.unclear.add(show.tmdb)
        elif entry.first_aired is None:
            told.undated.add((show.tmdb, entry.season, entry.number))
        elif show.tmdb in listed and is_within(entry, piece.start - DAY, piece.end + DAY):
            told.rows.append(_row(entry, listed[show.tmdb]))
    # An entry whose show cannot be told may be anybody's.
    if all(entry.show.tmdb is not None or entry.show.trakt is not None for entry in piece.entries):
        midnight = datetime.combine(piece.start, time(), UTC)
        told.windows.append((midnight, midnight + piece.days * DAY))


def _days(piece: CalendarPiece) -> str:
    return f"{piece.start} to {piece.end - DAY}" if piece.days > 1 else f"{piece.start}"


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
