"""Dagster's event log in SQLite, for `dagster.yaml`: the same files and statements, but the files stay open.

Dagster's own (`dagster._core.storage.event_log.sqlite.sqlite_event_log`) opens two databases for each event, prepares
every statement anew and, in closing, has SQLite fold its log into the file (https://sqlite.org/wal.html): three
quarters of what an event costs. Of the rest, titles that are told together share the most (`together`). For each run it
has Alembic make a database: most of what launching one costs. Its production storage is in `postgres`.

The log of a single run that is damaged is set aside and begun anew: a run whose events can be neither read nor written
would never end, and hold its pool for ever. What holds all runs is told by `home.damage_of_history`.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from uuid import uuid4

import dagster as dg
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DatabaseError

from ratingo_pipelines.dagster_instance.internals import (
    INDEX_SHARD_NAME,
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
    event_logs_directory,
)
from ratingo_pipelines.dagster_instance.together import HeldEvents, last_of_each_asset

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""Primary codes (https://www.sqlite.org/rescode.html) of a file that is no database any more."""

log = logging.getLogger("ratingo.dagster")


class SqliteEventLog(SqliteEventLogStorage):
    """Keeps open the index, and the log of the run that this process last wrote to; reads others as Dagster does."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        """Open nothing yet: where the files are, the instance says."""
        self._inst_data = inst_data
        self._engines: dict[str, Engine] = {}
        self._blank: bytes | None = None
        self.held = HeldEvents(self._store_together)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure: the files are where Dagster has them."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Make one for an instance to come."""
        return cls(inst_data)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Open the files of this instance."""
        super().__init__(event_logs_directory(instance.root_directory), self._inst_data)
        super().register_instance(instance)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event; the log of its run is kept open in place of another run's."""
        if self.held.take(event):
            return
        self._hold(event.run_id)
        super().store_event(event)
        self._touch(event.run_id)

    def _store_together(self, events: Sequence[dg.EventLogEntry]) -> None:
        """As `SqliteEventLogStorage.store_event` stores one: in the log of their run, and in the index."""
        run_id = events[0].run_id
        rows = [self._event_to_row(event) for event in events]
        self._hold(run_id)
        with self.run_connection(run_id) as conn:
            conn.execute(SqlEventLogStorageTable.insert(), rows)
        numbered = SqlEventLogStorageTable.insert().returning(
            SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
        )
        with self.index_transaction() as conn:
            ids = conn.scalars(numbered, rows).all()
            self._store_asset_event_tags(conn, events, ids)
            for event, id_ in last_of_each_asset(events, ids):
                self._store_asset_event(conn, event, id_)
        self._touch(run_id)

    def _hold(self, run_id: str) -> None:
        if run_id not in self._engines:
            with self._db_lock:
                for shard in self._engines.keys() - {INDEX_SHARD_NAME}:
                    self._engines.pop(shard).dispose()
                self._keep(run_id)

    def _touch(self, run_id: str) -> None:
        # Who follows a run watches this very file (`SqliteEventLogStorageWatchdog` in the base class's module). While
        # it stays open, SQLite writes beside it; a change of its times is what the watcher hears of.
        os.utime(self.path_for_shard(run_id))

    def dispose(self) -> None:
        """Close all files."""
        with self._db_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        try:
            with self._connected(shard) as conn:
                yield conn
        except DatabaseError as error:
            if shard != INDEX_SHARD_NAME and _is_damage(error.orig):
                self._set_aside(shard, error)
            raise

    @contextmanager
    def _connected(self, shard: str) -> Iterator[Connection]:
        if shard not in self._initialized_dbs or shard not in {*self._engines, INDEX_SHARD_NAME}:
            with super()._connect(shard) as conn:
                yield conn
            return
        with self._db_lock, self._keep(shard).connect() as conn, conn.begin():
            yield conn

    def _set_aside(self, run_id: str, error: DatabaseError) -> None:
        """Have the run's log begin anew with what is logged or asked next; this once it fails all the same."""
        path = Path(self.path_for_shard(run_id))
        with self._db_lock:
            if run_id in self._engines:
                self._engines.pop(run_id).dispose()
            self._initialized_dbs.discard(run_id)
            # Another process may have been quicker: a log that is whole stays.
            if not _is_damaged(path):
                return
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            path.replace(path.with_name(path.name + ".damaged"))
        log.error(
            "%s cannot be read (%s): it held the log of one run, which begins anew, and is kept as %s.damaged; "
            "nothing else is lost, and nothing need be done",
            path,
            error.orig,
            path.name,
        )

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        path = Path(str(engine.url.database))
        if for_index_shard or path.exists() or not self._place_copy(path):
            super()._initdb(engine, for_index_shard)

    def _place_copy(self, path: Path) -> bool:
        """Make the log of a new run a copy of an empty one; False where another process was quicker, or none can be."""
        if self._blank is None:
            self._blank = self._made_by_dagster()
        copy = path.with_name(f"{uuid4().hex}.new")
        try:
            copy.write_bytes(self._blank)
            # Whole at once, and never over a log that is there.
            os.link(copy, path)
        except OSError:
            return False
        finally:
            copy.unlink(missing_ok=True)
        return True

    def _made_by_dagster(self) -> bytes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "blank.db"
            engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
            super()._initdb(engine)
            engine.dispose()
            return path.read_bytes()

    def _keep(self, shard: str) -> Engine:
        if shard not in self._engines:
            timeout = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            self._engines[shard] = create_engine(self.conn_string_for_shard(shard), connect_args=timeout)
        return self._engines[shard]


def _is_damage(error: object) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def _is_damaged(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as conn:
            return bool(conn.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as error:
        return _is_damage(error)
