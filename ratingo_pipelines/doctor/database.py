"""The site's database: whether it can be reached and written, its schema, its clock."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, Table, func, select

from ratingo_pipelines.doctor.remark import Remark, Severity
from ratingo_pipelines.home import had_database
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import schema
from ratingo_pipelines.storage.dictionary import all_tables
from ratingo_pipelines.storage.engine import Database, open_database
from ratingo_pipelines.storage.errors import StorageError, location_of
from ratingo_pipelines.sync.context import utc_now

ABOUT = "database"
CLOCKS_AGREE_WITHIN = timedelta(minutes=5)
LISTED = 5


def of_database(settings: Settings) -> Iterator[Remark]:
    """Look at it; what cannot be reached is one remark."""
    try:
        database = open_database(settings)
    except StorageError as error:
        yield Remark(ABOUT, Severity.WRONG, str(error))
        return
    try:
        if is_missing(database) and not had_database(settings.home, Path(str(database.url.database))):
            yield Remark(ABOUT, Severity.OK, f"{location_of(database.url)} does not exist yet: the first sync makes it")
            return
        yield from _looked_at(database)
    except StorageError as error:
        yield Remark(ABOUT, Severity.WRONG, str(error))
    finally:
        database.dispose()


def _looked_at(database: Database) -> Iterator[Remark]:
    place = location_of(database.url)
    if schema.is_empty(database):
        yield Remark(ABOUT, Severity.OK, f"{place} is empty: the first sync makes its tables")
        return
    schema.ensure_current(database)
    yield Remark(ABOUT, Severity.OK, f"{place} has this version's schema")
    if different := schema.differences(database):
        more = f"; and {len(different) - LISTED} more" if len(different) > LISTED else ""
        said = "; ".join(different[:LISTED]) + more
        yield Remark(ABOUT, Severity.WARNING, f"it differs from the contract: {said}", "see `ratingo db check`")
    with database.reading() as conn:
        if database.dialect == "postgresql":
            yield _of_rights(conn, [_live_name(table, database) for table in all_tables()])
            yield _of_clock(conn)


def is_missing(database: Database) -> bool:
    """Whether it is an SQLite file that is not there; looking at it would make it."""
    return database.dialect == "sqlite" and not Path(str(database.url.database)).exists()


def _live_name(table: Table, database: Database) -> str:
    return f"{database.pipeline_schema}.{table.name}" if table.schema else table.name


def _of_rights(conn: Connection, tables: Sequence[str]) -> Remark:
    """A table that is not there is among the differences."""
    lacking = [
        f"{right} on {table}"
        for table in tables
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
        if conn.scalar(select(func.has_table_privilege(func.to_regclass(table), right))) is False
    ]
    if lacking:
        remedy = f"as the tables' owner: GRANT {lacking[0]} TO this user, and so on"
        return Remark("rights", Severity.WRONG, f"this user lacks {', '.join(lacking[:LISTED])}", remedy)
    return Remark("rights", Severity.OK, "this user may read and write every table")


def _of_clock(conn: Connection) -> Remark:
    """Times are ours, also in the database; but its clock tells whether ours is right."""
    theirs = conn.scalar(select(func.now()))
    assert theirs is not None  # noqa: S101 - PostgreSQL knows the time
    off = utc_now() - theirs
    if abs(off) < CLOCKS_AGREE_WITHIN:
        return Remark("database's clock", Severity.OK, "it agrees with this machine's")
    said = f"it is {round(abs(off).total_seconds() / 60)} min {'behind' if off > timedelta() else 'ahead of'} ours"
    return Remark("database's clock", Severity.WARNING, said, "set the one that is wrong")
