"""Connections: every spelling of a URL, and each thing that can be wrong with a database as one clear line."""

import os
import resource
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import URL, create_engine, event, func, select, text
from sqlalchemy.exc import IntegrityError

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import titles
from ratingo_pipelines.storage.engine import Database, StorageError, normalised_url
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.fixtures.database import UrlFactory
from ratingo_pipelines_tests.storage.examples import count, save_title

SHOW = tables_of(SHOWS)
PASSWORD = "s3cret%2Fwith:marks"


def _said(database: Database) -> str:
    with pytest.raises(StorageError) as caught, database.writing():
        pass
    message = str(caught.value)
    assert "\n" not in message
    return message


@contextmanager
def _ordinary_user() -> Iterator[None]:
    """File permissions mean nothing to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder whose parents any user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_reaches_the_database(postgres_url: UrlFactory, scheme: str) -> None:
    url = postgres_url().replace("postgresql+psycopg2://", f"{scheme}://")
    assert url.startswith(f"{scheme}://")
    database = Database(SecretStr(url))
    with database.reading() as conn:
        assert conn.execute(select(func.count()).select_from(SHOW.titles)).scalar_one() == 0
    assert database.dialect == "postgresql"
    database.dispose()


def test_options_of_a_url_are_kept() -> None:
    url = normalised_url("postgres://u:p%40ss@db.example:5433/x?sslmode=require")
    assert (url.drivername, url.password, url.port) == ("postgresql+psycopg2", "p@ss", 5433)
    assert url.query["sslmode"] == "require"


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "ratingo.db", "", "postgres:/u:secret@h/d", "sqlite+x"])
def test_an_unknown_kind_of_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StorageError, match="must begin with postgresql:// or sqlite:///") as caught:
        Database(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("password", ["pq7@zz8", "@", "pq7@zz8/w", "pq7@zz8?x=y", "pq7@zz8@kk9", "pq7%40@zz8"])
def test_a_password_with_an_unencoded_at_is_refused_without_any_of_it(password: str) -> None:
    with pytest.raises(StorageError) as caught:
        Database(f"postgresql://someone:{password}@db.invalid:5432/site")

    assert str(caught.value) == (
        "DATABASE_URL cannot be read: special characters of its password must be percent-encoded, such as @ as %40"
    )


def test_a_url_that_cannot_be_read_is_refused_without_its_password() -> None:
    with pytest.raises(StorageError, match="percent-encoded") as caught:
        Database("postgresql://user:secret@host:port/database")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(StorageError, match="names no file"):
        Database(url)


def test_a_relative_path_stays_where_it_was_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database("sqlite:///data/ratingo.db")
    monkeypatch.chdir("/")
    upgrade(database)
    assert (tmp_path / "data" / "ratingo.db").exists()


def test_a_database_does_not_print_its_password() -> None:
    database = Database(f"postgresql://user:{PASSWORD}@host/ratingo")
    shown = f"{database!r} {database} {database.engine!r}"
    assert PASSWORD not in shown
    read = normalised_url(f"postgresql://user:{PASSWORD}@host/x").password
    assert read
    assert read not in shown


@pytest.fixture
def guarded_url(postgres_server: URL, postgres_url: UrlFactory) -> Iterator[URL]:
    """A database that asks for a password, of a user who has one."""
    database = normalised_url(postgres_url())
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        hba = Path(conn.execute(text("SHOW hba_file")).scalar_one())
        if not hba.exists():
            pytest.fail("TEST_DATABASE_URL names a server on another machine, whose pg_hba.conf this test needs")
        before = hba.read_text()
        conn.execute(text("CREATE ROLE guarded LOGIN PASSWORD 'right'"))
        hba.write_text(f"local all guarded scram-sha-256\nhost all guarded all scram-sha-256\n{before}")
        conn.execute(text("SELECT pg_reload_conf()"))
        yield database.set(username="guarded", password="right")
        hba.write_text(before)
        conn.execute(text("SELECT pg_reload_conf()"))
        conn.execute(text("DROP ROLE guarded"))
    admin.dispose()


def test_a_wrong_password_is_one_clear_line(guarded_url: URL) -> None:
    right = Database(guarded_url.render_as_string(hide_password=False))
    with right.reading() as conn:
        assert conn.execute(text("SELECT 1")).scalar_one() == 1
    right.dispose()
    wrong = Database(guarded_url.set(password="wr0ng-one").render_as_string(hide_password=False))
    message = _said(wrong)
    assert "refuses the password of user guarded: correct DATABASE_URL" in message
    assert "wr0ng-one" not in message


def test_missing_rights_are_one_clear_line(guarded_url: URL) -> None:
    database = Database(guarded_url.render_as_string(hide_password=False))
    with pytest.raises(StorageError, match="does not let this user do that") as caught:
        save_title(database, 42)
    assert "right" not in str(caught.value).replace("rights", "")
    database.dispose()


def test_an_unknown_user_is_one_clear_line(postgres_url: UrlFactory) -> None:
    url = normalised_url(postgres_url()).set(username="nobody_here")
    assert "knows no user nobody_here" in _said(Database(url.render_as_string(hide_password=False)))


def test_an_unknown_database_is_one_clear_line(postgres_server: URL) -> None:
    message = _said(Database(postgres_server.set(database="not_there").render_as_string(hide_password=False)))
    assert "has no database not_there: create it (createdb not_there)" in message


def test_an_unreachable_host_is_one_clear_line() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    message = _said(Database(f"postgresql://user:{PASSWORD}@127.0.0.1:{port}/ratingo"))
    assert message.startswith(f"PostgreSQL ratingo at 127.0.0.1:{port} cannot be reached (")
    assert "start it, or correct DATABASE_URL" in message
    assert "s3cret" not in message


def test_a_host_without_an_address_is_one_clear_line() -> None:
    message = _said(Database(f"postgresql://user:{PASSWORD}@no-such-host.invalid/ratingo"))
    assert "cannot be reached" in message
    assert "s3cret" not in message


def test_a_host_that_does_not_answer_is_given_up_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        message = _said(Database(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d?connect_timeout=2"))
    assert "timeout expired" in message


def test_a_server_that_shuts_the_door_is_one_clear_line(postgres_url: UrlFactory, postgres_server: URL) -> None:
    database = Database(postgres_url())
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with pytest.raises(StorageError, match=r"was shut down|cannot be reached"), database.writing() as conn:  # noqa: PT012
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with admin.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        conn.execute(text("SELECT 1"))
    with database.reading() as conn:
        assert conn.execute(text("SELECT 1")).scalar_one() == 1
    admin.dispose()
    database.dispose()


def test_a_read_only_postgresql_is_one_clear_line(postgres_url: UrlFactory) -> None:
    url = postgres_url()
    database = Database(url)
    with database.writing() as conn:
        name = normalised_url(url).database
        conn.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    database.dispose()
    with pytest.raises(StorageError, match="is read-only"):
        save_title(database, 42)
    database.dispose()


def test_a_full_disk_of_postgresql_is_one_clear_line(postgres_url: UrlFactory) -> None:
    database = Database(postgres_url())
    with database.writing() as conn:
        # The server itself raises what it raises when a file cannot grow.
        conn.exec_driver_sql(
            "CREATE FUNCTION fill() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'could not extend file' "
            "USING ERRCODE = 'disk_full'; END $$ LANGUAGE plpgsql"
        )
        conn.exec_driver_sql("CREATE TRIGGER full_disk BEFORE INSERT ON show_cast EXECUTE FUNCTION fill()")
    with pytest.raises(StorageError, match="has no space left on its disk"):
        save_title(database, 42)
    assert count(database, SHOW.titles) == 0
    database.dispose()


def test_a_read_only_file_is_one_clear_line(open_folder: Path, sqlite_template: Path) -> None:
    path = open_folder / "ratingo.db"
    path.write_bytes(sqlite_template.read_bytes())
    path.chmod(stat.S_IREAD | stat.S_IRGRP | stat.S_IROTH)
    database = Database(f"sqlite:///{path}")
    with _ordinary_user():
        with pytest.raises(StorageError) as caught:
            save_title(database, 42)
        database.dispose()
    assert str(caught.value).startswith(f"SQLite database {path} ")
    assert "make the file and its folder writable" in str(caught.value)


def test_a_folder_that_may_not_be_entered_is_one_clear_line(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    database = Database(f"sqlite:///{open_folder / 'new' / 'ratingo.db'}")
    with _ordinary_user():
        message = _said(database)
    assert "cannot be opened" in message
    assert "DATABASE_URL" in message


def test_a_folder_in_the_place_of_the_file_is_one_clear_line(tmp_path: Path) -> None:
    assert "cannot be opened" in _said(Database(f"sqlite:///{tmp_path}"))


def test_a_file_in_the_place_of_the_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "cannot be opened" in _said(Database(f"sqlite:///{tmp_path / 'file' / 'ratingo.db'}"))


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "ratingo.db").write_text("a letter to a friend " * 100)
    assert "is not an SQLite database" in _said(Database(f"sqlite:///{tmp_path / 'ratingo.db'}"))


def test_a_full_disk_of_sqlite_is_one_clear_line_and_stores_nothing(sqlite_url: UrlFactory) -> None:
    database = Database(sqlite_url())
    save_title(database, 41)

    @event.listens_for(database.engine, "connect")
    def limit(connection: object, record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")

    database.dispose()
    with pytest.raises(StorageError, match=r"cannot grow, the disk is full: free some space") as caught:
        save_title(database, 42, overview="x" * 1_000_000)
    assert "nothing was half-written" in str(caught.value)
    assert count(database, SHOW.titles) == 1
    database.dispose()


def test_a_file_that_may_not_grow_is_one_clear_line_and_stores_nothing(sqlite_url: UrlFactory) -> None:
    database = Database(sqlite_url())
    save_title(database, 41)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        with pytest.raises(StorageError, match="SQLite database"):
            save_title(database, 42, overview="x" * 2_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert count(database, SHOW.titles) == 1
    save_title(database, 42)
    database.dispose()


def test_a_missing_table_says_how_to_get_it(empty_database: Database) -> None:
    with pytest.raises(StorageError, match="run `ratingo db upgrade`"):
        save_title(empty_database, 42)


def test_an_error_of_a_statement_is_not_the_databases(database: Database) -> None:
    def break_rule() -> None:
        with database.writing() as conn:
            conn.execute(SHOW.titles.insert(), {"tmdb_id": 1, "title": None})

    with pytest.raises(IntegrityError):
        break_rule()


def test_sqlite_is_set_up_for_one_writer_and_many_readers(sqlite_url: UrlFactory) -> None:
    database = Database(sqlite_url())
    with database.reading() as conn:
        settings = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "busy_timeout", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "busy_timeout": 30_000, "synchronous": 1, "foreign_keys": 1}
    database.dispose()


def test_a_reader_sees_one_state_while_others_write(sqlite_url: UrlFactory) -> None:
    database = Database(sqlite_url())
    with database.reading() as conn:
        assert titles.known_ids(conn, SHOW, [42]) == {}
        save_title(database, 42)
        assert titles.known_ids(conn, SHOW, [42]) == {}
    with database.reading() as conn:
        assert titles.known_ids(conn, SHOW, [42]) == {42: 1}
    database.dispose()


def test_sixty_four_threads_write_and_read_at_once(database: Database) -> None:
    start = threading.Barrier(64)

    def work(number: int) -> int:
        start.wait()
        save_title(database, number % 8, version=number)
        with database.reading() as conn:
            return len(titles.known_ids(conn, SHOW, range(8)))

    with ThreadPoolExecutor(64) as pool:
        seen = list(pool.map(work, range(64)))
    assert all(seen)
    assert count(database, SHOW.titles) == 8
    assert count(database, SHOW.cast) == 8 * 12


def test_a_forked_child_opens_its_own_connections(database: Database) -> None:
    save_title(database, 41)
    child = os.fork()
    if child == 0:
        try:
            save_title(database, 42)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child must not return into the test runner
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    save_title(database, 43)
    assert count(database, SHOW.titles) == 3
