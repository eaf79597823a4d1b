"""Fills a database with invented titles by the thousand, in statements that the database runs by itself.

They are no titles of the sandbox's: their ids begin at a million. Values repeat: number and spread are what counts.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, text

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.cycles import Entry, open_cycle
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.pipeline_tables import asked
from ratingo_pipelines.storage.tables import TitleTables, genres, tables_of

FIRST_ID = 1_000_000
LISTED = 100
CYCLE = timedelta(hours=6)
_ROWS_AT_ONCE = 1_000
_CHILDREN = {
    "cast": (
        12,
        'person_id, name, character, "order", profile_path',
        "n * 900 + t.id % 900, 'Name', 'Role', n, '/p.jpg'",
    ),
    "watch_providers": (
        12,
        "region, provider_id, provider_name, logo_path, link_url, category, rank",
        "CASE n % 2 WHEN 0 THEN 'UA' ELSE 'US' END, (t.id + n) % 40, 'Provider ' || ((t.id + n) % 40), '/l.jpg', 'l',"
        " CASE n / 4 WHEN 0 THEN 'flatrate' WHEN 1 THEN 'rent' ELSE 'buy' END, n",
    ),
    "videos": (
        6,
        "site, key, name, type, locale, official",
        "'YouTube', 'key' || t.id || n, 'Trailer', 'Trailer', 'uk', true",
    ),
    "genres": (3, "genre_id", "1 + (t.id + n * 6) % 18"),
    "translations": (2, "locale, title, overview", "CASE n WHEN 0 THEN 'uk-UA' ELSE 'en-US' END, 'Назва', 'Опис'"),
    "content_ratings": (2, "region, rating", "CASE n WHEN 0 THEN 'UA' ELSE 'US' END, '16+'"),
    "rating_buckets": (10, "source, bucket, count", "'trakt', n + 1, t.id % 500"),
    "ratings": (1, "source, avg, votes", "'trakt', 7.5, 900"),
    "related": (12, "{related}, source, rank, score", "1 + (t.id + n * 7) % {count}, 'trakt', n + 1, 1.0"),
}
"""For each child table: rows a title, columns, and their values for the n-th row of title t. 60 rows in all."""


def fill(database: Database, medium: Medium, count: int, snapshots: int, cycles: int) -> None:
    """Write `count` titles with 60 child rows and so many snapshots each, and so many past cycles of 100 of them."""
    tables = tables_of(medium)
    start = datetime.now(UTC).replace(microsecond=0) - CYCLE * (max(snapshots, cycles) + 1)
    with database.writing() as conn:
        conn.execute(
            insert(genres), [{"tmdb_id": 2_000_000 + n, "name_en": f"Genre {n}", "name_uk": "Жанр"} for n in range(18)]
        )
        for first in range(0, count, _ROWS_AT_ONCE):
            numbers = range(first, min(first + _ROWS_AT_ONCE, count))
            conn.execute(insert(tables.titles), [_title(medium, n) for n in numbers])
        _children(conn, tables, count, snapshots, start)
        conn.execute(
            insert(asked),
            [
                {
                    "medium": medium.plural,
                    "tmdb_id": FIRST_ID + n,
                    "source": "related",
                    "asked_at": start,
                    "next_at": start + timedelta(days=400),
                    "empty_streak": 0,
                }
                for n in range(count)
            ],
        )
    for cycle in range(cycles):
        entries = [_entry(rank, (cycle * 37 + rank) % count) for rank in range(1, LISTED + 1)]
        with database.writing() as conn:
            open_cycle(conn, medium, start + CYCLE * cycle, entries, 10_000, None)
    with database.engine.connect() as conn:
        conn.exec_driver_sql("ANALYZE")
        conn.commit()


def _title(medium: Medium, n: int) -> dict[str, object]:
    return {
        "tmdb_id": FIRST_ID + n,
        "title": f"Title {n}",
        "title_uk": f"Назва {n}",
        "imdb_id": f"tt{90_000_000 + n}",
        "overview": "Text. " * 40,
        "overview_uk": "Текст. " * 40,
        "poster": "/p.jpg",
        "status": "Ended",
        "genres": [{"id": 1, "name": "Drama"}],
        "videos": [],
        "watch_providers": [],
        "cast": [],
        "related": [],
        "rating_tmdb": 5 + n % 50 / 10,
        "rating_tmdb_count": n,
        "rating_trakt": float(n * 7919 % 15_000),
        "watchers_delta": float(n * 31 % 400 - 200),
        "delta_3m": float(n * 17 % 900 - 450),
        "trending_score": n * 7919 % 10_000 / 100,
        medium.tmdb_released: "2020-01-01",
        "rating_imdb": 7.0,
        "imdb_votes": 900,
        "rating_metacritic": 70.0,
        "trending_updated_at": datetime.now(UTC) - CYCLE,
    }


def _children(conn: Connection, tables: TitleTables, count: int, snapshots: int, start: datetime) -> None:
    titles, parent = tables.titles.name, tables.parent_key
    conn.execute(text("CREATE TEMP TABLE bench_numbers (n integer, at timestamp)"))
    rows = [
        {"n": n, "at": (start + CYCLE * n).replace(tzinfo=None).isoformat(" ") + ".000000"}
        for n in range(max(snapshots, 12))
    ]
    conn.execute(text("INSERT INTO bench_numbers VALUES (:n, :at)"), rows)
    for role, (each, columns, values) in _CHILDREN.items():
        table = getattr(tables, role).name
        names = columns.format(related=tables.related_key)
        conn.execute(
            text(
                f"INSERT INTO {table} ({parent}, {names}) SELECT t.id, {values.format(count=count)}"  # noqa: S608 - ours
                f" FROM {titles} t, bench_numbers WHERE n < {each} AND t.tmdb_id >= {FIRST_ID}"
            )
        )
    conn.execute(
        text(
            f"INSERT INTO {tables.snapshots.name} ({parent}, tmdb_id, watchers, created_at)"  # noqa: S608 - ours
            f" SELECT t.id, t.tmdb_id, (t.id * 7919 + n * 104729) % 9000, at FROM {titles} t, bench_numbers"
            f" WHERE n < {snapshots} AND t.tmdb_id >= {FIRST_ID} ORDER BY n, t.id"
        )
    )
    conn.execute(text("DROP TABLE bench_numbers"))


def _entry(rank: int, n: int) -> Entry:
    return Entry(
        rank=rank,
        tmdb_id=FIRST_ID + n,
        trakt_id=FIRST_ID + n,
        slug=f"title-{n}",
        imdb_id=None,
        title=f"Title {n}",
        year=2020,
        watchers=10_000 - rank,
        rating=7.0,
        votes=900,
        outcome="done",
    )
