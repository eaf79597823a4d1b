"""Brings existing tables up to a description by adding what they lack; changes no row and removes nothing.

Used by the revisions whose tables another application may have made.
"""

from collections.abc import Sequence
from typing import Any

from alembic import op
from sqlalchemy import Column, Connection, Index, Inspector, MetaData, Table, and_, exists, func, inspect, select, text

from ratingo_pipelines.storage.errors import StorageError
from ratingo_pipelines.storage.migrations.own_schema import AGAIN


def add_missing(described: MetaData) -> None:
    """Create the tables, columns and indexes that the database lacks, each table in its schema.

    Raises StorageError where rows stand in the way, naming the table and what to do.
    """
    conn = op.get_bind()
    inspector = inspect(conn)
    for table in described.sorted_tables:
        if inspector.has_table(table.name, schema=table.schema):
            _add_columns(conn, inspector, table)
            _add_indexes(conn, inspector, table)
            _advance_sequence(conn, table)
        else:
            table.create(conn)


def _add_columns(conn: Connection, inspector: Inspector, table: Table) -> None:
    known = {column["name"] for column in inspector.get_columns(table.name, schema=table.schema)}
    missing = [column for column in table.columns if column.name not in known]
    if not missing:
        return
    impossible = [column.name for column in missing if not column.nullable and column.server_default is None]
    if impossible and conn.scalar(select(exists(select(1).select_from(table)))):
        raise StorageError(
            f"table {table.name} has rows but no column {', '.join(impossible)}, which cannot be empty: "
            f"add and fill it, {AGAIN}"
        )
    with op.batch_alter_table(table.name, schema=table.schema) as batch:
        for column in missing:
            batch.add_column(_copy(column))


def _add_indexes(conn: Connection, inspector: Inspector, table: Table) -> None:
    known = {index["name"] for index in inspector.get_indexes(table.name, schema=table.schema)}
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.name not in known:
            _refuse_duplicates(conn, table, index)
            index.create(conn)


def _refuse_duplicates(conn: Connection, table: Table, index: Index) -> None:
    if not index.unique:
        return
    columns: Sequence[Column[Any]] = list(index.columns)
    statement = (
        select(*columns, func.count())
        .where(and_(*(column.is_not(None) for column in columns)))
        .group_by(*columns)
        .having(func.count() > 1)
        .limit(1)
    )
    row = conn.execute(statement).one_or_none()
    if row is not None:
        names = ", ".join(f"{column.name} {value}" for column, value in zip(columns, row, strict=False))
        raise StorageError(
            f"table {table.name} holds {row[-1]} rows with {names}, which its unique index {index.name} "
            f"forbids: delete the surplus ones, {AGAIN}"
        )


def _advance_sequence(conn: Connection, table: Table) -> None:
    """Rows inserted with ids of their own leave a sequence behind them, which would give these ids again.

    https://www.postgresql.org/docs/current/datatype-numeric.html, "Serial Types": a default, and no more.
    """
    if conn.dialect.name != "postgresql" or "id" not in table.columns:
        return
    sequence = conn.scalar(select(func.pg_get_serial_sequence(str(table), "id")))
    highest = conn.scalar(select(func.max(table.c.id)))
    if sequence is not None and highest is not None:
        last = conn.scalar(text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"))  # noqa: S608
        if last < highest:
            conn.execute(select(func.setval(sequence, highest)))


def _copy(column: Column[Any]) -> Column[Any]:
    default = column.server_default
    return Column(column.name, column.type, nullable=column.nullable, server_default=getattr(default, "arg", None))
