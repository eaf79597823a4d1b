"""A whole database copied into an empty one, of the same back end or of the other: rows, ids, and what comes next.

A copy that was killed goes on where it stopped. Until it is whole and compared, TO is marked as not whole in the table
of versions, and every command refuses it (`schema.ensure_current`). Tables of the site's own are not copied.
How the commands show it lives in `terminal`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, exists, func, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from ratingo_pipelines.storage import cycles, pipeline_tables, tables
from ratingo_pipelines.storage.engine import Database, StorageError
from ratingo_pipelines.storage.errors import UnstorableValue, location_of, scrubbed
from ratingo_pipelines.storage.pipeline_tables import VERSION_TABLE, version
from ratingo_pipelines.storage.schema import COPYING, HEAD, ensure_current, upgrade
from ratingo_pipelines.text import counted

BATCH = 1_000
"""Rows of one transaction: what a kill costs."""
LOCK_TIMEOUT = "5s"
"""How long writers of FROM may take to end; longer than `deadlock_timeout`, after which autovacuum gives way.

https://www.postgresql.org/docs/current/routine-vacuuming.html
"""
_LOCK_NOT_AVAILABLE = "55P03"
_EXACT_BELOW = 1e16
"""From here on Python writes a float with an exponent, which jsonb keeps as a whole number."""


@dataclass(frozen=True)
class CopyFollower:
    """Who is told how far a copy is: the phase with its rows, then each batch's table and number of rows."""

    on_phase: Callable[[str, int], None] = lambda phase, rows: None
    on_rows: Callable[[str, int], None] = lambda table, rows: None


@dataclass(frozen=True)
class ComparedTable:
    """A table of both databases: how many rows each has, and the SHA-256 of their values in the order of the key."""

    name: str
    rows: int
    rows_in_copy: int
    checksum: str
    checksum_in_copy: str
    differs_at: str | None
    """The key of the first row that is not the same; None where all are."""

    @property
    def same(self) -> bool:
        """Whether the copy is exact."""
        return self.differs_at is None


@dataclass(frozen=True)
class CopyReport:
    """What came of a copy."""

    tables: tuple[ComparedTable, ...]
    resumed: bool
    """Whether it went on with what an earlier one had left."""
    copied_again: tuple[str, ...]
    """Tables whose rows had changed in FROM since the earlier one."""
    not_copied: tuple[str, ...]
    """Tables and columns of FROM that are not this project's."""

    @property
    def same(self) -> bool:
        """Whether all tables are."""
        return all(table.same for table in self.tables)


def copy_database(
    source: Database, target: Database, now: datetime, follower: CopyFollower | None = None
) -> CopyReport:
    """Copy all rows into an empty database, or go on with that; nobody can write to the source meanwhile.

    Where the report says that something differs, the target stays marked as not whole. Raises StorageError, with
    nothing written, where the source is not of this version or a run is writing to it, and where the target holds
    other data or is at another migration; and in the middle, where either cannot be used any longer.
    """
    follower = follower or CopyFollower()
    _refuse_same(source, target)
    _refuse_absent(source)
    ensure_current(source)
    with source.writing() as origin:
        _hold(origin, source)
        _refuse_running(origin, source, now)
        resumed = _begin(target, _mark(source))
        total = sum(_count(origin, table) for table in _in_order())
        follower.on_phase("copying", total)
        again = [table.name for table in _in_order() if _copy_table(origin, target, table, follower)]
        _set_sequences(origin, source, target)
        follower.on_phase("comparing", total)
        with target.reading() as copy:
            compared = tuple(_compare(table, origin, copy, follower=follower) for table in _in_order())
        report = CopyReport(compared, resumed, tuple(again), tuple(_not_copied(origin, source)))
    if report.same:
        _end(target)
    return report


def _in_order() -> list[Table]:
    """All tables, those that others refer to before these."""
    return [*tables.metadata.sorted_tables, *pipeline_tables.metadata.sorted_tables]


# What is refused


def _refuse_same(source: Database, target: Database) -> None:
    if _identity(source) == _identity(target):
        raise StorageError(f"FROM and TO are the same: {location_of(source.url)}")


def _identity(database: Database) -> str:
    """What tells a database from others: never its user or password, which may change."""
    place = str(database.file.resolve()) if database.file else location_of(database.url)
    return f"{database.dialect} {place} {database.pipeline_schema}"


def _refuse_absent(source: Database) -> None:
    # To open an SQLite file that is not there would make it.
    if source.file and not source.file.exists():
        raise StorageError(f"{location_of(source.url)} is not there: FROM names nothing to copy")


def _hold(origin: Connection, source: Database) -> None:
    """Keep everybody from writing to the source until the transaction ends; on SQLite the transaction itself does.

    Readers go on: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES. The mode conflicts with
    itself, so that no second copy runs beside this one.
    """
    if source.dialect != "postgresql":
        return
    names = ", ".join(_quoted(origin, source, table) for table in _in_order())
    origin.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    try:
        origin.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise StorageError(
            f"{location_of(source.url)} is being written to: stop `ratingo serve` and every sync, then run again"
        ) from None


def _refuse_running(origin: Connection, source: Database, now: datetime) -> None:
    if under_way := cycles.under_way(origin, now):
        raise StorageError(
            f"a run is writing to {location_of(source.url)}: it works on {counted(under_way, 'title')}. Stop `ratingo "
            "serve` and every sync, then run again; claims of a dead one run out within LEASE_SECONDS"
        )


def _begin(target: Database, mark: str) -> bool:
    """Make the tables and mark them as not whole; whether they are so marked already. Raises StorageError."""
    place = location_of(target.url)
    with target.reading() as conn:
        inspector = inspect(conn)
        there = inspector.has_table(VERSION_TABLE, schema=target.pipeline_schema)
        number = conn.scalar(select(version.c.version_num)) if there else None
        if number == mark:
            return True
        if number is not None and number.startswith(COPYING):
            raise StorageError(f"{place} holds a copy of another database that is not whole: name an empty one as TO")
        if there and number != HEAD:
            raise StorageError(
                f"{place} is at migration {number}, FROM at {HEAD}: name an empty database as TO, or run "
                "`ratingo db upgrade` on it"
            )
        for table in _in_order():
            schema = target.pipeline_schema if table.schema else None
            if inspector.has_table(table.name, schema=schema) and conn.scalar(
                select(exists(select(1).select_from(table)))
            ):
                raise StorageError(f"{place} holds other data: {table.name} has rows. Name an empty database as TO")
    upgrade(target)
    with target.writing() as conn:
        conn.execute(update(version).values(version_num=mark))
    return False


def _mark(source: Database) -> str:
    """What stands in place of the number of the migration, in its 32 characters, until the copy is whole."""
    return COPYING + hashlib.sha256(_identity(source).encode()).hexdigest()[: 32 - len(COPYING)]


def _end(target: Database) -> None:
    with target.writing() as conn:
        if target.dialect == "postgresql":
            # https://www.postgresql.org/docs/current/populate.html#POPULATE-ANALYZE
            for table in _in_order():
                conn.exec_driver_sql(f"ANALYZE {_quoted(conn, target, table)}")
        conn.execute(update(version).values(version_num=HEAD))
    target.remember()


# Rows


def _copy_table(origin: Connection, target: Database, table: Table, follower: CopyFollower) -> bool:
    """Copy what the target's table lacks; whether all of it was copied again, as what was there had changed."""
    with target.reading() as conn:
        last = conn.scalar(select(func.max(table.c.id))) if "id" in table.c else None
        there = _count(conn, table)
        changed = there > 0 and not _compare(table, origin, conn, last).same
    if changed:
        with target.writing() as conn:
            conn.execute(delete(table))
        last, there = None, 0
    follower.on_rows(table.name, there)
    if there and last is None:
        # Without ids to go on from it is one transaction, and so it is whole.
        return changed
    for batch in _batches(origin, table, last):
        try:
            with target.writing() as conn:
                conn.execute(insert(table), [dict(row._mapping) for row in batch])
        except (UnstorableValue, IntegrityError) as error:
            said = scrubbed(str(getattr(error, "orig", error)), target.url)
            raise StorageError(
                f"{table.name}, rows {_key(table, batch[0])} to {_key(table, batch[-1])}: {location_of(target.url)} "
                f"does not take one of them ({said}); correct it in FROM and run again"
            ) from None
        follower.on_rows(table.name, len(batch))
    return changed


def _batches(
    conn: Connection, table: Table, after: int | None = None, up_to: int | None = None
) -> Iterator[Sequence[Row[Any]]]:
    """The rows in the order of their ids, a batch at a time; those of a table without ids at once, ordered here.

    The back ends order texts differently.
    """
    if "id" not in table.c:
        rows = conn.execute(select(table)).all()
        if rows:
            yield sorted(rows, key=lambda row: _key(table, row))
        return
    ordered = select(table).order_by(table.c.id).limit(BATCH)
    if up_to is not None:
        ordered = ordered.where(table.c.id <= up_to)
    while True:
        rows = conn.execute(ordered if after is None else ordered.where(table.c.id > after)).all()
        if not rows:
            return
        yield rows
        after = rows[-1].id


def _key(table: Table, row: Row[Any]) -> str:
    return " ".join(str(row._mapping[column]) for column in table.primary_key)


def _count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


# Comparison


def _compare(
    table: Table, origin: Connection, copy: Connection, up_to: int | None = None, follower: CopyFollower | None = None
) -> ComparedTable:
    """The rows of both, or of those the ones up to an id."""
    ours, theirs = _Reader(origin, table, up_to, follower), _Reader(copy, table, up_to)
    differs_at: str | None = None
    for (key, value), (key_in_copy, value_in_copy) in zip_longest(ours, theirs, fillvalue=("", "")):
        if value != value_in_copy and differs_at is None:
            differs_at = key or key_in_copy
    return ComparedTable(table.name, ours.rows, theirs.rows, ours.checksum, theirs.checksum, differs_at)


class _Reader:
    """The rows of a table as key and canonical text, counted and summed up while they are read."""

    def __init__(self, conn: Connection, table: Table, up_to: int | None, follower: CopyFollower | None = None) -> None:
        self._batches, self._table, self._follower = _batches(conn, table, up_to=up_to), table, follower
        self._sum = hashlib.sha256()
        self.rows = 0

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for batch in self._batches:
            for row in batch:
                value = canonical(row)
                self._sum.update(value.encode("utf-8", "surrogatepass"))
                yield _key(self._table, row), value
            self.rows += len(batch)
            if self._follower:
                self._follower.on_rows(self._table.name, len(batch))

    @property
    def checksum(self) -> str:
        """Of what was read so far."""
        return self._sum.hexdigest()


def canonical(values: Sequence[Any]) -> str:
    """A row's values as a line of text that is the same for the same values, whichever back end they were read from.

    jsonb keeps no order of keys, and writes numbers out (https://www.postgresql.org/docs/current/datatype-json.html).
    """
    text = json.dumps(list(values), sort_keys=True, default=_instant)
    if "e+" in text or "-0.0" in text:
        text = json.dumps(_written_out(list(values)), sort_keys=True, default=_instant)
    return text + "\n"


def _instant(value: Any) -> str:
    return str(value.isoformat())


def _written_out(value: Any) -> Any:
    if isinstance(value, float):
        # PostgreSQL's numeric knows no negative zero.
        return int(Decimal(repr(value))) if abs(value) >= _EXACT_BELOW else value + 0.0
    if isinstance(value, dict):
        return {key: _written_out(item) for key, item in value.items()}
    return [_written_out(item) for item in value] if isinstance(value, list) else value


# What comes next, and what stays behind


def _set_sequences(origin: Connection, source: Database, target: Database) -> None:
    """Have PostgreSQL give the ids that the source would have given next; SQLite takes the one after the largest.

    An id is never given twice: https://www.postgresql.org/docs/current/functions-sequence.html
    """
    if target.dialect != "postgresql":
        return
    with target.writing() as conn:
        for table in _in_order():
            if "id" not in table.c:
                continue
            name = _sequence(conn, target, table)
            if name is None:
                raise StorageError(f"{location_of(target.url)}: no sequence gives {table.name} its ids")
            given = conn.scalar(select(func.max(table.c.id))) or 0
            given = max(given, _last_given(origin, source, table))
            if given:
                conn.execute(select(func.setval(name, given)))


def _last_given(origin: Connection, source: Database, table: Table) -> int:
    name = _sequence(origin, source, table) if source.dialect == "postgresql" else None
    if name is None:
        return 0
    last, is_called = origin.exec_driver_sql(f"SELECT last_value, is_called FROM {name}").one()  # noqa: S608 - a name
    return int(last) if is_called else 0


def _sequence(conn: Connection, database: Database, table: Table) -> str | None:
    """Its quoted name."""
    found: str | None = conn.scalar(select(func.pg_get_serial_sequence(_quoted(conn, database, table), "id")))
    return found


def _quoted(conn: Connection, database: Database, table: Table) -> str:
    """The table's name for a statement that SQLAlchemy does not make."""
    quote = conn.dialect.identifier_preparer.quote
    schema = f"{quote(database.pipeline_schema)}." if table.schema and database.pipeline_schema else ""
    return schema + quote(table.name)


def _not_copied(origin: Connection, source: Database) -> Iterator[str]:
    inspector = inspect(origin)
    described = {table.name: table for table in _in_order()}
    for schema in dict.fromkeys((None, source.pipeline_schema)):
        for name in sorted(inspector.get_table_names(schema)):
            if name in described:
                known = described[name].c
                columns = (column["name"] for column in inspector.get_columns(name, schema))
                yield from (f"column {name}.{column}" for column in columns if column not in known)
            elif name != VERSION_TABLE:
                yield f"table {name}"
