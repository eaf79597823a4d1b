"""What the site asks, on 10,000 shows with 600,000 child rows and 1,000,000 snapshots. Each the slowest of its kind.

Rows arrive as Python objects; SQLite is recorded beside PostgreSQL, whose limit is 50 ms.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from statistics import median
from time import monotonic
from typing import Any

from sqlalchemy import Connection, insert, select

from benchmarks.common import REPEATS, back_ends, opened
from benchmarks.figures import Figure
from benchmarks.filling import FIRST_ID, fill
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage.airings import next_airings
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.listing import Sort, trending_list
from ratingo_pipelines.storage.snapshots import last_snapshots
from ratingo_pipelines.storage.tables import TitleTables, genres, show_airings, tables_of

TITLES = 10_000
SNAPSHOTS = 100
SHOWN = 50
LIMIT = 50
RELATED_SHOWN = 12
EPISODES = 40_000
FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "by region": {"region": "UA"},
    "by provider": {"provider": 7},
    "by category": {"category": "rent"},
    "by region, provider and category": {"region": "US", "provider": "Provider 7", "category": "buy"},
}
Query = Callable[[Connection], object]


def run() -> Iterator[Figure]:
    """Each query in every order it is asked in."""
    with back_ends() as makers:
        for name, make in makers.items():
            with opened(make()) as database:
                fill(database, SHOWS, TITLES, SNAPSHOTS, cycles=20)
                _air(database)
                with database.reading() as conn:
                    for what, queries in _queries(conn).items():
                        slowest = max(_median(conn, query) for query in queries)
                        yield Figure(f"{name}: {what}", slowest, "ms", limit=LIMIT if name == "PostgreSQL" else None)


def _queries(conn: Connection) -> dict[str, list[Query]]:
    """What is asked, in all its variants."""
    tables = tables_of(SHOWS)
    c = tables.titles.c
    top = conn.execute(select(c.id, c.tmdb_id).order_by(c.trending_score.desc()).limit(SHOWN)).all()
    ids, tmdb_ids = [row.id for row in top], [row.tmdb_id for row in top]
    now = datetime.now(UTC)
    asked: dict[str, list[Query]] = {
        f"the list of {SHOWN}, {filtered}: slowest of eight orders": [
            partial(trending_list, t=tables, sort=sort, descending=down, **given)
            for sort, down in product(Sort, (True, False))
        ]
        for filtered, given in FILTERS.items()
    }
    airings = partial(next_airings, start=now, end=now + timedelta(days=7), tmdb_ids=tmdb_ids)
    return asked | {
        f"the last 10 snapshots of {SHOWN} titles": [partial(last_snapshots, t=tables, title_ids=ids)],
        f"the airings of 7 days for the top {SHOWN}": [airings],
        "one title with everything": [partial(_title_page, t=tables, tmdb_id=FIRST_ID + 5)],
    }


def _title_page(conn: Connection, t: TitleTables, tmdb_id: int) -> dict[str, Any] | None:
    """One title with everything: its row under `title`, and the rows of each child table under the table's role.

    Genres come with their names, related titles (at most 12) with their own rows.
    """
    title = conn.execute(select(t.titles).where(t.titles.c.tmdb_id == tmdb_id)).mappings().one_or_none()
    if title is None:
        return None
    title_id = title["id"]
    page: dict[str, Any] = {"title": title}
    roles = {
        "ratings": (t.ratings, "source"),
        "rating_buckets": (t.rating_buckets, "bucket"),
        "translations": (t.translations, "locale"),
        "videos": (t.videos, "id"),
        "watch_providers": (t.watch_providers, "rank"),
        "cast": (t.cast, "order"),
        "content_ratings": (t.content_ratings, "region"),
        "snapshots": (t.snapshots, "created_at"),
    }
    for role, (table, order) in roles.items():
        rows = select(table).where(table.c[t.parent_key] == title_id).order_by(table.c[order], table.c.id)
        page[role] = conn.execute(rows).mappings().all()
    page["genres"] = (
        conn.execute(
            select(genres)
            .join(t.genres, t.genres.c.genre_id == genres.c.id)
            .where(t.genres.c[t.parent_key] == title_id)
            .order_by(t.genres.c.id)
        )
        .mappings()
        .all()
    )
    page["related"] = (
        conn.execute(
            select(t.titles, t.related.c.rank, t.related.c.source)
            .join(t.related, t.related.c[t.related_key] == t.titles.c.id)
            .where(t.related.c[t.parent_key] == title_id)
            .order_by(t.related.c.rank)
            .limit(RELATED_SHOWN)
        )
        .mappings()
        .all()
    )
    return page


def _median(conn: Connection, query: Query) -> float:
    """Milliseconds, after one call that fills the caches."""
    query(conn)
    took = []
    for _ in range(REPEATS):
        began = monotonic()
        query(conn)
        took.append(1000 * (monotonic() - began))
    return median(took)


def _air(database: Database) -> None:
    """Episodes of the coming month for all shows."""
    now = datetime.now(UTC)
    with database.writing() as conn:
        ids = conn.execute(select(tables_of(SHOWS).titles.c.id, tables_of(SHOWS).titles.c.tmdb_id)).all()
        rows = [
            {
                "show_id": show_id,
                "tmdb_id": tmdb_id,
                "title": "Title",
                "season": 1,
                "episode": n,
                "type": "episode",
                "air_date": (now + timedelta(hours=(n * 211 + tmdb_id) % 720)).isoformat(),
            }
            for show_id, tmdb_id in ids
            for n in range(EPISODES // TITLES)
        ]
        conn.execute(insert(show_airings), rows)
