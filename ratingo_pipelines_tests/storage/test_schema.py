"""The schema of a live database: created, adopted, compared, refused when outdated."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import pipeline_tables, tables
from ratingo_pipelines.storage.engine import Database, StorageError
from ratingo_pipelines.storage.schema import HEAD, differences, ensure_current, upgrade
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.storage.examples import own, rows_of, save_title
from ratingo_pipelines_tests.storage.old_database import KEY, fill_as_the_old_sync

SHOW = tables_of(SHOWS)


def _execute(database: Database, *statements: str) -> None:
    with database.writing() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)


def _all(database: Database, query: str) -> list[dict[str, Any]]:
    with database.reading() as conn:
        return [dict(row) for row in conn.execute(text(query)).mappings()]


@pytest.fixture
def old_database(empty_database: Database) -> Database:
    fill_as_the_old_sync(empty_database)
    return empty_database


def test_an_empty_database_gets_the_whole_contract(empty_database: Database) -> None:
    assert upgrade(empty_database) == []
    assert differences(empty_database) == []
    ensure_current(empty_database)


def test_an_upgrade_of_a_current_database_changes_nothing(database: Database) -> None:
    save_title(database, 42)
    before = rows_of(database, SHOW.titles)
    assert upgrade(database) == []
    assert rows_of(database, SHOW.titles) == before


def test_the_newest_revision_is_the_one_the_program_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", "ratingo_pipelines.storage:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_old_database_is_adopted_without_changing_a_row(old_database: Database) -> None:
    tables = ("shows", "show_watchers_snapshots", "show_watch_providers", "genres", "feature_requests", "sync_jobs")
    before = {table: _all(old_database, f"SELECT * FROM {table} ORDER BY id") for table in tables}  # noqa: S608

    assert upgrade(old_database) == []

    for table, rows in before.items():
        after = _all(old_database, f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
        assert [{name: row[name] for name in rows[0]} for row in after] == rows if rows else after == []
    assert all(row["title_uk"] is None for row in _all(old_database, "SELECT title_uk FROM shows"))
    assert _all(old_database, "SELECT updated_at FROM genres")[0]["updated_at"] is not None
    ensure_current(old_database)


def test_an_adopted_database_goes_on_where_it_was(old_database: Database) -> None:
    upgrade(old_database)
    assert save_title(old_database, 1399) == 7
    # The old rows were inserted with their ids, which a sequence does not see.
    assert save_title(old_database, 42) == 10
    rows = rows_of(old_database, SHOW.titles)
    assert [(row["id"], row["tmdb_id"], row["genres"]) for row in rows][:2] == [
        (7, 1399, [{"id": 18, "name": "Драма"}]),
        (9, 1396, None),
    ]
    # The offers that the old sync doubled are replaced like any others.
    assert len(rows_of(old_database, SHOW.watch_providers, show_id=7)) == 12


def test_the_sites_own_tables_are_left_alone(old_database: Database) -> None:
    with old_database.reading() as conn:
        before = inspect(conn).get_multi_columns(filter_names=["feature_requests", "sync_jobs"])
    upgrade(old_database)
    with old_database.reading() as conn:
        after = inspect(conn).get_multi_columns(filter_names=["feature_requests", "sync_jobs"])
        names = {
            name for schema in (None, old_database.pipeline_schema) for name in inspect(conn).get_table_names(schema)
        }
    assert {table: [column["name"] for column in columns] for table, columns in after.items()} == {
        table: [column["name"] for column in columns] for table, columns in before.items()
    }
    ours = [table.name for own in (tables, pipeline_tables) for table in own.metadata.sorted_tables]
    assert names == {*ours, "pipeline_alembic_version", "feature_requests", "sync_jobs"} | ({"sqlite_sequence"} & names)


def test_rows_that_refer_to_a_rebuilt_table_survive(empty_database: Database) -> None:
    key = KEY[empty_database.dialect]
    _execute(
        empty_database,
        f"CREATE TABLE genres (id {key}, tmdb_id integer NOT NULL, name_en text NOT NULL)",
        f"CREATE TABLE favourites (id {key}, genre_id integer NOT NULL REFERENCES genres (id) ON DELETE CASCADE)",
        "INSERT INTO genres (tmdb_id, name_en) VALUES (18, 'Drama')",
        "INSERT INTO favourites (genre_id) VALUES (1)",
    )
    upgrade(empty_database)
    assert _all(empty_database, "SELECT genre_id FROM favourites") == [{"genre_id": 1}]
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        _execute(empty_database, "INSERT INTO favourites (genre_id) VALUES (99)")


def test_duplicates_in_the_way_of_a_unique_index_are_named_and_nothing_is_changed(old_database: Database) -> None:
    _execute(
        old_database,
        f"CREATE TABLE show_cast (id {KEY[old_database.dialect]}, show_id integer NOT NULL, person_id integer, "
        "character text)",
        "INSERT INTO show_cast (show_id, person_id, character) VALUES (7, 1, 'Jon'), (7, 1, 'Jon')",
    )
    with pytest.raises(StorageError) as caught:
        upgrade(old_database)
    assert str(caught.value) == (
        "table show_cast holds 2 rows with show_id 7, person_id 1, character Jon, which its unique index "
        "show_cast_unique_idx forbids: delete the surplus ones, then run `ratingo db upgrade` again "
        "(nothing was changed)"
    )
    with old_database.reading() as conn:
        assert "movies" not in inspect(conn).get_table_names()
    _execute(old_database, "DELETE FROM show_cast WHERE id = 2")
    assert upgrade(old_database) == []


def test_a_column_that_rows_cannot_do_without_is_named(old_database: Database) -> None:
    key = KEY[old_database.dialect]
    _execute(
        old_database,
        f"CREATE TABLE show_ratings (id {key}, show_id integer NOT NULL, avg double precision)",
        "INSERT INTO show_ratings (show_id) VALUES (7)",
    )
    with pytest.raises(StorageError, match="table show_ratings has rows but no column source, which cannot be empty"):
        upgrade(old_database)
    _execute(old_database, "DELETE FROM show_ratings")
    assert upgrade(old_database) == []


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["DROP TABLE movie_cast"], "table movie_cast is missing"),
        (["DROP INDEX tmdb_id_idx"], "index tmdb_id_idx of shows is missing"),
        (
            ["DROP INDEX tmdb_id_idx", "CREATE INDEX tmdb_id_idx ON shows (tmdb_id)"],
            "index tmdb_id_idx of shows is not unique, should be",
        ),
        (
            ["DROP INDEX genres_name_en_idx", "CREATE UNIQUE INDEX genres_name_en_idx ON genres (name_en)"],
            "index genres_name_en_idx of genres is unique, should not be",
        ),
        (
            ["DROP INDEX genres_name_en_idx", "CREATE INDEX genres_name_en_idx ON genres (name_uk, name_en)"],
            "index genres_name_en_idx of genres is on (name_uk, name_en), should be on (name_en)",
        ),
        (["ALTER TABLE shows DROP COLUMN tagline"], "column shows.tagline is missing"),
        (["ALTER TABLE movies DROP COLUMN runtime"], "column movies.runtime is missing"),
    ],
    ids=["table", "index", "not unique", "unique", "columns", "column", "movies' column"],
)
def test_each_difference_is_told(database: Database, statements: list[str], said: str) -> None:
    _execute(database, *statements)
    assert differences(database) == [said]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "ALTER TABLE shows ALTER rating_trakt TYPE integer",
            "column shows.rating_trakt is INTEGER, should be double precision",
        ),
        ("ALTER TABLE shows ALTER genres TYPE text", "column shows.genres is TEXT, should be jsonb"),
        ("ALTER TABLE shows ALTER genres TYPE json", "column shows.genres is JSON, should be jsonb"),
        (
            "ALTER TABLE shows ALTER trending_updated_at TYPE timestamptz",
            "column shows.trending_updated_at is TIMESTAMP, should be timestamp",
        ),
        ("ALTER TABLE shows ALTER title DROP NOT NULL", "column shows.title may be null, should not"),
        ("ALTER TABLE shows ALTER imdb_id SET NOT NULL", "column shows.imdb_id may not be null, should"),
        ("ALTER TABLE shows ALTER updated_at DROP DEFAULT", "column shows.updated_at has no default, should be now"),
        (
            "ALTER TABLE shows ALTER updated_at SET DEFAULT timezone('utc', now())",
            "column shows.updated_at has the default timezone('utc'::text, now()), should be now()",
        ),
        (
            "ALTER TABLE shows DROP CONSTRAINT shows_tmdb_id_unique",
            "unique constraint shows_tmdb_id_unique of shows is missing",
        ),
        (
            "ALTER TABLE movies DROP CONSTRAINT movies_tmdb_id_unique, "
            "ADD CONSTRAINT movies_tmdb_id_unique UNIQUE (tmdb_id, title)",
            "unique constraint movies_tmdb_id_unique of movies is on (tmdb_id, title), should be on (tmdb_id)",
        ),
        ("DROP TABLE pipeline.pipeline_quota", "table pipeline_quota is missing"),
        (
            "CREATE TABLE pipeline_quota (id integer)",
            "table pipeline_quota is in pipeline, and once more in the site's schema: drop the latter",
        ),
        ("ALTER TABLE show_videos ALTER official TYPE text", "column show_videos.official is TEXT, should be boolean"),
        ("ALTER TABLE shows ALTER title TYPE varchar(500)", "column shows.title is VARCHAR(500), should be text"),
        ("ALTER TABLE shows ALTER title TYPE varchar", None),
        ("ALTER TABLE shows ALTER title TYPE char(9)", "column shows.title is CHAR(9), should be text"),
        (
            "ALTER TABLE show_watchers_snapshots ALTER id TYPE bigint",
            "column show_watchers_snapshots.id is BIGINT, should be integer",
        ),
        (
            "ALTER TABLE movies ALTER runtime TYPE smallint",
            "column movies.runtime is SMALLINT, should be integer",
        ),
        (
            "ALTER TABLE shows ALTER rating_tmdb TYPE real",
            "column shows.rating_tmdb is REAL, should be double precision",
        ),
        (
            "ALTER TABLE shows ALTER rating_tmdb TYPE numeric",
            "column shows.rating_tmdb is NUMERIC, should be double precision",
        ),
        (
            "ALTER TABLE genres DROP CONSTRAINT genres_pkey",
            "primary key of genres is missing, should be (id)",
        ),
        (
            "ALTER TABLE genres DROP CONSTRAINT genres_pkey, ADD PRIMARY KEY (id, tmdb_id)",
            "primary key of genres is (id, tmdb_id), should be (id)",
        ),
        ("ALTER TABLE shows ADD COLUMN site_notes text", None),
    ],
)
def test_each_difference_of_a_column_is_told(postgres_url: Callable[[], str], statement: str, said: str | None) -> None:
    database = Database(postgres_url())
    _execute(database, statement)
    assert differences(database) == ([said] if said else [])
    database.dispose()


def test_a_database_of_another_kind_of_sqlite_columns_is_no_difference(old_database: Database) -> None:
    # There, JSON in a text column and a key that counts up are the old application's way.
    upgrade(old_database)
    assert differences(old_database) == []


def test_a_plain_integer_key_of_sqlite_is_no_difference(sqlite_url: Callable[..., str]) -> None:
    database = Database(sqlite_url(migrated=False))
    _execute(database, "CREATE TABLE genres (id INTEGER PRIMARY KEY, tmdb_id integer NOT NULL, name_en text NOT NULL)")
    assert upgrade(database) == []
    database.dispose()


def test_a_key_of_sqlite_that_is_not_the_contracts_is_told(sqlite_url: Callable[..., str]) -> None:
    database = Database(sqlite_url(migrated=False))
    _execute(database, "CREATE TABLE genres (id integer NOT NULL, tmdb_id integer PRIMARY KEY, name_en text NOT NULL)")
    assert "primary key of genres is (tmdb_id), should be (id)" in upgrade(database)
    database.dispose()


def test_an_empty_database_is_refused_in_one_line(empty_database: Database) -> None:
    with pytest.raises(StorageError, match="run `ratingo db upgrade`") as caught:
        ensure_current(empty_database)
    assert "\n" not in str(caught.value)


def test_an_old_database_is_refused_until_it_is_adopted(old_database: Database) -> None:
    with pytest.raises(StorageError, match="run `ratingo db upgrade`"):
        ensure_current(old_database)


def test_an_outdated_database_is_refused_in_one_line(database: Database) -> None:
    _execute(database, f"UPDATE {own(database)}pipeline_alembic_version SET version_num = '0003'")  # noqa: S608
    with pytest.raises(StorageError, match=r"has an outdated schema \(0003\): run `ratingo db upgrade`") as caught:
        ensure_current(database)
    assert "\n" not in str(caught.value)
    assert upgrade(database) == []
    ensure_current(database)


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    _execute(database, f"UPDATE {own(database)}pipeline_alembic_version SET version_num = '9999'")  # noqa: S608
    for use in (ensure_current, upgrade):
        with pytest.raises(StorageError, match=r"made by a newer version \(9999\): update this program"):
            use(database)


def test_looking_at_the_schema_takes_one_query(database: Database) -> None:
    statements = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    ensure_current(database)
    assert [statement for statement in statements if statement != "BEGIN"] == [
        "SELECT {0}.version_num, {0}.site_schema \nFROM {0}".format(f"{own(database)}pipeline_alembic_version")
    ]
