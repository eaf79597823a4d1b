"""This project's own tables on PostgreSQL: in a schema of their own, where the site's migrations do not look."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, select, text

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.settings import SettingsError, load_settings
from ratingo_pipelines.storage import cycles, pipeline_tables, quota
from ratingo_pipelines.storage.engine import Database, StorageError, open_database
from ratingo_pipelines.storage.schema import differences, ensure_current, prepare, upgrade
from ratingo_pipelines.storage.tables import metadata, tables_of
from ratingo_pipelines_tests.storage.examples import NOW, own, save_title

pytestmark = pytest.mark.long

OWN = {"pipeline_alembic_version", *(table.name for table in pipeline_tables.metadata.sorted_tables)}
UrlFactory = Callable[..., str]


@pytest.fixture
def postgres(postgres_url: UrlFactory) -> Iterator[Database]:
    database = Database(postgres_url(migrated=False))
    yield database
    database.dispose()


def of_version(database: Database, revision: str) -> None:
    """Make the database as the version with that revision did: all tables in the site's schema."""
    config = Config()
    config.set_main_option("script_location", str(Path(pipeline_tables.__file__).parent / "migrations"))
    with database.migrating() as conn:
        config.attributes |= {"connection": conn, "pipeline_schema": None}
        command.upgrade(config, revision)


def execute(database: Database, *statements: str) -> None:
    with database.writing() as conn:
        for statement in statements:
            conn.execute(text(statement))


def names(database: Database, schema: str | None = None) -> set[str]:
    with database.reading() as conn:
        return set(inspect(conn).get_table_names(schema))


def scalar(database: Database, query: str) -> Any:
    with database.reading() as conn:
        return conn.scalar(text(query))


def test_on_postgres_the_sites_schema_holds_the_sites_tables_alone(postgres: Database) -> None:
    assert upgrade(postgres) == []
    assert names(postgres) == set(metadata.tables)
    assert names(postgres, "pipeline") == OWN


def test_another_schema_can_be_named(postgres_url: UrlFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url(migrated=False))
    monkeypatch.setenv("PIPELINE_SCHEMA", "ratingo_pipeline")
    database = open_database(load_settings())
    assert upgrade(database) == []
    assert names(database, "ratingo_pipeline") == OWN
    with database.writing() as conn:
        assert quota.take(conn, "omdb", "2026-03-01", 1)
    assert scalar(database, "SELECT used FROM ratingo_pipeline.pipeline_quota") == 1
    database.dispose()


@pytest.mark.parametrize("name", ["public", "Pipeline", "pg_pipeline", "pipe line", "1st", "information_schema"])
def test_a_schema_that_is_no_plain_name_of_its_own_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_SCHEMA", name)
    with pytest.raises(SettingsError, match="PIPELINE_SCHEMA: must be a schema of its own"):
        load_settings()


def test_an_installation_in_use_moves_with_all_its_rows(empty_database: Database) -> None:
    database = empty_database
    of_version(database, "0002")
    execute(
        database,
        "INSERT INTO pipeline_cycles (id, medium, cycle_at, listed, eligible, max_watchers) "
        "VALUES (41, 'shows', '2026-03-01 06:00:00.000000', 1, 1, 5)",
        "INSERT INTO pipeline_trending (id, cycle_id, medium, rank, tmdb_id, watchers, outcome) "
        "VALUES (7, 41, 'shows', 1, 1399, 5, 'done')",
        "INSERT INTO pipeline_quota (api, day, used) VALUES ('omdb', '2026-03-01', 17)",
    )
    if database.dialect == "postgresql":
        execute(
            database,
            "SELECT setval('pipeline_cycles_id_seq', 41)",
            "SELECT setval('pipeline_trending_id_seq', 7)",
        )

    assert upgrade(database) == []

    assert names(database) & OWN == (set() if database.dialect == "postgresql" else OWN)
    with database.writing() as conn:
        assert [
            tuple(row) for row in conn.execute(select(pipeline_tables.cycles.c.id, pipeline_tables.cycles.c.medium))
        ] == [(41, "shows")]
        assert (
            conn.scalar(select(pipeline_tables.trending.c.tmdb_id).where(pipeline_tables.trending.c.cycle_id == 41))
            == 1399
        )
        entry = cycles.Entry(1, 1, 1, None, None, "Title", 2020, 100)
        assert cycles.open_cycle(conn, SHOWS, NOW, [entry], 10_000, None).id == 42
    assert scalar(database, f"SELECT used FROM {own(database)}pipeline_quota") == 17  # noqa: S608
    ensure_current(database)


def test_an_installation_in_use_gets_the_sites_constraints_and_defaults(empty_database: Database) -> None:
    of_version(empty_database, "0002")
    execute(
        empty_database,
        "INSERT INTO shows (tmdb_id, title, genres) VALUES (1399, 'Гра престолів', '[]')",
    )
    assert upgrade(empty_database) == []
    with empty_database.reading() as conn:
        inspector = inspect(conn)
        for titles in ("shows", "movies"):
            unique = inspector.get_unique_constraints(titles)
            assert [(each["name"], each["column_names"]) for each in unique] == [
                (f"{titles}_tmdb_id_unique", ["tmdb_id"])
            ]
        if empty_database.dialect == "postgresql":
            columns = [column for table in metadata.tables for column in inspector.get_columns(table)]
            timed = [column["default"] for column in columns if column["name"] in {"created_at", "updated_at"}]
            assert timed == ["now()"] * 39
    assert save_title(empty_database, 1399) == 1
    assert save_title(empty_database, 42) == 2


def test_a_program_of_the_version_before_ends_with_one_line(postgres: Database) -> None:
    upgrade(postgres)
    # What it looks at when it starts, and what it reads while it works: tables that have moved away.
    for statement in ("SELECT version_num FROM pipeline_alembic_version", "SELECT id FROM pipeline_cycles"):
        with pytest.raises(StorageError, match="does not have the tables of this version: run `ratingo db upgrade`"):
            scalar(postgres, statement)


def test_what_a_program_of_the_version_before_made_anew_is_told(postgres: Database) -> None:
    upgrade(postgres)
    of_version(postgres, "0002")
    ensure_current(postgres)
    left = upgrade(postgres)
    assert len(left) == 8
    assert left[0] == (
        "table pipeline_alembic_version is in pipeline, and once more in the site's schema: drop the latter"
    )


def test_a_user_who_may_not_create_the_schema_is_told_the_statement(
    postgres: Database, postgres_url: UrlFactory
) -> None:
    guest = with_role(postgres, "guest_of_the_schema")
    try:
        with pytest.raises(StorageError) as caught:
            upgrade(guest)
        assert str(caught.value).endswith(
            ": user guest_of_the_schema may not create the schema of this project's own tables: have "
            "CREATE SCHEMA pipeline AUTHORIZATION guest_of_the_schema run by a user who may, "
            "then run `ratingo db upgrade` again (nothing was changed)"
        )
        assert names(postgres) == set()

        execute(postgres, "CREATE SCHEMA pipeline")
        with pytest.raises(StorageError, match="GRANT USAGE, CREATE ON SCHEMA pipeline TO guest_of_the_schema run by"):
            upgrade(guest)

        execute(postgres, "DROP SCHEMA pipeline", "CREATE SCHEMA pipeline AUTHORIZATION guest_of_the_schema")
        assert upgrade(guest) == []
    finally:
        guest.dispose()
        execute(postgres, "DROP OWNED BY guest_of_the_schema CASCADE", "DROP ROLE guest_of_the_schema")


def with_role(owner: Database, role: str) -> Database:
    """The database as a role of its own, which may make tables in `public` and no schemas."""
    name = scalar(owner, "SELECT current_database()")
    execute(
        owner,
        f"CREATE ROLE {role} LOGIN PASSWORD 'p'",
        f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
        f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO {role}',
        f"GRANT ALL ON SCHEMA public TO {role}",
    )
    return Database(owner.url.set(username=role, password="p").render_as_string(hide_password=False))


@pytest.fixture
def two_sites(postgres_url: UrlFactory) -> Iterator[Callable[..., Database]]:
    """Opens one database with the site of that name, as its search path says."""
    url = postgres_url(migrated=False)
    opened = [Database(url)]
    execute(opened[0], "CREATE SCHEMA site_a", "CREATE SCHEMA site_b")

    def site(name: str, pipeline_schema: str = "pipeline") -> Database:
        joint = "&" if "?" in url else "?"
        opened.append(Database(f"{url}{joint}options=-csearch_path%3D{name}", pipeline_schema))
        return opened[-1]

    yield site
    for database in opened:
        database.dispose()


def test_two_installations_told_apart_by_search_path_have_a_schema_each(two_sites: Callable[..., Database]) -> None:
    a, b = two_sites("site_a", "pipeline_a"), two_sites("site_b", "pipeline_b")
    assert upgrade(a) == upgrade(b) == []
    save_title(a, 42)
    with a.writing() as conn:
        quota.take(conn, "omdb", "2026-03-01", 9)
    for table in ("shows", "pipeline_a.pipeline_quota"):
        assert scalar(a, f"SELECT count(*) FROM {table}") == 1  # noqa: S608
    for table in ("shows", "pipeline_b.pipeline_quota"):
        assert scalar(b, f"SELECT count(*) FROM {table}") == 0  # noqa: S608
    assert differences(a) == differences(b) == []


@pytest.mark.parametrize("before", ["nothing", "the site's tables", "the version before"])
def test_an_installation_never_takes_the_schema_of_another(two_sites: Callable[..., Database], before: str) -> None:
    a, b = two_sites("site_a"), two_sites("site_b")
    if before == "the site's tables":
        execute(b, "CREATE TABLE shows (id serial PRIMARY KEY, tmdb_id integer NOT NULL, title text NOT NULL)")
    elif before == "the version before":
        of_version(b, "0002")
    upgrade(a)
    for use in (upgrade, prepare, ensure_current):
        with pytest.raises(StorageError) as caught:
            use(b)
        assert str(caught.value).endswith(
            "the schema pipeline belongs to the installation whose site is in the schema site_a, "
            "and this one's is in site_b: give this one another PIPELINE_SCHEMA"
        )
    save_title(a, 42)
    assert upgrade(two_sites("site_b", "pipeline_b")) == []
    assert scalar(b, "SELECT count(*) FROM shows") == 0
    assert tables_of(SHOWS).titles.name in names(b)


def test_the_sites_own_schema_is_not_taken(two_sites: Callable[..., Database]) -> None:
    with pytest.raises(StorageError, match="PIPELINE_SCHEMA: site_a is the schema of the site's tables; name another"):
        upgrade(two_sites("site_a", "site_a"))
