"""What is trending, as a table and as CSV: what changed, what left the list, and where there is nothing to say."""

import csv
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from ratingo_pipelines.media import MOVIES
from ratingo_pipelines.storage import cycles, snapshots
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.watching import watched
from ratingo_pipelines.terminal.top import top_table, write_csv
from ratingo_pipelines_tests.storage.examples import NOW, save_title

HOUR = timedelta(hours=1)
WIDE = 160
OFFERS = [
    {"region": "US", "name": "Hulu"},
    {"region": "UA", "name": "Netflix"},
    {"region": "UA", "name": "HBO Max"},
    {"region": "UA", "name": "Netflix"},
]


def listed(database: Database, tmdb_ids: Sequence[int]) -> None:
    """A cycle that names these movies."""
    entries = [Entry(n, n, n, None, None, f"Title {n}", 2020, 100) for n in tmdb_ids]
    with database.writing() as conn:
        cycles.open_cycle(conn, MOVIES, NOW, entries, 10_000, "run")


def stored(database: Database, tmdb_id: int, watchers: Sequence[int], **others: Any) -> None:
    """A movie with a snapshot an hour for each number of its watchers; the newest is of now."""
    given = {"trending_updated_at": NOW, "rating_trakt": watchers[-1], "rating_imdb": None, **others}
    title_id = save_title(database, tmdb_id, watchers[-1], MOVIES, at=NOW, **given)
    with database.writing() as conn:
        for hours, number in enumerate(reversed(watchers[:-1]), start=1):
            snapshots.add_snapshot(conn, tables_of(MOVIES), title_id, tmdb_id, number, NOW - hours * HOUR)


def row_of(database: Database, tmdb_id: int) -> list[str]:
    """The words of the title's row."""
    console = Console(file=StringIO(), width=WIDE)
    console.print(top_table(MOVIES, watched(database, MOVIES, NOW, limit=5), WIDE))
    assert isinstance(console.file, StringIO)
    [line] = [line for line in console.file.getvalue().splitlines() if f"Назва {tmdb_id} " in line]
    return line.split()


@pytest.mark.parametrize(("change", "said"), [(1_234, "+1 234"), (-5, "-5"), (0, "0"), (None, "–")])
def test_a_change_is_told_in_people_with_its_sign(database: Database, change: int | None, said: str) -> None:
    listed(database, [1])
    stored(database, 1, [100, 4_270], watchers_delta=change)
    words = row_of(database, 1)
    assert " ".join(words[words.index("4") :]).startswith(f"4 270 {said} ")


def test_a_title_that_the_latest_list_no_longer_names_is_said_to_have_left(database: Database) -> None:
    listed(database, [1, 2])
    stored(database, 1, [10, 20], watchers_delta=10)
    stored(database, 2, [10, 20], watchers_delta=10)
    listed(database, [2, 3])
    assert "left" in row_of(database, 1)
    assert "+10" not in row_of(database, 1)
    assert "+10" in row_of(database, 2)


def test_snapshots_are_drawn_in_the_order_of_time_and_one_alone_is_no_trend(database: Database) -> None:
    listed(database, [1, 2])
    stored(database, 1, [10, 20, 30], watchers_delta=1)
    stored(database, 2, [10], watchers_delta=1)
    assert "▁▄█" in row_of(database, 1) or "▁▅█" in row_of(database, 1)
    words = row_of(database, 2)
    assert words[words.index("+1") + 1] == "–"


def test_a_rating_that_is_not_known_is_a_dash(database: Database) -> None:
    listed(database, [1])
    stored(database, 1, [10, 20], rating_imdb=None, rating_tmdb=7.52)
    assert row_of(database, 1)[3:7] == ["7.5", "–", "–", "–"]


def test_as_csv_each_title_is_a_line_with_its_values_under_their_names(database: Database) -> None:
    listed(database, [1])
    stored(database, 1, [10, 20, 30], watchers_delta=10, title_uk='Назва, "перша"\x1b[31m', watch_providers=OFFERS)
    file = StringIO()
    write_csv(file, {MOVIES: watched(database, MOVIES, NOW)})
    [row] = csv.DictReader(StringIO(file.getvalue()))
    assert row["medium"] == "movies"
    assert row["title"] == 'Назва, "перша"\\u001b[31m'
    assert (row["change"], row["trend"]) == ("10.0", "10|20|30")
    assert row["watch_in_ukraine"] == "Netflix|HBO Max"
    assert row["airs_at"] == ""
