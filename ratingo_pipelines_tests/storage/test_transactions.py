"""Transactions on databases as they are set up: defaults of others, locks, deadlocks, few connections."""

import ast
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, select, text
from sqlalchemy.exc import OperationalError

import ratingo_pipelines
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import engine, titles
from ratingo_pipelines.storage.engine import Database, StorageError, normalised_url, retried_transaction
from ratingo_pipelines.storage.errors import NoConnectionLeft, StorageBusy, translated
from ratingo_pipelines.storage.schema import differences, upgrade
from ratingo_pipelines.storage.tables import genres, tables_of
from ratingo_pipelines_tests.storage.examples import count, rows_of, save_title

SHOW = tables_of(SHOWS)
UrlFactory = Callable[..., str]


@pytest.fixture
def postgres(postgres_url: UrlFactory) -> Iterator[Database]:
    database = Database(postgres_url())
    yield database
    database.dispose()


@pytest.fixture
def set_up(postgres: Database) -> Callable[[str], None]:
    """Gives the database a default of its own, such as `timezone = 'Asia/Tokyo'`."""

    def change(default: str) -> None:
        with postgres.writing() as conn:
            conn.execute(text(f"ALTER DATABASE {postgres.url.database} SET {default}"))
        postgres.dispose()

    return change


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_two_writers_of_one_row_both_succeed_whatever_the_default_isolation(
    postgres: Database, set_up: Callable[[str], None], isolation: str
) -> None:
    set_up(f"default_transaction_isolation = '{isolation}'")
    save_title(postgres, 42)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda version: save_title(postgres, 42, version=version), range(2, 26)))
    with postgres.reading() as conn:
        assert conn.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
    assert count(postgres, SHOW.snapshots) == 25


@pytest.mark.parametrize("default", ["client_encoding = 'LATIN1'", "timezone = 'Asia/Tokyo'", "datestyle = 'SQL, DMY'"])
def test_texts_and_times_are_the_same_whatever_the_defaults(
    postgres: Database, set_up: Callable[[str], None], default: str
) -> None:
    set_up(default)
    save_title(postgres, 42, title="Пуститися берега")
    assert rows_of(postgres, SHOW.titles)[0]["title"] == "Пуститися берега"
    with postgres.writing() as conn:
        # As another program would insert: the time is the database's.
        conn.exec_driver_sql("INSERT INTO genres (tmdb_id, name_en) VALUES (18, 'Drama')")
        utc = conn.exec_driver_sql("SELECT timezone('utc', now())").scalar_one()
        inserted = conn.execute(select(genres.c.updated_at)).scalar_one()
        assert inserted.replace(tzinfo=None) == utc


@pytest.fixture
def latin(postgres_server: URL) -> Iterator[Database]:
    name = f"ratingo_latin_{time.monotonic_ns()}"
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        options = "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
        conn.execute(text(f"CREATE DATABASE {name} {options}"))
        database = Database(postgres_server.set(database=name).render_as_string(hide_password=False))
        yield database
        database.dispose()
        conn.execute(text(f"DROP DATABASE {name}"))
    admin.dispose()


@pytest.mark.parametrize("use", [upgrade, differences], ids=["upgrade", "check"])
def test_a_database_that_cannot_hold_ukrainian_is_refused(latin: Database, use: Callable[[Database], object]) -> None:
    with pytest.raises(StorageError, match="is encoded in LATIN1, which cannot hold all letters of Ukrainian"):
        use(latin)


BUSY = {"serialization_failure": "40001", "deadlock_detected": "40P01", "lock_not_available": "55P03"}


def fail_writes(database: Database, condition: str, times: int) -> None:
    """Have the server refuse the first inserts of a cast with this condition; a sequence is not rolled back."""
    with database.writing() as conn:
        conn.exec_driver_sql("CREATE SEQUENCE tries")
        conn.exec_driver_sql(
            f"CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN IF nextval('tries') <= {times} THEN "
            f"RAISE EXCEPTION 'on purpose' USING ERRCODE = '{condition}'; END IF; RETURN NULL; END $$ LANGUAGE plpgsql"
        )
        conn.exec_driver_sql("CREATE TRIGGER failing AFTER INSERT ON show_cast EXECUTE FUNCTION fail()")


@pytest.mark.parametrize("condition", BUSY)
def test_a_transaction_that_others_were_in_the_way_of_is_tried_again(postgres: Database, condition: str) -> None:
    fail_writes(postgres, condition, times=2)
    save_title(postgres, 42)
    assert count(postgres, SHOW.cast) == 12
    assert count(postgres, SHOW.snapshots) == 1


def test_it_is_not_tried_for_ever(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_writes(postgres, "deadlock_detected", times=1_000)
    retrying = save_title.retry  # type: ignore[attr-defined]
    monkeypatch.setattr(retrying, "stop", lambda state: state.attempt_number == 3)
    monkeypatch.setattr(retrying, "sleep", lambda seconds: None)
    with pytest.raises(StorageBusy, match="stopped a transaction that was in a deadlock: run again"):
        save_title(postgres, 42)
    assert count(postgres, SHOW.titles) == 0


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("io_error", "reports an error of its system (on purpose)"),
        ("internal_error", "reports an error of its own (on purpose)"),
        ("insufficient_resources", "is short of resources (on purpose)"),
        ("object_in_use", "cannot do this now (on purpose)"),
        ("query_canceled", "stopped a statement for its time limit"),
        ("transaction_rollback", "took a transaction back (on purpose)"),
        ("untranslatable_character", "cannot hold all letters in its encoding"),
    ],
)
def test_a_state_of_the_database_is_never_a_titles_fault(postgres: Database, condition: str, said: str) -> None:
    fail_writes(postgres, condition, times=1)
    with pytest.raises(StorageError) as caught:
        save_title(postgres, 42)
    assert said in str(caught.value)


def test_a_lock_timeout_of_the_servers_is_outlasted(postgres: Database, set_up: Callable[[str], None]) -> None:
    save_title(postgres, 42)
    set_up("lock_timeout = '20ms'")
    holds, release = threading.Event(), threading.Event()

    def hold() -> None:
        with postgres.writing() as conn:
            titles.lock_title(conn, SHOW, 42)
            holds.set()
            release.wait(10)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold)
        holds.wait(10)
        storing = pool.submit(save_title, postgres, 42, 2)
        # Several of the server's time-outs long.
        threading.Timer(0.2, release.set).start()
        storing.result(10)
        holding.result(10)
    assert count(postgres, SHOW.snapshots) == 2


def test_two_writers_of_a_title_new_to_both_both_succeed(database: Database) -> None:
    both = threading.Barrier(2)
    seen: list[bool] = []

    @retried_transaction
    def store(version: int) -> None:
        with database.writing() as conn:
            known = titles.lock_title(conn, SHOW, 42)
            seen.append(known is None)
            if known is None and database.dialect == "postgresql":
                both.wait(10)
            title_id = titles.put_title(conn, SHOW, known, {"tmdb_id": 42, "title": "Title", "imdb_votes": version})
            parent, rows = {"show_id": title_id}, [{"genre_id": 1}, {"genre_id": 2}]
            titles.replace_children(conn, SHOW.genres, parent, rows, ("genre_id",), known=() if known is None else None)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(store, (1, 2)))
    assert seen.count(True) == (2 if database.dialect == "postgresql" else 1)
    assert count(database, SHOW.titles) == 1
    assert count(database, SHOW.genres) == 2


@pytest.fixture
def few_connections(postgres: Database) -> Iterator[Callable[[int], Database]]:
    """The database as a user who may have so many connections."""
    opened: list[Database] = []
    with postgres.writing() as conn:
        conn.exec_driver_sql("CREATE ROLE modest LOGIN CONNECTION LIMIT 0")
        conn.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public, pipeline TO modest")
        conn.exec_driver_sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public, pipeline TO modest")
        conn.exec_driver_sql("GRANT USAGE ON SCHEMA pipeline TO modest")

    def allow(limit: int) -> Database:
        with postgres.writing() as conn:
            conn.exec_driver_sql(f"ALTER ROLE modest CONNECTION LIMIT {limit}")
        opened.append(Database(postgres.url.set(username="modest").render_as_string(hide_password=False)))
        return opened[-1]

    yield allow
    for database in opened:
        database.dispose()
    with postgres.writing() as conn:
        conn.exec_driver_sql("DROP OWNED BY modest")
        conn.exec_driver_sql("DROP ROLE modest")


@pytest.mark.parametrize("limit", [1, 3])
def test_connections_that_are_all_in_use_are_waited_for(
    few_connections: Callable[[int], Database], postgres: Database, limit: int
) -> None:
    first, second = few_connections(limit), few_connections(limit)

    def store(number: int) -> int:
        return save_title(first if number % 2 else second, number)

    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(store, range(36)))) == 36
    assert count(postgres, SHOW.cast) == 36 * 12


def test_a_server_without_a_free_connection_names_the_setting(
    few_connections: Callable[[int], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0)
    database = few_connections(0)
    with pytest.raises(NoConnectionLeft, match="has no connection left: lower CONCURRENCY or raise its max_conn"):
        save_title(database, 42)


@pytest.mark.parametrize(
    "reason",
    [
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        'FATAL:  too many connections for role "ratingo"',
        'FATAL:  too many connections for database "ratingo"',
        "ERROR:  no more connections allowed (max_client_conn)",
    ],
)
def test_every_wording_of_a_full_server_is_known(reason: str) -> None:
    error = OperationalError(None, None, Exception(f"connection to server at db.example failed: {reason}"))
    said = translated(error, normalised_url("postgresql://u:p@host/ratingo"), connecting=True)
    assert isinstance(said, NoConnectionLeft)
    assert str(said).endswith("has no connection left: lower CONCURRENCY or raise its max_connections")


def test_every_writing_transaction_is_tried_again() -> None:
    """Whoever writes is `retried_transaction`, or keeps trying by itself."""
    by_themselves = {"_keep_renewing"}
    package = Path(ratingo_pipelines.__file__).parent
    sources = [path for path in package.rglob("*.py") if path.parent.name != "storage"]
    found = [(path, writer) for path in sources for writer in writers(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(found) > 10
    assert [
        f"{path.relative_to(package)}: {writer.name}"
        for path, writer in found
        if writer.name not in by_themselves
        and "retried_transaction" not in {ast.unparse(decorator) for decorator in writer.decorator_list}
    ] == []


def writers(node: ast.AST, inside: ast.FunctionDef | None = None) -> Iterator[ast.FunctionDef]:
    """The functions that open a writing transaction themselves."""
    for child in ast.iter_child_nodes(node):
        if inside and isinstance(child, ast.Attribute) and child.attr == "writing":
            yield inside
        yield from writers(child, child if isinstance(child, ast.FunctionDef) else inside)
