"""The PostgreSQL schema that this project's own tables live in, beside the site's: made, or asked for.

What lives in it is described in `storage/pipeline_tables.py`; SQLite has no schemas, and nothing here to do.
"""

from alembic import op
from sqlalchemy import Connection, func, inspect, select

from ratingo_pipelines.storage.engine import Database, StorageError
from ratingo_pipelines.storage.errors import location_of
from ratingo_pipelines.storage.pipeline_tables import VERSION_TABLE

AGAIN = "then run `ratingo db upgrade` again (nothing was changed)"


def own_schema() -> str | None:
    """For revisions: the schema of this project's own tables in the database being upgraded, None on SQLite."""
    return op.get_context().version_table_schema


def make_own_schema(conn: Connection, database: Database) -> None:
    """Make the schema and move the version table into it, before Alembic looks for it there.

    Raises StorageError, with the statement to run, where this user may not.
    """
    schema, site = database.pipeline_schema, conn.dialect.default_schema_name
    if schema is None:
        return
    if schema == site:
        raise StorageError(f"PIPELINE_SCHEMA: {schema} is the schema of the site's tables; name another")
    inspector = inspect(conn)
    if inspector.has_schema(schema):
        _refuse_missing_rights(conn, database, schema)
    else:
        _create(conn, database, schema)
    if inspector.has_table(VERSION_TABLE) and not inspector.has_table(VERSION_TABLE, schema=schema):
        move(conn, VERSION_TABLE, schema)


def move(conn: Connection, table: str, schema: str) -> None:
    """Move a table of the site's schema into another one, with its rows, indexes and the sequence of its key.

    https://www.postgresql.org/docs/current/sql-altertable.html (SET SCHEMA)
    """
    quoted = conn.dialect.identifier_preparer.quote
    site = conn.dialect.default_schema_name
    assert site is not None  # noqa: S101 - PostgreSQL always has one
    conn.exec_driver_sql(f"ALTER TABLE {quoted(site)}.{quoted(table)} SET SCHEMA {quoted(schema)}")


def _create(conn: Connection, database: Database, schema: str) -> None:
    quoted = conn.dialect.identifier_preparer.quote
    if not conn.scalar(select(func.has_database_privilege(func.current_database(), "CREATE"))):
        user = conn.scalar(select(func.current_user()))
        raise StorageError(
            f"{location_of(database.url)}: user {user} may not create the schema of this project's own tables: have "
            f"CREATE SCHEMA {quoted(schema)} AUTHORIZATION {quoted(str(user))} run by a user who may, {AGAIN}"
        )
    conn.exec_driver_sql(f"CREATE SCHEMA {quoted(schema)}")


def _refuse_missing_rights(conn: Connection, database: Database, schema: str) -> None:
    quoted = conn.dialect.identifier_preparer.quote
    if not conn.scalar(
        select(func.has_schema_privilege(schema, "USAGE") & func.has_schema_privilege(schema, "CREATE"))
    ):
        user = conn.scalar(select(func.current_user()))
        raise StorageError(
            f"{location_of(database.url)}: user {user} may not use the schema {schema}: have "
            f"GRANT USAGE, CREATE ON SCHEMA {quoted(schema)} TO {quoted(str(user))} run by its owner, {AGAIN}"
        )
