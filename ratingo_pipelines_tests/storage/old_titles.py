"""Titles as the old sync left them: stale, doubled, out of order, and with what it made up where a source said nothing.

The titles are the sandbox's (`truth` is what `GET /control/truth/{medium}` says), so that a sync meets them again. The
tables that the old application had are `old_database.py`'s.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import TitleTables, genres, show_airings, tables_of, watch_providers_registry

Facts = Mapping[str, Any]

OLD_GENRE = 999
"""A genre that TMDB no longer names."""
MONTHS_AS_DELTA = 55_526.0
"""The old sync wrote a difference of monthly lists into the change of people watching now."""


def add_listed_titles(database: Database, medium: Medium, truth: Iterable[Facts], last_sync: datetime) -> None:
    """Titles that the old sync listed lately, children and all."""
    with database.writing() as conn:
        for entry in truth:
            _add_listed(conn, tables_of(medium), entry["facts"], last_sync)


def add_titles_that_left(database: Database, medium: Medium, names: Mapping[int, str], last_sync: datetime) -> None:
    """Titles, by TMDB id, with the name that Trakt's list gave them, which no list has named since then."""
    titles = tables_of(medium).titles
    figures = {"rating_trakt": 3.0, "trending_score": 4.5, "watchers_delta": MONTHS_AS_DELTA, "delta_3m": 0.0}
    made_up = {"rating_imdb": 0.0, "imdb_votes": 0, "rating_metacritic": 0.0, "title_uk": "Not Ukrainian"}
    with database.writing() as conn:
        for tmdb_id, name in names.items():
            times = {"trending_updated_at": last_sync, "updated_at": last_sync}
            _add(conn, titles, tmdb_id=tmdb_id, title=name, **figures, **made_up, **times)


def add_stubs(database: Database, medium: Medium, tmdb_ids: Iterable[int]) -> None:
    """Related titles that the old sync never came to complete, under a name and an IMDb id that are not theirs."""
    titles = tables_of(medium).titles
    with database.writing() as conn:
        for tmdb_id in tmdb_ids:
            _add(conn, titles, tmdb_id=tmdb_id, title=f"Untitled {tmdb_id}", imdb_id=f"tt{tmdb_id}")


def _add_listed(conn: Connection, t: TitleTables, facts: Facts, last_sync: datetime) -> None:
    row = facts["row"]
    title_id = _add(conn, t.titles, **_row(t.medium, facts), trending_updated_at=last_sync, updated_at=last_sync)
    parent = {t.parent_key: title_id}

    # Two snapshots of one instant, long before any that a change could be told from.
    for _ in range(2):
        _add(conn, t.snapshots, **parent, tmdb_id=row["tmdb_id"], watchers=77, created_at=last_sync)
    # English under a Ukrainian name, and a language that nobody asks for any more.
    for locale in ("uk-UA", "pl-PL"):
        _add(conn, t.translations, **parent, locale=locale, title=row["title"], overview=row["overview"])
    # The last came in last, and first is one who has left.
    stranger = {"person_id": 1, "name": "Somebody Else", "character": "Himself", "order": 0}
    for one in (stranger, *reversed(facts["cast"])):
        _add(conn, t.cast, **parent, **{name: one[name] for name in stranger})
    for video in ({"key": "gone", "name": "Gone", "locale": None}, *reversed(facts["videos"])):
        _add(conn, t.videos, **parent, site="YouTube", key=video["key"], name=video["name"], locale=video["locale"])
    for _ in range(2):
        _add(conn, t.watch_providers, **parent, region="UA", provider_name="A provider without an id")
    for offer in facts["providers"]:
        _add(conn, t.watch_providers, **parent, **{**offer, "logo_path": "/old.jpg", "rank": 900})
    _add(conn, t.content_ratings, **parent, region="DE", rating="FSK 16")
    _add(conn, t.ratings, **parent, source="trakt", avg=0.0, votes=0)
    for bucket in range(1, 11):
        _add(conn, t.rating_buckets, **parent, source="trakt", bucket=bucket, count=0)
    _add(conn, t.genres, **parent, genre_id=_genre(conn, OLD_GENRE, "Reality"))
    for genre in facts["genres"]:
        _add(conn, t.genres, **parent, genre_id=_genre(conn, genre["id"], genre["name_en"]))
    for offer in facts["providers"]:
        _known(conn, watch_providers_registry, offer["provider_id"], name="An older name", slug=None)
    if t.medium is SHOWS:
        # Of months ago, and not in the form of today.
        aired = f"{last_sync - timedelta(days=60):%Y-%m-%dT%H:%M:%SZ}"
        airing = {"tmdb_id": row["tmdb_id"], "season": 97, "episode": 1, "air_date": aired}
        _add(conn, show_airings, show_id=title_id, title=row["title"], type="episode", **airing)


def _row(medium: Medium, facts: Facts) -> dict[str, Any]:
    row = facts["row"]
    values = {
        "tmdb_id": row["tmdb_id"],
        "imdb_id": row["imdb_id"],
        "title": row["title"],
        "title_uk": row["title"],
        "overview": row["overview"],
        "overview_uk": row["overview"],
        "poster": row["poster"],
        "poster_uk": row["poster"],
        "backdrop": "/old.jpg",
        "genres": [{"id": OLD_GENRE, "name": "Reality"}],
        "videos": [],
        "cast": [{"id": 1, "name": "Somebody Else"}],
        "related": [1396],
        "watch_providers": [{"region": "UA", "id": None, "name": "A provider without an id"}],
        "rating_tmdb": 0.0,
        "rating_tmdb_count": 0,
        "rating_imdb": 0.0,
        "imdb_votes": 0,
        "rating_metacritic": 0.0,
        "rating_trakt_avg": 0.0,
        "rating_trakt_votes": 0,
        "primary_rating": 0.0,
        "rating_trakt": 77.0,
        "watchers_delta": MONTHS_AS_DELTA,
        "delta_3m": 12.0,
        "trending_score": 61.5,
        # No child row goes with it.
        "content_rating": "18+",
        "tagline": "Not what it says today",
        "status": "Planned",
    }
    if medium is not SHOWS:
        return {**values, "release_date": "1999-01-01", "runtime": 1}
    season = {"latest_season_number": 99, "latest_season_episodes": 4, "number_of_seasons": 99}
    last = {"last_episode_season": 99, "last_episode_number": 4, "last_episode_air_date": "1999-01-01"}
    coming = {"next_episode_season": 99, "next_episode_number": 5, "next_episode_air_date": "1999-01-08"}
    return {**values, **season, **last, **coming, "first_air_date": "1999-01-01"}


def _genre(conn: Connection, tmdb_id: int, name: str) -> int:
    return _known(conn, genres, tmdb_id, name_en=name)


def _known(conn: Connection, table: Table, tmdb_id: int, **values: Any) -> int:
    found: int | None = conn.execute(select(table.c.id).where(table.c.tmdb_id == tmdb_id)).scalar()
    return _add(conn, table, tmdb_id=tmdb_id, **values) if found is None else found


def _add(conn: Connection, table: Table, **values: Any) -> int:
    key: int = conn.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
    return key
