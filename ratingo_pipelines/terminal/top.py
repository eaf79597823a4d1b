"""What is trending now, drawn for people as a table and written for programs as CSV.

What is told is read in `sync.watching`; which of its columns a terminal shows is decided in `fitting`.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import IO

from rich.table import Table
from rich.text import Text

from ratingo_pipelines.measures.sparkline import blocks
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sync.watching import NextEpisode, WatchedTitle
from ratingo_pipelines.terminal.fitting import TableColumn, fitted_table
from ratingo_pipelines.text import visible

PROVIDERS_SHOWN = 2
NOTHING = "–"
LEFT = "left"
"""In place of a change: the latest list does not name the title."""


def top_table(medium: Medium, titles: Sequence[WatchedTitle], width: int) -> Table:
    """The titles, in a table that fits `width`."""
    return fitted_table(f"Trending {medium}", _columns(medium, titles), width)


def write_csv(file: IO[str], titles: Mapping[Medium, Sequence[WatchedTitle]]) -> None:
    """A line a title, under the names of `WatchedTitle`; several values of one are apart by `|`."""
    names = [field.name for field in fields(WatchedTitle) if field.name != "next_episode"]
    episode = [field.name for field in fields(NextEpisode)]
    written = csv.DictWriter(file, ["medium", *names, *episode], lineterminator="\n")
    written.writeheader()
    for medium, listed in titles.items():
        for title in listed:
            values = {name: _in_one(getattr(title, name)) for name in names}
            coming = asdict(title.next_episode) if title.next_episode else {}
            written.writerow({"medium": medium.plural, **values, **coming})


def _in_one(value: object) -> object:
    if isinstance(value, tuple):
        return "|".join(visible(str(each)) for each in value)
    return visible(value) if isinstance(value, str) else value


def _columns(medium: Medium, titles: Sequence[WatchedTitle]) -> list[TableColumn]:
    """All columns; on a narrow terminal the last ones go first."""
    columns = [
        TableColumn("#", [Text(str(each.rank), "dim") for each in titles], right=True),
        TableColumn("title", [Text(visible(each.title)) for each in titles], shortened_to=18),
        TableColumn("TMDB", [_rating(each.rating_tmdb) for each in titles], right=True),
        TableColumn("Trakt", [_rating(each.rating_trakt) for each in titles], right=True),
        TableColumn("IMDb", [_rating(each.rating_imdb) for each in titles], right=True),
        TableColumn("Meta", [_whole(each.rating_metacritic) for each in titles], right=True),
        TableColumn("watching", [_whole(each.watchers) for each in titles], right=True),
        TableColumn("change", [_change(each) for each in titles], right=True),
        TableColumn("trend", [_trend(each.trend) for each in titles]),
    ]
    if medium is SHOWS:
        columns.append(TableColumn("next episode", [_next_episode(each.next_episode) for each in titles]))
    offers = [Text(visible(_providers(each.watch_in_ukraine))) for each in titles]
    return [*columns, TableColumn("watch in UA", offers, shortened_to=16)]


def _rating(value: float | None) -> Text:
    return Text(NOTHING if value is None else f"{value:.1f}")


def _whole(value: float | None) -> Text:
    return Text(NOTHING if value is None else f"{value:,.0f}".replace(",", " "))


def _change(title: WatchedTitle) -> Text:
    if not title.listed:
        return Text(LEFT, "dim")
    if not title.change:
        return Text("0" if title.change == 0 else NOTHING, "dim")
    return Text(f"{title.change:+,.0f}".replace(",", " "), "green" if title.change > 0 else "red")


def _trend(watchers: Sequence[int]) -> Text:
    """The snapshots as bars; one alone tells no trend."""
    return Text(blocks(list(watchers)) if len(watchers) > 1 else NOTHING)


def _next_episode(coming: NextEpisode | None) -> Text:
    if coming is None:
        return Text(NOTHING)
    return Text(f"S{coming.season:02}E{coming.episode:02} {coming.airs_at[:10]}")


def _providers(names: Sequence[str]) -> str:
    more = len(names) - PROVIDERS_SHOWN
    return ", ".join(names[:PROVIDERS_SHOWN]) + (f" +{more}" if more > 0 else "") or NOTHING
