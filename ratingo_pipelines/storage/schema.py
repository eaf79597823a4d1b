"""The schema of a live database: brought up to date, compared with the contract, or refused.

What the tables are lives in `tables.py` and `pipeline_tables.py`, how they came to be in `migrations/`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Inspector, Select, Table, inspect, select, table, types
from sqlalchemy import column as named_column
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

from ratingo_pipelines.storage.engine import Database, StorageError
from ratingo_pipelines.storage.errors import location_of
from ratingo_pipelines.storage.pipeline_tables import VERSION_TABLE
from ratingo_pipelines.storage.tables import metadata
from ratingo_pipelines.storage.upsert import lock_name

HEAD = "0002"
"""The newest revision; a constant, so that looking at the schema does not load Alembic."""

_VERSION: Select[str] = select(named_column("version_num", types.String)).select_from(table(VERSION_TABLE))

# The types that a column may have in a live database, by the type of the contract. SQLite keeps what it is given, so
# there any that other tools declare for the same kind of value will do.
_SQLITE_TYPES: dict[type[TypeEngine[Any]], tuple[type[TypeEngine[Any]], ...]] = {
    types.Boolean: (types.Boolean, types.Integer),
    types.JSON: (types.JSON, types.Text, types.String),
    types.DateTime: (types.DateTime, types.Text, types.String, types.Integer),
    types.Float: (types.Float,),
    types.Integer: (types.Integer,),
    types.Text: (types.Text, types.String),
}
# PostgreSQL refuses or rounds what does not fit, so there the type must be the contract's.
_POSTGRES_TYPES: dict[type[TypeEngine[Any]], tuple[type[TypeEngine[Any]], ...]] = {
    types.Boolean: (types.BOOLEAN,),
    types.JSON: (JSONB,),
    types.DateTime: (types.TIMESTAMP,),
    types.Float: (types.DOUBLE_PRECISION,),
    types.Integer: (types.INTEGER,),
    types.Text: (types.TEXT, types.VARCHAR),
}


def upgrade(database: Database) -> list[str]:
    """Create what an empty database or one of the old application lacks; two processes may do so at once.

    Changes no row and leaves foreign tables alone. Returns the `differences` that it leaves to people. Raises
    StorageError where rows stand in the way of a unique index, and then has changed nothing.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with database.migrating() as conn:
        lock_name(conn, "schema")
        _refuse_newer(conn, database)
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    return differences(database)


def ensure_current(database: Database) -> None:
    """Raise StorageError, in one line that says what to do, unless the database has this version's schema."""
    with database.reading() as conn:
        # A database without the table is told apart by `errors.translated`.
        version = conn.execute(_VERSION).scalar()
    if version != HEAD:
        raise StorageError(_outdated(database, version))


def prepare(database: Database) -> None:
    """Create the schema in a database that has none of its tables; refuse an outdated one like `ensure_current`."""
    with database.reading() as conn:
        existing = set(inspect(conn).get_table_names())
    if existing & {*metadata.tables, VERSION_TABLE}:
        ensure_current(database)
    else:
        upgrade(database)


def differences(database: Database) -> list[str]:
    """Everything in which the live database differs from the contract and this project's own tables, one a line."""
    with database.reading() as conn:
        inspector = inspect(conn)
        existing = set(inspector.get_table_names())
        return [
            difference
            for described in metadata.sorted_tables
            for difference in (
                _table_differences(inspector, described, database.dialect)
                if described.name in existing
                else [f"table {described.name} is missing"]
            )
        ]


def _refuse_newer(conn: Connection, database: Database) -> None:
    if VERSION_TABLE in inspect(conn).get_table_names():
        version = conn.execute(_VERSION).scalar()
        if version is not None and str(version) > HEAD:
            raise StorageError(_outdated(database, version))


def _outdated(database: Database, version: str | None) -> str:
    if version is not None and str(version) > HEAD:
        return f"{location_of(database.url)} was made by a newer version ({version}): update this program"
    return f"{location_of(database.url)} has an outdated schema ({version}): run `ratingo db upgrade`"


def _table_differences(inspector: Inspector, described: Table, dialect: str) -> Iterator[str]:
    live = {column["name"]: column for column in inspector.get_columns(described.name)}
    live_key = inspector.get_pk_constraint(described.name)["constrained_columns"]
    for column in described.columns:
        name = f"column {described.name}.{column.name}"
        found = live.get(column.name)
        if found is None:
            yield f"{name} is missing"
            continue
        if not _same_kind(column, found["type"], dialect):
            yield f"{name} is {found['type']}, should be {_kind_name(column, dialect)}"
        counts_up = dialect == "sqlite" and live_key == [column.name] and type(found["type"]) is types.INTEGER
        # SQLite calls such a key nullable, though it puts the next number in place of a null.
        if found["nullable"] and not column.nullable and not counts_up:
            yield f"{name} may be null, should not"
        if not found["nullable"] and column.nullable:
            yield f"{name} may not be null, should"
        if column.server_default is not None and found["default"] is None:
            yield f"{name} has no default, should be now"
    key = [column.name for column in described.primary_key]
    if live_key != key:
        there = f"is ({', '.join(live_key)})" if live_key else "is missing"
        yield f"primary key of {described.name} {there}, should be ({', '.join(key)})"
    yield from _index_differences(inspector, described)


def _index_differences(inspector: Inspector, described: Table) -> Iterator[str]:
    live = {index["name"]: index for index in inspector.get_indexes(described.name)}
    for index in sorted(described.indexes, key=lambda index: str(index.name)):
        name = f"index {index.name} of {described.name}"
        found = live.get(str(index.name))
        columns = [column.name for column in index.columns]
        if found is None:
            yield f"{name} is missing"
            continue
        if found["column_names"] != columns:
            there = ", ".join(str(column) for column in found["column_names"])
            yield f"{name} is on ({there}), should be on ({', '.join(columns)})"
        if bool(found["unique"]) != bool(index.unique):
            yield f"{name} is {'' if found['unique'] else 'not '}unique, should{'' if index.unique else ' not'} be"


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type itself, without what decorates it."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _same_kind(column: Column[Any], live: TypeEngine[Any], dialect: str) -> bool:
    wanted = _plain(column.type)
    accepted = _SQLITE_TYPES if dialect == "sqlite" else _POSTGRES_TYPES
    family = next(family for family in accepted if isinstance(wanted, family))
    limited = getattr(live, "timezone", False) or getattr(live, "length", None) is not None
    return isinstance(live, accepted[family]) and (dialect == "sqlite" or not limited)


def _kind_name(column: Column[Any], dialect: str) -> str:
    wanted = _plain(column.type)
    if isinstance(wanted, types.JSON):
        return "jsonb" if dialect == "postgresql" else "json"
    return {"double": "double precision", "datetime": "timestamp"}.get(
        type(wanted).__name__.lower(), type(wanted).__name__.lower()
    )
