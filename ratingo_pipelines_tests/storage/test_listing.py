"""The site's queries: their results on a small catalogue, and the contract's indexes in their plans."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, select

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import airings, listing, shared, snapshots
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.listing import Sort
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines_tests.storage.examples import NOW

SHOW = tables_of(SHOWS)
TITLES = 400
INDEX_OF = {
    Sort.SCORE: "trending_score_idx",
    Sort.WATCHERS: "shows_rating_trakt_idx",
    Sort.DELTA: "shows_watchers_delta_idx",
    Sort.DELTA_3M: "shows_delta_3m_idx",
}


def _measures(number: int) -> dict[str, float]:
    """Four orders that differ from each other, without ties."""
    return {
        Sort.SCORE: float(number * 7 % 401),
        Sort.WATCHERS: float(number * 11 % 401),
        Sort.DELTA: float(number * 13 % 401 - 200),
        Sort.DELTA_3M: float(number * 17 % 401 - 200),
    }


def _offers(number: int) -> list[dict[str, Any]]:
    """Every third title is on Netflix in UA by subscription, every fifth for rent at Apple and Netflix in US."""
    offers = []
    if number % 3 == 0:
        offers.append({"region": "UA", "provider_id": 8, "provider_name": "Netflix", "category": "flatrate"})
    if number % 5 == 0:
        offers.append({"region": "US", "provider_id": 2, "provider_name": "Apple TV", "category": "rent"})
        offers.append({"region": "US", "provider_id": 8, "provider_name": "Netflix", "category": "rent"})
    return offers


@pytest.fixture(scope="module")
def catalogue(shared_database: Database) -> Database:
    """400 listed titles, with stubs that are not, offers, snapshots, and episodes of the coming days."""
    numbers = range(1, TITLES + 1)
    rows = [{"tmdb_id": n, "title": f"Title {n}", **_measures(n)} for n in numbers]
    stubs = [{"tmdb_id": 10_000 + n, "title": f"Stub {n}"} for n in range(50)]
    # Seen in a list once, but never scored.
    stubs.append({"tmdb_id": 20_000, "title": "Without a score", "rating_trakt": 1_000.0})
    with shared_database.writing() as conn:
        conn.execute(SHOW.titles.insert(), rows)
        shared.put_stubs(conn, SHOW, stubs)
        offers = [{"show_id": n, "rank": 1, **offer} for n in numbers for offer in _offers(n)]
        conn.execute(SHOW.watch_providers.insert(), offers)
        hours = [timedelta(hours=6 * n) for n in range(12)]
        snapshots_rows = [
            {"show_id": n, "tmdb_id": n, "watchers": n * 100 + step, "created_at": NOW + hour}
            for n in numbers
            for step, hour in enumerate(hours)
        ]
        conn.execute(SHOW.snapshots.insert(), snapshots_rows)
        episodes = [
            {
                "show_id": n,
                "tmdb_id": n,
                "season": 1,
                "episode": day,
                "air_date": airings.iso(NOW + timedelta(days=day)),
            }
            for n in numbers
            for day in (1, 5, 9)
        ]
        conn.execute(show_airings.insert(), episodes)
    with shared_database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("ANALYZE")
    return shared_database


def _plan(database: Database, statement: Select[*tuple[Any, ...]]) -> str:
    """The plan in lines; on PostgreSQL as if the tables were too large to be read whole."""
    text_of = str(statement.compile(database.engine, compile_kwargs={"literal_binds": True})).replace("%", "%%")
    # What SQLAlchemy puts before an OFFSET of SQLite's is no literal.
    text_of = text_of.replace("LIMIT ?", "LIMIT -1")
    prefix = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    with database.reading() as conn:
        if database.dialect == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
            conn.exec_driver_sql("SET LOCAL enable_sort = off")
        return "\n".join(" ".join(map(str, row)) for row in conn.exec_driver_sql(f"{prefix} {text_of}"))


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", list(Sort))
def test_the_list_is_sorted_by_each_measure_both_ways(catalogue: Database, sort: Sort, descending: bool) -> None:
    with catalogue.reading() as conn:
        first = listing.trending_list(conn, SHOW, sort, descending, limit=50)
        second = listing.trending_list(conn, SHOW, sort, descending, limit=50, offset=50)
    expected = sorted(range(1, TITLES + 1), key=lambda n: _measures(n)[sort], reverse=descending)
    assert [row["tmdb_id"] for row in (*first, *second)] == expected[:100]


def test_the_list_holds_listed_titles_only(catalogue: Database) -> None:
    with catalogue.reading() as conn:
        rows = listing.trending_list(conn, SHOW, limit=1_000)
    assert {row["tmdb_id"] for row in rows} == set(range(1, TITLES + 1))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"region": "UA"}, lambda n: n % 3 == 0),
        ({"region": "US"}, lambda n: n % 5 == 0),
        ({"provider": 8}, lambda n: n % 3 == 0 or n % 5 == 0),
        ({"provider": "Apple TV"}, lambda n: n % 5 == 0),
        ({"category": "flatrate"}, lambda n: n % 3 == 0),
        ({"region": "UA", "provider": "Netflix", "category": "flatrate"}, lambda n: n % 3 == 0),
        # On Netflix in UA by subscription and in US for rent: no one offer is both.
        ({"region": "UA", "provider": 8, "category": "rent"}, lambda n: False),
        ({"region": "PL"}, lambda n: False),
    ],
    ids=["UA", "US", "provider id", "provider name", "category", "one offer", "no one offer", "no such region"],
)
def test_the_list_is_filtered_by_offers(catalogue: Database, filters: dict[str, Any], expected: Any) -> None:
    with catalogue.reading() as conn:
        rows = listing.trending_list(conn, SHOW, limit=1_000, **filters)
    numbers = [n for n in range(1, TITLES + 1) if expected(n)]
    assert [row["tmdb_id"] for row in rows] == sorted(numbers, key=lambda n: _measures(n)[Sort.SCORE], reverse=True)


def test_the_last_ten_snapshots_of_the_top_fifty_come_in_time_order(catalogue: Database) -> None:
    with catalogue.reading() as conn:
        top = [row["id"] for row in listing.trending_list(conn, SHOW, limit=50)]
        found = snapshots.last_snapshots(conn, SHOW, top)
    assert set(found) == set(top)
    for title_id, series in found.items():
        assert series == [(NOW + timedelta(hours=6 * step), title_id * 100 + step) for step in range(2, 12)]


def test_the_next_seven_days_of_the_top_fifty_come_in_time_order(catalogue: Database) -> None:
    with catalogue.reading() as conn:
        top = [row["tmdb_id"] for row in listing.trending_list(conn, SHOW, limit=50)]
        found = airings.next_airings(conn, NOW, NOW + timedelta(days=7), top)
    assert [(row["episode"], row["tmdb_id"]) for row in found] == [(day, n) for day in (1, 5) for n in sorted(top)]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", list(Sort))
def test_each_order_of_the_list_uses_its_index(catalogue: Database, sort: Sort, descending: bool) -> None:
    plan = _plan(catalogue, listing.trending_statement(SHOW, sort, descending).limit(50))
    assert INDEX_OF[sort] in plan, plan


def test_a_filtered_list_uses_the_index_of_offers(catalogue: Database) -> None:
    statement = listing.trending_statement(SHOW, Sort.SCORE, True, "UA", "Netflix", "flatrate").limit(50)
    plan = _plan(catalogue, statement)
    assert "show_watch_providers_" in plan, plan
    assert "SCAN show_watch_providers\n" not in f"{plan}\n", plan


def test_the_last_snapshots_use_the_index_by_title(catalogue: Database) -> None:
    statement = snapshots.last_statement(catalogue.dialect, SHOW, list(range(1, 51)), 10)
    plan = _plan(catalogue, statement)
    assert "show_watchers_snapshots_show_id_idx" in plan, plan


def test_what_airs_next_uses_an_index_of_airings(catalogue: Database) -> None:
    plan = _plan(catalogue, airings.next_statement(NOW, NOW + timedelta(days=7), list(range(1, 51))))
    assert "airings_" in plan, plan
    everything = _plan(catalogue, airings.next_statement(NOW, NOW + timedelta(hours=30)))
    assert "airings_air_date_idx" in everything, everything


@pytest.mark.parametrize("name", ["ratings", "translations", "videos", "watch_providers", "cast", "related", "genres"])
def test_the_children_of_a_title_are_found_by_index(catalogue: Database, name: str) -> None:
    table = getattr(SHOW, name)
    plan = _plan(catalogue, select(table).where(table.c.show_id == 42))
    assert f"{table.name}_" in plan.replace(f"{table.name}_pkey", ""), plan


def test_a_title_is_found_by_its_tmdb_id(catalogue: Database) -> None:
    plan = _plan(catalogue, select(SHOW.titles).where(SHOW.titles.c.tmdb_id == 42))
    assert re.search("tmdb_id_(idx|unique)", plan), plan
