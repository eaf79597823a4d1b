"""The table of what is trending now, for people: titles, ratings, watchers, a sparkline, where to watch.

Which of its columns a terminal shows is decided in `fitting`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, RowMapping

from ratingo_pipelines.measures.sparkline import blocks
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage import airings, cycles, listing, snapshots
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.terminal.fitting import TableColumn, fitted_table
from ratingo_pipelines.text import visible

SNAPSHOTS_DRAWN = 10
CALENDAR_DAYS = 30
REGION = "UA"
PROVIDERS_SHOWN = 2
NOTHING = "–"
LEFT = "left"
"""In place of a change: the latest list does not name the title."""


@dataclass(frozen=True)
class _Top:
    """What the table shows, read at one moment."""

    rows: Sequence[RowMapping]
    drawn: Mapping[int, Sequence[tuple[datetime, int]]]
    """Snapshots by our id, in time order."""
    left: frozenset[int] = frozenset()
    """The titles that the latest list no longer names."""
    coming: Mapping[int, RowMapping] = field(default_factory=dict)
    """The next airing by TMDB id."""


def top_table(database: Database, medium: Medium, limit: int, now: datetime, width: int) -> Table:
    """The first `limit` titles by trending score, as the site lists them, in a table that fits `width`."""
    with database.reading() as conn:
        top = _read(conn, medium, limit, now)
    return fitted_table(f"Trending {medium}", _columns(medium, top), width)


def _read(conn: Connection, medium: Medium, limit: int, now: datetime) -> _Top:
    tables = tables_of(medium)
    rows = listing.trending_list(conn, tables, limit=limit)
    drawn = snapshots.last_snapshots(conn, tables, [row["id"] for row in rows], SNAPSHOTS_DRAWN)
    coming: dict[int, RowMapping] = {}
    if medium is SHOWS:
        ids = [row["tmdb_id"] for row in rows]
        for airing in airings.next_airings(conn, now, now + timedelta(days=CALENDAR_DAYS), ids):
            coming.setdefault(airing["tmdb_id"], airing)
    return _Top(rows, drawn, _left(conn, tables, rows), coming)


def _left(conn: Connection, tables: TitleTables, rows: Sequence[RowMapping]) -> frozenset[int]:
    cycle = cycles.latest_cycle(conn, tables.medium)
    if cycle is None:
        return frozenset()
    listed = {row["tmdb_id"] for row in rows}
    return frozenset(listed - {title.tmdb_id for title in cycles.titles_of(conn, cycle.id)})


def _columns(medium: Medium, top: _Top) -> list[TableColumn]:
    """All columns; on a narrow terminal the last ones go first."""
    rows = top.rows
    columns = [
        TableColumn("#", [Text(str(rank), "dim") for rank in range(1, len(rows) + 1)], right=True),
        TableColumn("title", [Text(visible(row["title_uk"] or row["title"])) for row in rows], shortened_to=18),
        TableColumn("TMDB", [_rating(row["rating_tmdb"]) for row in rows], right=True),
        TableColumn("Trakt", [_rating(row["rating_trakt_avg"]) for row in rows], right=True),
        TableColumn("IMDb", [_rating(row["rating_imdb"]) for row in rows], right=True),
        TableColumn("Meta", [_whole(row["rating_metacritic"]) for row in rows], right=True),
        TableColumn("watching", [_whole(row["rating_trakt"]) for row in rows], right=True),
        TableColumn("change", [_change(row, top.left) for row in rows], right=True),
        TableColumn("trend", [_trend(top.drawn.get(row["id"], ())) for row in rows]),
    ]
    if medium is SHOWS:
        airings_next = [_next_episode(top.coming.get(row["tmdb_id"])) for row in rows]
        columns.append(TableColumn("next episode", airings_next))
    offers = [Text(visible(_providers(row["watch_providers"] or []))) for row in rows]
    return [*columns, TableColumn(f"watch in {REGION}", offers, shortened_to=16)]


def _rating(value: float | None) -> Text:
    return Text(NOTHING if value is None else f"{value:.1f}")


def _whole(value: float | None) -> Text:
    return Text(NOTHING if value is None else f"{value:,.0f}".replace(",", " "))


def _change(row: RowMapping, left: frozenset[int]) -> Text:
    if row["tmdb_id"] in left:
        return Text(LEFT, "dim")
    value = row["watchers_delta"]
    if not value:
        return Text("0" if value == 0 else NOTHING, "dim")
    return Text(f"{value:+,.0f}".replace(",", " "), "green" if value > 0 else "red")


def _trend(drawn: Sequence[tuple[datetime, int]]) -> Text:
    """The snapshots as bars; one alone tells no trend."""
    return Text(blocks([watchers for _, watchers in drawn]) if len(drawn) > 1 else NOTHING)


def _next_episode(airing: RowMapping | None) -> Text:
    if airing is None:
        return Text(NOTHING)
    return Text(f"S{airing['season'] or 0:02}E{airing['episode'] or 0:02} {airing['air_date'][:10]}")


def _providers(offers: Sequence[Mapping[str, Any]]) -> str:
    """Where to watch, subscriptions first: TMDB lists them before rent and purchase."""
    names = list(dict.fromkeys(offer["name"] for offer in offers if offer["region"] == REGION))
    more = len(names) - PROVIDERS_SHOWN
    return ", ".join(names[:PROVIDERS_SHOWN]) + (f" +{more}" if more > 0 else "") or NOTHING
