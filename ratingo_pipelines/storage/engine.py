"""Connections: the database's URL, its engine, and transactions to read or to write in.

What is read and written lives in the modules beside this one.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import uniform
from typing import Any, ParamSpec, TypeVar

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random_exponential

from ratingo_pipelines.home import KNOWN_DATABASES, had_database, remember_database
from ratingo_pipelines.settings import PIPELINE_SCHEMA, Settings
from ratingo_pipelines.storage.errors import (
    NoConnectionLeft,
    StorageBusy,
    StorageError,
    location_of,
    scrubbed,
    translated,
)
from ratingo_pipelines.storage.types import dumps

__all__ = ["Database", "StorageError", "normalised_url", "open_database"]

BUSY_SECONDS = 30
"""How long a transaction waits for others: for SQLite's lock, for a free connection, for its turn to succeed."""
CONNECT_SECONDS = 10
KEPT_OPEN, MOST_OPEN = 4, 24
"""Connections that a process keeps while it does nothing, and has at most: a server may have few for many of us."""
SCARCE_SECONDS = 60
"""For so long after the server had none left, connections are closed after each transaction."""
ASK_AGAIN_SECONDS = (0.05, 0.2)
WRITES = "ratingo_writes"
"""Execution option of a connection whose transaction takes SQLite's write lock at its beginning."""
MIGRATES = "ratingo_migrates"
"""Execution option of a connection that rebuilds tables."""
P = ParamSpec("P")
T = TypeVar("T")


def normalised_url(url: SecretStr | str, variable: str = "DATABASE_URL") -> URL:
    """The URL for the installed driver: any spelling of PostgreSQL becomes psycopg2, a SQLite path absolute.

    Raises StorageError for anything else, naming the variable and without repeating any of the URL.
    """
    text = url.get_secret_value() if isinstance(url, SecretStr) else url
    scheme, separator, rest = text.partition("://")
    backend = scheme.partition("+")[0]
    if separator and backend in {"postgres", "postgresql"}:
        text = f"postgresql+psycopg2://{rest}"
    elif separator and backend == "sqlite":
        text = f"sqlite://{rest}"
    else:
        raise StorageError(f"{variable} must begin with postgresql:// or sqlite:///, such as sqlite:///ratingo.db")
    unreadable = StorageError(
        f"{variable} cannot be read: special characters of its password must be percent-encoded, such as @ as %40"
    )
    if backend != "sqlite" and rest.count("@") > 1:
        # What follows the first @ would be taken for the host, and printed where that is not found.
        raise unreadable
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError):
        # The driver's message may repeat the URL, and with it the password.
        raise unreadable from None
    return _absolute(parsed, variable) if backend == "sqlite" else parsed


def _absolute(url: URL, variable: str) -> URL:
    path = url.database
    in_memory = ":memory:" in (path, str(path).removeprefix("file:")) or url.query.get("mode") == "memory"
    if not path or in_memory or (path.startswith("file:") and "mode=memory" in path):
        raise StorageError(f"{variable} names no file: an SQLite database in memory would be lost at once")
    if path.startswith("file:"):
        return url
    return url.set(database=str(Path(path).expanduser().absolute()))


def open_database(settings: Settings) -> "Database":
    """The database that the settings name. Raises StorageError for a URL that cannot be used."""
    return Database(settings.database, settings.pipeline_schema, settings.home)


class Database:
    """One database, used by any number of threads. Opens no connection before it is used.

    Raises StorageError for a URL that cannot be used.
    """

    def __init__(self, url: SecretStr | str, pipeline_schema: str = PIPELINE_SCHEMA, home: Path | None = None) -> None:
        self.url = normalised_url(url)
        self._home = home
        self._was_here = False
        self.dialect: str = self.url.get_backend_name()
        self.pipeline_schema = pipeline_schema if self.dialect == "postgresql" else None
        """The schema of this project's own tables; None where there are no schemas."""
        self.engine: Engine = _postgres_engine(self.url) if self.pipeline_schema else _sqlite_engine(self)
        if self.pipeline_schema != PIPELINE_SCHEMA:
            self.engine = self.engine.execution_options(schema_translate_map={PIPELINE_SCHEMA: self.pipeline_schema})
        self._writer, self._asking = threading.Lock(), threading.Lock()
        self._scarce_until = 0.0
        self._pid = os.getpid()

    def __repr__(self) -> str:
        """Never with the password."""
        return f"Database({location_of(self.url)})"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises StorageError when the database cannot be used."""
        with self._transaction() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back by any exception.

        SQLite has one writer at a time (https://www.sqlite.org/isolation.html): threads wait for each other here,
        processes for SQLite's own lock.
        Raises StorageError when the database cannot be used.
        """
        if self.dialect == "postgresql":
            with self._transaction(**{WRITES: True}) as conn:
                yield conn
            return
        self._survive_fork()
        with self._writer, self._transaction(**{WRITES: True}) as conn:
            yield conn

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """As `writing`, with SQLite's foreign keys off: rebuilding a table must not delete what refers to it.

        https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes"
        """
        self._survive_fork()
        try:
            with self._writer, self._transaction(**{WRITES: True, MIGRATES: True}) as conn:
                yield conn
        finally:
            self.engine.dispose()

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for PostgreSQL, and for what only SQLite can read, a URI."""
        name = str(self.url.database)
        return None if self.dialect == "postgresql" or name.startswith("file:") else Path(name)

    def remember(self) -> None:
        """Note that the tables are there: from now on, a file that is gone is an error, and not made anew."""
        self._was_here = True
        if self._home and self.file:
            remember_database(self._home, self.file)

    def before_opening(self) -> None:
        """Make the folder of a new SQLite file. Raises StorageError where the file is gone that was there once."""
        file, home = self.file, self._home
        if file is None or file.exists():
            return
        known = home is not None and had_database(home, file)
        if self._was_here or known:
            note = f" and delete {home / KNOWN_DATABASES}" if home and known else ""
            raise StorageError(
                f"{location_of(self.url)} is gone: bring it back (a backup, a volume that is not mounted); "
                f"to begin with an empty one, stop everything{note}"
            )
        file.parent.mkdir(parents=True, exist_ok=True)

    def dispose(self) -> None:
        """Close the idle connections."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, **options: bool) -> Iterator[Connection]:
        self._survive_fork()
        conn = self._connect()
        try:
            with conn.execution_options(**options).begin():
                yield conn
        except DBAPIError as error:
            said = translated(error, self.url)
            if said is None:
                raise
            raise said from error
        finally:
            if time.monotonic() < self._scarce_until:
                conn.invalidate()
            conn.close()

    def _connect(self) -> Connection:
        """A connection, waited for where all are in use. Raises StorageError."""
        try:
            return self._open()
        except NoConnectionLeft:
            deadline = time.monotonic() + BUSY_SECONDS
        # One thread asks for all, as each question costs the server a process.
        with self._asking:
            while True:
                self._scarce_until = time.monotonic() + SCARCE_SECONDS
                time.sleep(uniform(*ASK_AGAIN_SECONDS))  # noqa: S311 - no secret
                try:
                    return self._open()
                except NoConnectionLeft:
                    if time.monotonic() > deadline:
                        raise

    def _open(self) -> Connection:
        try:
            return self.engine.connect()
        except DBAPIError as error:
            said = translated(error, self.url, connecting=True)
            if said is None:
                raise StorageError(
                    scrubbed(f"{location_of(self.url)} cannot be used: {error.orig}", self.url)
                ) from None
            raise said from None
        except PoolTimeoutError as error:
            raise StorageError(f"{location_of(self.url)} kept every connection busy for too long: run again") from error
        except OSError as error:
            raise StorageError(
                f"{location_of(self.url)} cannot be opened ({error.strerror}): correct DATABASE_URL"
            ) from error

    def _survive_fork(self) -> None:
        # A child process inherits sockets and a lock that belong to its parent
        # (https://docs.sqlalchemy.org/en/21/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork).
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._writer, self._asking = threading.Lock(), threading.Lock()
            self.engine.dispose(close=False)


def retried_transaction(work: Callable[P, T]) -> Callable[P, T]:
    """Run the function again where others were in the way of its transaction: `StorageBusy` ends it only in the end.

    For functions that make one transaction and besides do nothing that may not be done twice.
    """
    again = retry(
        retry=retry_if_exception_type(StorageBusy),
        wait=wait_random_exponential(multiplier=0.05, max=1),
        stop=stop_after_delay(BUSY_SECONDS),
        reraise=True,
    )
    return again(work)


def _postgres_engine(url: URL) -> Engine:
    # The server, the database and the role may have defaults of their own for each of these.
    arguments: dict[str, Any] = {"application_name": "ratingo", "client_encoding": "UTF8"}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = CONNECT_SECONDS
    engine = create_engine(
        url,
        connect_args=arguments,
        isolation_level="READ COMMITTED",
        pool_size=KEPT_OPEN,
        max_overflow=MOST_OPEN - KEPT_OPEN,
        pool_timeout=120,
        pool_pre_ping=True,
        executemany_mode="values_plus_batch",
        json_serializer=dumps,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        # Not by libpq's `options`, which PgBouncer refuses (https://www.pgbouncer.org/config.html,
        # ignore_startup_parameters).
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
        connection.commit()

    return engine


def _sqlite_engine(database: Database) -> Engine:
    engine = create_engine(
        database.url,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=8,
        max_overflow=-1,
        json_serializer=dumps,
        hide_parameters=True,
    )

    @event.listens_for(engine, "do_connect")
    def look(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
        database.before_opening()

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        # sqlite3 must not begin transactions by itself: it would do so late, and without the write lock
        # (https://docs.python.org/3/library/sqlite3.html#sqlite3-controlling-transactions).
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        _use_wal(cursor)
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        options = conn.get_execution_options()
        if options.get(MIGRATES):
            conn.exec_driver_sql("PRAGMA foreign_keys = OFF")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")

    return engine


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch the file to WAL, once in its life: SQLite does not wait for the lock that this takes.

    https://www.sqlite.org/c3ref/busy_handler.html: a busy handler is not always called. Raises OperationalError.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
