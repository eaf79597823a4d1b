"""The site's push finds nothing to change in a database of ours, created or adopted, and drops nothing of ours."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import quota
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import differences, upgrade
from ratingo_pipelines.storage.tables import metadata, tables_of
from ratingo_pipelines_tests.push.drizzle import FOLDER, NOTHING, push, schema_file
from ratingo_pipelines_tests.storage.examples import rows_of, save_title
from ratingo_pipelines_tests.storage.old_database import fill_as_the_old_sync

pytestmark = [
    pytest.mark.push,
    pytest.mark.skipif(not (FOLDER / "node_modules").exists(), reason="`make test-push` installs the site's tools"),
]
SHOW = tables_of(SHOWS)
UrlFactory = Callable[..., str]


def test_a_created_database_needs_no_change(postgres_url: UrlFactory, tmp_path: Path) -> None:
    database = Database(postgres_url(migrated=False))
    upgrade(database)
    fill(database)

    said = push(text_of(database), schema_file(metadata), tmp_path)

    assert NOTHING in said, said
    assert_whole(database)


def test_an_adopted_database_needs_no_change(postgres_url: UrlFactory, tmp_path: Path) -> None:
    database = Database(postgres_url(migrated=False))
    fill_as_the_old_sync(database)
    upgrade(database)
    with database.writing() as conn:
        # The site's own tables are in its schema file; the old sync's are dropped by its push as ever.
        conn.execute(text("DROP TABLE feature_requests, sync_jobs"))
    fill(database)

    said = push(text_of(database), schema_file(metadata), tmp_path)

    assert NOTHING in said, said
    assert_whole(database)


def test_a_database_that_the_push_made_is_adopted_without_a_change(postgres_url: UrlFactory, tmp_path: Path) -> None:
    database = Database(postgres_url(migrated=False))
    said = push(text_of(database), schema_file(metadata), tmp_path)
    assert "Changes applied" in said, said

    assert upgrade(database) == []

    (tmp_path / "again").mkdir()
    said = push(text_of(database), schema_file(metadata), tmp_path / "again")
    assert NOTHING in said, said
    fill(database)
    assert_whole(database)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE pipeline_quota (api text)",
        "DROP INDEX tmdb_id_idx",
        "ALTER TABLE movies DROP CONSTRAINT movies_tmdb_id_unique",
        "ALTER TABLE genres ALTER updated_at SET DEFAULT timezone('utc', now())",
    ],
    ids=["a table of ours in its schema", "an index", "a constraint", "a default"],
)
def test_the_push_would_change_what_is_not_as_the_contract_says(
    postgres_url: UrlFactory, tmp_path: Path, statement: str
) -> None:
    database = Database(postgres_url())
    with database.writing() as conn:
        conn.execute(text(statement))
    assert NOTHING not in push(text_of(database), schema_file(metadata), tmp_path)
    database.dispose()


def text_of(database: Database) -> str:
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


def fill(database: Database) -> None:
    save_title(database, 4242)
    with database.writing() as conn:
        quota.take(conn, "omdb", "2026-03-01", 9)


def assert_whole(database: Database) -> None:
    assert differences(database) == []
    assert [row["tmdb_id"] for row in rows_of(database, SHOW.titles) if row["tmdb_id"] == 4242] == [4242]
    with database.reading() as conn:
        assert quota.used(conn, "omdb", "2026-03-01") == 1
        assert "pipeline_quota" in inspect(conn).get_table_names("pipeline")
    database.dispose()
