"""The schema of a live database: brought up to date, compared with the contract, or refused.

What the tables are lives in `tables.py` and `pipeline_tables.py`, how they came to be in `migrations/`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Inspector,
    Table,
    UniqueConstraint,
    exists,
    func,
    inspect,
    select,
    text,
    types,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedIndex
from sqlalchemy.schema import SetColumnComment, SetTableComment
from sqlalchemy.types import TypeDecorator, TypeEngine

from ratingo_pipelines.storage import pipeline_tables, tables
from ratingo_pipelines.storage.dictionary import all_tables
from ratingo_pipelines.storage.engine import Database, StorageError, retried_transaction
from ratingo_pipelines.storage.errors import location_of
from ratingo_pipelines.storage.pipeline_tables import VERSION_TABLE, version
from ratingo_pipelines.storage.upsert import lock_name

HEAD = "0017"
"""The newest revision; a constant, so that looking at the schema does not load Alembic."""
COPYING = "copying "
"""What the number of a revision begins with in a database that `copying` has not filled yet."""

# The types that a column may have in a live database, by the type of the contract. SQLite keeps what it is given
# (https://www.sqlite.org/datatype3.html), so there any that other tools declare for the same kind of value will do.
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


@retried_transaction
def upgrade(database: Database) -> list[str]:
    """Create what an empty database or one of the old application lacks; two processes may do so at once.

    Changes no row and leaves foreign tables alone. Returns the `differences` that it leaves to people. Raises
    StorageError where rows stand in the way of a unique index, where the database cannot hold all letters, where this
    user may not make the schema of this project's own tables, and where that one serves another installation; it then
    has changed nothing.
    """
    from alembic import command
    from alembic.config import Config

    from ratingo_pipelines.storage.migrations.own_schema import make_own_schema

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with database.migrating() as conn:
        _refuse_encoding(conn, database)
        lock_name(conn, "schema")
        make_own_schema(conn, database)
        _refuse_unfit(conn, database)
        _refuse_numbers(conn, database)
        config.attributes["connection"] = conn
        config.attributes["pipeline_schema"] = database.pipeline_schema
        command.upgrade(config, "head")
        conn.execute(update(version).values(site_schema=conn.dialect.default_schema_name))
        _put_comments(conn, database)
    database.remember()
    return differences(database)


def ensure_current(database: Database) -> None:
    """Raise StorageError, in one line that says what to do, unless the database has this version's schema."""
    with database.reading() as conn:
        # A database without the table is told apart by `errors.translated`.
        installed = conn.execute(select(version.c.version_num, version.c.site_schema)).one_or_none()
        site = conn.dialect.default_schema_name
    number, serves = installed or (None, site)
    _refuse_others(database, serves, site)
    _refuse_newer(database, number)
    if number != HEAD:
        raise StorageError(f"{location_of(database.url)} has an outdated schema ({number}): run `ratingo db upgrade`")
    database.remember()


def prepare(database: Database) -> None:
    """Create the schema in a database that has none of its tables.

    Raises StorageError for an outdated one like `ensure_current`, and like `upgrade` where it cannot be created.
    """
    upgrade(database) if is_empty(database) else ensure_current(database)


def is_empty(database: Database) -> bool:
    """Whether the database has none of the contract's tables, and not the table of versions."""
    with database.reading() as conn:
        inspector = inspect(conn)
        existing = {name for schema in (None, database.pipeline_schema) for name in inspector.get_table_names(schema)}
    return not existing & {*tables.metadata.tables, VERSION_TABLE}


def differences(database: Database) -> list[str]:
    """Everything in which the live database differs from the contract and this project's own tables, one a line.

    Raises StorageError when the database cannot be used, cannot hold all letters, or is a copy that is not whole.
    """
    with database.reading() as conn:
        _refuse_encoding(conn, database)
        inspector = inspect(conn)
        if LiveTable(inspector, VERSION_TABLE, database.pipeline_schema).exists:
            _refuse_half_copied(database, conn.scalar(select(version.c.version_num)))
        found: list[str] = []
        for described in all_tables():
            live = LiveTable(inspector, described.name, database.pipeline_schema if described.schema else None)
            found += _table_differences(live, described, database.dialect)
            found += [f"column {name} holds numbers, should hold texts" for name in _numbers(conn, live, described)]
        return found + list(_leftovers(inspector, database))


def _put_comments(conn: Connection, database: Database) -> None:
    """Have the database say what its columns mean, where it can and the table is this user's; no revision's business.

    Only an owner may comment (https://www.postgresql.org/docs/current/sql-comment.html).
    """
    if database.pipeline_schema is None:
        return
    inspector = inspect(conn)
    for described in all_tables():
        schema = database.pipeline_schema if described.schema else conn.dialect.default_schema_name
        if not _is_owner(conn, described.name, schema):
            continue
        if inspector.get_table_comment(described.name, schema=schema)["text"] != described.comment:
            conn.execute(SetTableComment(described))
        live = {column["name"]: column["comment"] for column in inspector.get_columns(described.name, schema=schema)}
        for column in described.columns:
            if column.name in live and live[column.name] != column.comment:
                conn.execute(SetColumnComment(column))


def _is_owner(conn: Connection, table: str, schema: str | None) -> bool:
    quoted = conn.dialect.identifier_preparer.quote
    owned = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(:name)")
    return bool(conn.scalar(owned, {"name": f"{quoted(str(schema))}.{quoted(table)}"}))


def _refuse_encoding(conn: Connection, database: Database) -> None:
    """Raise StorageError where letters would be missing: the titles of the world need them all."""
    if database.dialect != "postgresql":
        return
    encoding = conn.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StorageError(
            f"{location_of(database.url)} is encoded in {encoding}, which cannot hold all letters of Ukrainian and "
            "other languages: name a database created with ENCODING 'UTF8' TEMPLATE template0"
        )


def _refuse_numbers(conn: Connection, database: Database) -> None:
    """Raise StorageError where an adopted SQLite file keeps timestamps as numbers, which every read would fail at."""
    inspector = inspect(conn)
    if inspector.has_table(VERSION_TABLE, schema=database.pipeline_schema):
        # Adopted long ago; `differences` looks through all rows whenever it is asked.
        return
    for described in tables.metadata.sorted_tables:
        for column in _numbers(conn, LiveTable(inspector, described.name, None), described):
            table, name = column.table.name, column.name
            texts = f"UPDATE {table} SET {name} = datetime({name}, 'unixepoch')"  # noqa: S608 - for people
            raise StorageError(
                f"table {table} of {location_of(database.url)} holds numbers as {name}, where texts such as 2026-03-01 "
                f"12:00:00 are read: {texts} makes them of seconds ({name} / 1000 of milliseconds); then run "
                "`ratingo db upgrade` again (nothing was changed)"
            )


def _refuse_unfit(conn: Connection, database: Database) -> None:
    """Raise StorageError for a newer version's database, and for a schema of another installation."""
    live = LiveTable(inspect(conn), VERSION_TABLE, database.pipeline_schema)
    if not live.exists:
        return
    _refuse_newer(database, conn.scalar(select(version.c.version_num)))
    if version.c.site_schema.name in live.columns:
        _refuse_others(database, conn.scalar(select(version.c.site_schema)), conn.dialect.default_schema_name)


def _refuse_newer(database: Database, number: str | None) -> None:
    _refuse_half_copied(database, number)
    if number is not None and number > HEAD:
        raise StorageError(f"{location_of(database.url)} was made by a newer version ({number}): update this program")


def _refuse_half_copied(database: Database, number: str | None) -> None:
    if number is not None and number.startswith(COPYING):
        raise StorageError(
            f"{location_of(database.url)} holds a copy that is not whole: run the same `ratingo db copy` again, which "
            "goes on with it"
        )


def _refuse_others(database: Database, serves: str | None, site: str | None) -> None:
    if serves != site:
        raise StorageError(
            f"{location_of(database.url)}: the schema {database.pipeline_schema} belongs to the installation whose "
            f"site is in the schema {serves}, and this one's is in {site}: give this one another PIPELINE_SCHEMA"
        )


def _leftovers(inspector: Inspector, database: Database) -> Iterator[str]:
    """What a program of an older version made anew in the site's schema, after the tables had moved."""
    if database.pipeline_schema is None:
        return
    ours = {VERSION_TABLE, *(described.name for described in pipeline_tables.metadata.sorted_tables)}
    for name in sorted(ours.intersection(inspector.get_table_names())):
        yield f"table {name} is in {database.pipeline_schema}, and once more in the site's schema: drop the latter"


@dataclass(frozen=True)
class LiveTable:
    """A table as it is in the database, by its name and schema."""

    inspector: Inspector
    name: str
    schema: str | None

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return self.inspector.has_table(self.name, schema=self.schema)

    @property
    def columns(self) -> dict[str, ReflectedColumn]:
        """Its columns by name."""
        return {column["name"]: column for column in self.inspector.get_columns(self.name, schema=self.schema)}

    @property
    def key(self) -> list[str]:
        """The columns of its primary key."""
        return self.inspector.get_pk_constraint(self.name, schema=self.schema)["constrained_columns"]

    @property
    def indexes(self) -> dict[str | None, ReflectedIndex]:
        """Its indexes by name."""
        return {index["name"]: index for index in self.inspector.get_indexes(self.name, schema=self.schema)}

    @property
    def uniques(self) -> dict[str | None, list[str]]:
        """The columns of its unique constraints by name."""
        found = self.inspector.get_unique_constraints(self.name, schema=self.schema)
        return {constraint["name"]: constraint["column_names"] for constraint in found}


def _numbers(conn: Connection, live: LiveTable, described: Table) -> Iterator[Column[Any]]:
    """The columns of timestamps in which an SQLite table holds a number: Drizzle's `mode: "timestamp"`, for one.

    https://orm.drizzle.team/docs/column-types/sqlite
    """
    if conn.dialect.name != "sqlite" or not live.exists:
        return
    there = live.columns
    for column in described.columns:
        if isinstance(_plain(column.type), types.DateTime) and column.name in there:
            is_number = func.typeof(column).in_(("integer", "real"))
            if conn.scalar(select(exists(select(1).select_from(described).where(is_number)))):
                yield column


def _table_differences(table: LiveTable, described: Table, dialect: str) -> Iterator[str]:
    if not table.exists:
        yield f"table {table.name} is missing"
        return
    live, live_key = table.columns, table.key
    for column in described.columns:
        name = f"column {table.name}.{column.name}"
        found = live.get(column.name)
        if found is None:
            yield f"{name} is missing"
            continue
        if not _same_kind(column, found["type"], dialect):
            yield f"{name} is {found['type']}, should be {_kind_name(column, dialect)}"
        counts_up = dialect == "sqlite" and live_key == [column.name] and type(found["type"]) is types.INTEGER
        # SQLite calls such a key nullable, though it puts the next number in place of a null
        # (https://www.sqlite.org/lang_createtable.html#rowid).
        if found["nullable"] and not column.nullable and not counts_up:
            yield f"{name} may be null, should not"
        if not found["nullable"] and column.nullable:
            yield f"{name} may not be null, should"
        if column.server_default is not None:
            yield from _default_differences(name, found["default"], dialect)
    key = [column.name for column in described.primary_key]
    if live_key != key:
        there = f"is ({', '.join(live_key)})" if live_key else "is missing"
        yield f"primary key of {table.name} {there}, should be ({', '.join(key)})"
    yield from _constraint_differences(table, described)
    yield from _index_differences(table, described)


def _default_differences(name: str, live: str | None, dialect: str) -> Iterator[str]:
    if live is None:
        yield f"{name} has no default, should be now"
    elif dialect == "postgresql" and live != "now()":
        yield f"{name} has the default {live}, should be now()"


def _constraint_differences(table: LiveTable, described: Table) -> Iterator[str]:
    for wanted in described.constraints:
        if isinstance(wanted, UniqueConstraint):
            columns = [column.name for column in wanted.columns]
            # The site's own migrations make it an index on SQLite (https://orm.drizzle.team/docs/indexes-constraints).
            index = table.indexes.get(str(wanted.name))
            live = table.uniques.get(str(wanted.name)) or (index["column_names"] if index and index["unique"] else None)
            if live is None:
                yield f"unique constraint {wanted.name} of {table.name} is missing"
            elif live != columns:
                yield (
                    f"unique constraint {wanted.name} of {table.name} is on ({', '.join(map(str, live))}), "
                    f"should be on ({', '.join(columns)})"
                )


def _index_differences(table: LiveTable, described: Table) -> Iterator[str]:
    live = table.indexes
    for index in sorted(described.indexes, key=lambda index: str(index.name)):
        name = f"index {index.name} of {table.name}"
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
