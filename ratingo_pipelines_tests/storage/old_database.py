"""A database as the old application left it: tables, columns and indexes missing, rows, and the site's own tables."""

from ratingo_pipelines.storage.engine import Database

KEY = {"postgresql": "serial PRIMARY KEY", "sqlite": "integer PRIMARY KEY AUTOINCREMENT NOT NULL"}
JSON = {"postgresql": "jsonb", "sqlite": "text"}
NOW = {"postgresql": "now()", "sqlite": "CURRENT_TIMESTAMP"}


def fill_as_the_old_sync(database: Database) -> None:
    """Make it of an empty one."""
    key, json, now = (kind[database.dialect] for kind in (KEY, JSON, NOW))
    statements = (
        f"CREATE TABLE shows (id {key}, tmdb_id integer NOT NULL CONSTRAINT shows_tmdb_id_unique UNIQUE, imdb_id text, "
        f"title text NOT NULL, overview text, poster text, backdrop text, genres {json}, videos {json}, "
        f"rating_tmdb double precision, rating_trakt double precision, trending_score double precision, "
        f"watch_providers {json}, updated_at timestamp DEFAULT {now} NOT NULL)",
        "CREATE UNIQUE INDEX tmdb_id_idx ON shows (tmdb_id)",
        "CREATE INDEX trending_score_idx ON shows (trending_score)",
        "INSERT INTO shows (id, tmdb_id, title, genres, rating_trakt, trending_score, updated_at) VALUES "
        """(7, 1399, 'Гра престолів', '[{"id": 18, "name": "Драма"}]', 120, 61.5, '2025-01-02 03:04:05'), """
        "(9, 1396, 'Пуститися берега', NULL, NULL, NULL, '2025-02-03 04:05:06')",
        f"CREATE TABLE show_watchers_snapshots (id {key}, show_id integer NOT NULL, tmdb_id integer NOT NULL, "
        f"watchers integer NOT NULL, created_at timestamp DEFAULT {now} NOT NULL)",
        "INSERT INTO show_watchers_snapshots (show_id, tmdb_id, watchers, created_at) VALUES "
        "(7, 1399, 100, '2025-01-02 03:04:05'), (7, 1399, 100, '2025-01-02 03:04:05')",
        f"CREATE TABLE show_watch_providers (id {key}, show_id integer NOT NULL, region text NOT NULL, "
        f"provider_id integer, provider_name text, category text, updated_at timestamp DEFAULT {now} NOT NULL)",
        "INSERT INTO show_watch_providers (show_id, region, provider_id) VALUES (7, 'UA', NULL), (7, 'UA', NULL)",
        f"CREATE TABLE genres (id {key}, tmdb_id integer NOT NULL, name_en text NOT NULL)",
        "CREATE UNIQUE INDEX genres_tmdb_id_uniq_idx ON genres (tmdb_id)",
        "INSERT INTO genres (tmdb_id, name_en) VALUES (18, 'Drama')",
        f"CREATE TABLE feature_requests (id {key}, title text NOT NULL)",
        "INSERT INTO feature_requests (title) VALUES ('Dark theme')",
        f"CREATE TABLE sync_jobs (id {key}, type text)",
    )
    with database.writing() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)
