"""The table of what is trending now, for people: titles, ratings, watchers, a sparkline, where to watch."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text
from sqlalchemy import RowMapping

from ratingo_pipelines.measures.sparkline import blocks
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage import airings, listing, snapshots
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.text import visible

SNAPSHOTS_DRAWN = 10
CALENDAR_DAYS = 30
REGION = "UA"
PROVIDERS_SHOWN = 2


def top_table(database: Database, medium: Medium, limit: int, now: datetime) -> Table:
    """The first `limit` titles by trending score, as the site lists them."""
    tables = tables_of(medium)
    with database.reading() as conn:
        rows = listing.trending_list(conn, tables, limit=limit)
        drawn = snapshots.last_snapshots(conn, tables, [row["id"] for row in rows], SNAPSHOTS_DRAWN)
        coming: dict[int, RowMapping] = {}
        if medium is SHOWS:
            ids = [row["tmdb_id"] for row in rows]
            for airing in airings.next_airings(conn, now, now + timedelta(days=CALENDAR_DAYS), ids):
                coming.setdefault(airing["tmdb_id"], airing)
    table = Table(title=f"Trending {medium}", box=box.SIMPLE_HEAD, title_style="bold")
    table.add_column("#", justify="right", style="dim", min_width=2)
    table.add_column("title", no_wrap=True, max_width=34)
    # On a narrow terminal the names give way, never the numbers.
    for name, width in (("TMDB", 4), ("Trakt", 5), ("IMDb", 4), ("Meta", 4), ("watching", 8), ("change", 7)):
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
    table.add_column("trend", no_wrap=True, min_width=5)
    if medium is SHOWS:
        table.add_column("next episode", no_wrap=True, min_width=17)
    table.add_column(f"watch in {REGION}", no_wrap=True, max_width=36)
    for rank, row in enumerate(rows, start=1):
        cells: list[str | Text] = [
            str(rank),
            Text(visible(row["title_uk"] or row["title"])),
            _rating(row["rating_tmdb"]),
            _rating(row["rating_trakt_avg"]),
            _rating(row["rating_imdb"]),
            _whole(row["rating_metacritic"]),
            _whole(row["rating_trakt"]),
            _change(row["watchers_delta"]),
            blocks([watchers for _, watchers in drawn.get(row["id"], [])]),
        ]
        if medium is SHOWS:
            cells.append(_next_episode(coming.get(row["tmdb_id"])))
        cells.append(Text(visible(_providers(row["watch_providers"] or []))))
        table.add_row(*cells)
    return table


def _rating(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}".replace(",", " ")


def _change(value: float | None) -> Text:
    if not value:
        return Text("0" if value == 0 else "–", style="dim")
    return Text(f"{value:+,.0f}".replace(",", " "), style="green" if value > 0 else "red")


def _next_episode(airing: RowMapping | None) -> str:
    if airing is None:
        return "–"
    return f"S{airing['season'] or 0:02}E{airing['episode'] or 0:02} {airing['air_date'][:10]}"


def _providers(offers: Sequence[Mapping[str, Any]]) -> str:
    """Where to watch, subscriptions first: TMDB lists them before rent and purchase."""
    names = list(dict.fromkeys(offer["name"] for offer in offers if offer["region"] == REGION))
    more = len(names) - PROVIDERS_SHOWN
    return ", ".join(names[:PROVIDERS_SHOWN]) + (f" +{more}" if more > 0 else "") or "–"
