"""Writing without conflicts: rows inserted where missing, updated by id, locked in order; locks by name.

Beside that, reading by the index that is meant. The only file that knows which database it talks to.
What is written lives in the modules named after it.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Integer,
    RowMapping,
    Select,
    Subquery,
    Table,
    Update,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

CHUNK = 5_000
"""Values in one `IN (...)`: SQLite takes at most 32,766 parameters a statement.

SQLITE_MAX_VARIABLE_NUMBER, https://www.sqlite.org/limits.html
"""


def _insert_in(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_missing(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> None:
    """Insert the rows, in the given order, save those whose unique `key` another writer has just inserted.

    Rows have one shape. Meant for rows that a read has shown to be missing: on PostgreSQL each one that conflicts burns
    a sequence value (https://www.postgresql.org/docs/current/functions-sequence.html, "Caution").
    """
    if rows:
        conn.execute(_insert_free(conn.dialect.name, table, tuple(key)), [dict(row) for row in rows])


def insert_missing_ids(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: str) -> dict[Any, int]:
    """As `insert_missing`, with a `key` of one column; returns key -> id of those that were inserted."""
    if not rows:
        return {}
    insert = _insert_free(conn.dialect.name, table, (key,), returning=(key, "id"))
    return dict(conn.execute(insert, [dict(row) for row in rows]).all())


def insert_one_missing(conn: Connection, table: Table, row: Mapping[str, Any], key: Sequence[str]) -> int | None:
    """Insert the row and return its id, or None when another writer has just inserted its unique `key`."""
    # Rows of one shape share one compiled statement, so the columns that may be NULL are named as well.
    whole = {**_nulls(table), **row}
    insert = _insert_free(conn.dialect.name, table, tuple(key), returning=("id",))
    inserted: int | None = conn.execute(insert, whole).scalar()
    return inserted


def insert_unless_there(conn: Connection, table: Table, row: Mapping[str, Any], key: Sequence[str]) -> bool:
    """Insert the row unless there is one with its `key`; whether it was. One statement, and no sequence value burnt."""
    values = {f"new_{name}": value for name, value in row.items()}
    statement = _insert_unless_there(conn.dialect.name, table, tuple(row), tuple(key))
    return conn.execute(statement, values).rowcount == 1


@lru_cache(64)
def _insert_unless_there(dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> Insert:
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    there = exists().where(*(table.c[name] == new[name] for name in key))
    insert = _insert_in(dialect, table).from_select(columns, select(*new.values()).where(~there))
    return insert.on_conflict_do_nothing()


@lru_cache(64)
def _insert_free(dialect: str, table: Table, key: tuple[str, ...], returning: tuple[str, ...] = ()) -> Insert:
    """Insert what takes no row's unique key; kept, as making a statement costs as much as SQLite takes to run it."""
    insert = _insert_in(dialect, table).on_conflict_do_nothing(index_elements=list(key))
    return insert.returning(*(table.c[name] for name in returning)) if returning else insert


@lru_cache(64)
def _nulls(table: Table) -> Mapping[str, None]:
    free = (c for c in table.columns if c.nullable and c.default is None and c.server_default is None)
    return {column.name: None for column in free}


def improvement(known: RowMapping, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with what is known in place of None, which overwrites nothing; empty where nothing differs.

    `known` is the row as read, `values` are as they will be read back.
    """
    better = {name: known[name] if value is None else value for name, value in values.items()}
    return better if any(known[name] != value for name, value in better.items()) else {}


def difference(known: RowMapping, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are, None among them; empty where nothing differs from what is `known`."""
    return dict(values) if any(known[name] != value for name, value in values.items()) else {}


def update_rows(conn: Connection, table: Table, changed: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Give rows, named by their ids, new values: one statement for all, so the values have one shape."""
    if not changed:
        return
    columns = tuple(changed[0][1])
    conn.execute(
        _update_of(table, columns),
        [{"row_id": row_id, **{f"new_{name}": row[name] for name in columns}} for row_id, row in changed],
    )


@lru_cache(512)
def _update_of(table: Table, columns: tuple[str, ...]) -> Update:
    new = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    return update(table).where(table.c.id == bindparam("row_id")).values(new)


def locking(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The statement, locking the rows it reads until the transaction ends.

    `FOR NO KEY UPDATE`, so that rows pointing at these can be written meanwhile
    (https://www.postgresql.org/docs/current/explicit-locking.html, "Row-Level Locks"). SQLite's writer has the database
    to itself (https://www.sqlite.org/isolation.html).
    """
    return statement.with_for_update(key_share=True)


def lock_row(conn: Connection, table: Table, *where: ColumnElement[bool]) -> RowMapping | None:
    """The one row, locked until the transaction ends, or None."""
    return conn.execute(locking(select(table).where(*where))).mappings().one_or_none()


def lock_ids(
    conn: Connection,
    table: Table,
    *where: ColumnElement[bool],
    order_by: str = "id",
    limit: int | None = None,
    skip_locked: bool = False,
) -> list[int]:
    """Ids of the rows, locked in their order, so that writers of many rows do not wait for each other in a ring."""
    statement = select(table.c.id).where(*where).order_by(table.c[order_by], table.c.id).limit(limit)
    return list(conn.execute(statement.with_for_update(key_share=True, skip_locked=skip_locked)).scalars())


def lock_name(conn: Connection, name: str) -> None:
    """Wait for the lock of that name; it is held until the transaction ends."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_advisory_xact_lock(zlib.crc32(f"ratingo:{name}".encode()))))


def fenced(statement: Select[*tuple[Any, ...]]) -> Subquery:
    """The statement's rows, found by its own conditions alone, whatever the statistics say.

    Neither back end carries a condition or an order from outside into a subquery with an OFFSET: PostgreSQL
    (`is_simple_subquery` and `subquery_is_pushdown_safe` in src/backend/optimizer), SQLite
    (https://www.sqlite.org/optoverview.html, "Subquery Flattening" and "The WHERE-Clause Push-Down Optimization").
    """
    return statement.offset(literal_column("0")).subquery()


def fenced_for_each(dialect: str, table: Table, key: str, ids: Sequence[int]) -> FromClause:
    """The rows of `table` whose `key` is one of the ids, `fenced`; on PostgreSQL they are found id by id."""
    if dialect != "postgresql":
        return fenced(select(table).where(table.c[key].in_(ids)))
    each = func.unnest(literal(list(ids), ARRAY(Integer))).table_valued("id").render_derived("each")
    own = select(table).where(table.c[key] == each.c.id).offset(literal_column("0")).lateral()
    return select(own).select_from(each).join(own, true()).subquery()


def in_chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    """The ids in order, each once, in lists short enough for one statement."""
    ordered = sorted(set(ids))
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))
