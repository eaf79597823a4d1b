"""Titles to store in tests, whole as a source with everything gives them, and the rows read back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, select

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage import shared, snapshots, titles
from ratingo_pipelines.storage.engine import Database, retried_transaction
from ratingo_pipelines.storage.failures import RetryPolicy
from ratingo_pipelines.storage.tables import tables_of

PATIENCE = RetryPolicy(give_up_after=6, first_delay=timedelta(minutes=15))
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CHILDREN = (
    *("ratings", "rating_buckets", "snapshots", "translations", "genres", "videos", "watch_providers", "cast"),
    *("content_ratings", "related"),
)


def title_values(tmdb_id: int, version: int = 1, **others: Any) -> dict[str, Any]:
    """A title's own row; everything in it tells the version it was written by."""
    return {
        "tmdb_id": tmdb_id,
        "imdb_id": f"tt{tmdb_id:07}",
        "title": f"Title {tmdb_id}",
        "title_uk": f"Назва {tmdb_id}",
        "overview": f"Overview of version {version}",
        "poster": "/poster.jpg",
        "status": "Returning Series",
        "genres": [{"id": 18, "name": "Драма"}],
        "cast": [{"id": n, "name": f"Person {n}", "roles": ["Role"]} for n in range(1, 13)],
        "videos": [{"key": f"key{n}", "site": "YouTube"} for n in range(1, 7)],
        "watch_providers": [],
        "rating_tmdb": 7.5,
        "rating_tmdb_count": version,
        "rating_trakt": 100.0,
        "trending_score": 50.0,
        "watchers_delta": 0.0,
        "delta_3m": 0.0,
        **others,
    }


def child_rows(version: int = 1) -> dict[str, tuple[Sequence[Mapping[str, Any]], tuple[str, ...]]]:
    """Rows of the child tables, about 60 with the related titles, and what tells them apart."""
    return {
        "genres": ([{"genre_id": 1}, {"genre_id": 2}], ("genre_id",)),
        "videos": (
            [
                {
                    "site": "YouTube",
                    "key": f"key{n}",
                    "name": f"Trailer of version {version}",
                    "type": "Trailer",
                    "locale": "uk",
                    "official": True,
                    "published_at": NOW,
                }
                for n in range(1, 7)
            ],
            ("site", "key"),
        ),
        "watch_providers": (
            [
                {
                    "region": region,
                    "provider_id": n,
                    "provider_name": f"Provider {n}",
                    "logo_path": "/logo.jpg",
                    "link_url": "https://example.org",
                    "category": "flatrate",
                    "rank": version,
                }
                for region in ("UA", "US")
                for n in range(1, 7)
            ],
            ("region", "provider_id", "category"),
        ),
        "cast": (
            [
                {"person_id": n, "name": f"Person {n}", "character": "Role", "order": version, "profile_path": None}
                for n in range(1, 13)
            ],
            ("person_id", "character"),
        ),
        "content_ratings": ([{"region": r, "rating": f"{version}+"} for r in ("UA", "US")], ("region",)),
        "translations": (
            [
                {"locale": locale, "title": "Назва", "overview": f"Version {version}", "tagline": None}
                for locale in ("uk-UA", "en-US")
            ],
            ("locale",),
        ),
        "ratings": ([{"source": "trakt", "avg": 7.5, "votes": version}], ("source",)),
        "rating_buckets": (
            [{"source": "trakt", "bucket": n, "count": version} for n in range(1, 11)],
            ("source", "bucket"),
        ),
    }


@retried_transaction
def save_title(
    database: Database,
    tmdb_id: int,
    version: int = 1,
    medium: Medium = SHOWS,
    related: Sequence[int] = (),
    at: datetime | None = None,
    **others: Any,
) -> int:
    """Store a title whole, in one transaction, after what it shares with others; returns its id."""
    t = tables_of(medium)
    with database.writing() as conn:
        stubs = shared.put_stubs(conn, t, [{"tmdb_id": stub, "title": f"Stub {stub}"} for stub in related])
    with database.writing() as conn:
        known = titles.lock_title(conn, t, tmdb_id)
        title_id = titles.put_title(conn, t, known, title_values(tmdb_id, version, **others))
        parent = {t.parent_key: title_id}
        for name, (rows, key) in child_rows(version).items():
            titles.replace_children(conn, getattr(t, name), parent, rows, key)
        links = [
            {t.related_key: stubs[stub], "source": "trakt", "rank": rank, "score": None}
            for rank, stub in enumerate(related, start=1)
        ]
        titles.replace_children(conn, t.related, parent, links, (t.related_key,))
        snapshots.add_snapshot(conn, t, title_id, tmdb_id, version, at or NOW + timedelta(seconds=version))
    return title_id


def rows_of(database: Database, table: Table, **where: Any) -> list[dict[str, Any]]:
    """The table's rows in the order of their keys."""
    statement = select(table).where(*(table.c[name] == value for name, value in where.items()))
    with database.reading() as conn:
        return [dict(row) for row in conn.execute(statement.order_by(*table.primary_key)).mappings()]


def count(database: Database, table: Table) -> int:
    """How many rows the table has."""
    with database.reading() as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()


def own(database: Database) -> str:
    """What stands before the name of one of this project's own tables in plain SQL."""
    return f"{database.pipeline_schema or 'main'}."
