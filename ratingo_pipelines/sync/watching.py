"""What is being watched now, as the site lists it: typed values that every face - table, JSON, CSV, page - draws.

The list as Trakt gave it in a cycle is in `overview`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage import airings, cycles, listing, snapshots
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.listing import Sort
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.movement import TitleMove, moved

SNAPSHOTS = 10
UNPLACED = TitleMove(0, "", None, None, None, None)
"""Of a title that the list names and the cycle skips, or beyond what both lists were asked for."""
CALENDAR_DAYS = 30
REGION = "UA"


@dataclass(frozen=True)
class NextEpisode:
    """The next episode that airs within 30 days."""

    season: int
    episode: int
    airs_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True)
class WatchedTitle:
    """A title of the site's list, and what is said of it there. None: not known."""

    rank: int
    """In the order asked for, from 1."""
    tmdb_id: int
    title: str
    """In Ukrainian where there is one."""
    original_title: str
    poster: str | None
    """TMDB's path of the Ukrainian one, else of any."""
    rating_tmdb: float | None
    rating_trakt: float | None
    rating_imdb: float | None
    rating_metacritic: float | None
    """0 to 100; the others 0 to 10."""
    watchers: float | None
    """People watching now."""
    change: float | None
    """In them, since the title's snapshot before."""
    three_months: float | None
    """Watchers of the last three months less those of the three before."""
    score: float
    """0 to 100."""
    rose: int | None
    """By how many places it rose in the list since the one before; negative where it fell, None for a new one."""
    listed: bool
    """Whether the latest list names it; one that left stays on the site for a while."""
    trend: tuple[int, ...]
    """The last ten snapshots' watchers, in time order."""
    next_episode: NextEpisode | None
    watch_in_ukraine: tuple[str, ...]
    """Providers by JustWatch, subscriptions first: TMDB lists them before rent and purchase."""


@dataclass(frozen=True)
class ComingAiring:
    """An episode of a listed show."""

    tmdb_id: int
    title: str
    season: int
    episode: int
    episode_title: str | None
    airs_at: str
    """ISO 8601, UTC."""
    day: str
    """UTC's."""


def coming_airings(database: Database, now: datetime, days: int) -> tuple[ComingAiring, ...]:
    """The episodes that air within so many days, in time order."""
    with database.reading() as conn:
        rows = airings.next_airings(conn, now, now + timedelta(days=days))
    return tuple(
        ComingAiring(
            tmdb_id=row["tmdb_id"],
            title=row["title"] or str(row["tmdb_id"]),
            season=row["season"] or 0,
            episode=row["episode"] or 0,
            episode_title=row["episode_title"],
            airs_at=row["air_date"],
            day=row["air_date"][:10],
        )
        for row in rows
    )


def watched(
    database: Database, medium: Medium, now: datetime, sort: Sort = Sort.SCORE, limit: int = 20
) -> tuple[WatchedTitle, ...]:
    """The first titles of the site's list, in that order; empty before the first cycle."""
    tables = tables_of(medium)
    with database.reading() as conn:
        rows = listing.trending_list(conn, tables, sort, limit=limit)
        taken = snapshots.last_snapshots(conn, tables, [row["id"] for row in rows], SNAPSHOTS)
        moves = _moves(conn, medium)
        coming = _coming(conn, medium, rows, now)
    return tuple(
        WatchedTitle(
            rank=rank,
            tmdb_id=row["tmdb_id"],
            title=row["title_uk"] or row["title"],
            original_title=row["title"],
            poster=row["poster_uk"] or row["poster"],
            rating_tmdb=row["rating_tmdb"],
            rating_trakt=row["rating_trakt_avg"],
            rating_imdb=row["rating_imdb"],
            rating_metacritic=row["rating_metacritic"],
            watchers=row["rating_trakt"],
            change=row["watchers_delta"],
            three_months=row["delta_3m"],
            score=row["trending_score"],
            rose=_rose(moves.get(row["tmdb_id"])),
            listed=row["tmdb_id"] in moves,
            trend=tuple(watchers for _, watchers in taken.get(row["id"], ())),
            next_episode=coming.get(row["tmdb_id"]),
            watch_in_ukraine=_providers(row["watch_providers"] or ()),
        )
        for rank, row in enumerate(rows, start=1)
    )


def _moves(conn: Connection, medium: Medium) -> dict[int, TitleMove]:
    """The titles that the latest list names, with their places in it and in the one before."""
    cycle = cycles.latest_cycle(conn, medium)
    if cycle is None:
        return {}
    before = cycles.cycle_before(conn, cycle)
    titles, titles_before = (cycles.titles_of(conn, each.id) if each else [] for each in (cycle, before))
    found = moved(before, cycle, titles_before, titles)
    listed = {move.tmdb_id: move for moves in (found.new, found.risen, found.fallen, found.unmoved) for move in moves}
    return {title.tmdb_id: listed.get(title.tmdb_id, UNPLACED) for title in titles}


def _rose(move: TitleMove | None) -> int | None:
    return move.places if move is not None and move.rank_before is not None else None


def _coming(conn: Connection, medium: Medium, rows: Sequence[RowMapping], now: datetime) -> dict[int, NextEpisode]:
    """The next episodes of shows, by TMDB id."""
    if medium is not SHOWS:
        return {}
    first: dict[int, NextEpisode] = {}
    until = now + timedelta(days=CALENDAR_DAYS)
    for airing in airings.next_airings(conn, now, until, [row["tmdb_id"] for row in rows]):
        episode = NextEpisode(airing["season"] or 0, airing["episode"] or 0, airing["air_date"])
        first.setdefault(airing["tmdb_id"], episode)
    return first


def _providers(offers: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(offer["name"] for offer in offers if offer["region"] == REGION))
