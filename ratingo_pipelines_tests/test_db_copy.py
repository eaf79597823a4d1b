"""`ratingo db copy` as a process: killed and gone on with, and the product that goes on with the copy."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from ratingo_pipelines.gateway.processes.services import alone_in
from ratingo_pipelines.media import MEDIA, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.dictionary import all_tables
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.storage.examples import NOW
from ratingo_pipelines_tests.sync.processes import environment, kill_when, ratingo, report_of, start

pytestmark = pytest.mark.long

LISTED = 8
SNAPSHOTS = tables_of(SHOWS).snapshots
MANY = 60_000
UrlFactory = Callable[..., str]


def counts(database: Database) -> dict[str, int]:
    with database.reading() as conn:
        return {t.name: conn.execute(select(func.count()).select_from(t)).scalar_one() for t in all_tables()}


@pytest.mark.parametrize("there_and_back", ["sqlite postgres sqlite", "postgres sqlite postgres"])
def test_the_product_goes_on_with_the_copy_there_and_back(
    there_and_back: str, sqlite_url: UrlFactory, postgres_url: UrlFactory, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    make = {"sqlite": sqlite_url, "postgres": postgres_url}
    urls = [make[name](migrated=False) for name in there_and_back.split()]

    def run(url: str, *arguments: str) -> str:
        env = environment(sandbox, tmp_path / "home", DATABASE_URL=url, TRENDING_LIMIT=str(LISTED))
        done = ratingo(*arguments, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(urls[0], "db", "upgrade")
    for turn, url in enumerate(urls):
        for medium in MEDIA:
            run(url, "sync", str(medium))
        database = Database(url)
        for medium in MEDIA:
            assert differences(database, medium, sandbox.truth(medium, LISTED)) == []
        with database.reading() as conn:
            cycles = conn.execute(select(func.max(SNAPSHOTS.c.id), func.count()).select_from(SNAPSHOTS)).one()
        assert cycles[0] == cycles[1]
        if turn < 2:
            said = run(url, "db", "copy", url, urls[turn + 1])
            assert said.splitlines()[-1].endswith(" tables, all the same as in FROM")
            assert f"shows: {counts(database)['shows']} rows, " in said
            sandbox.control("epoch", {"advance": 1})
        database.dispose()
    assert "as it should be" in run(urls[-1], "db", "check")


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
def test_a_copy_that_is_killed_in_the_middle_goes_on(
    source: str, target: str, sqlite_url: UrlFactory, postgres_url: UrlFactory, tmp_path: Path
) -> None:
    make = {"sqlite": sqlite_url, "postgres": postgres_url}
    urls = make[source](), make[target]()
    origin, copy = map(Database, urls)
    with origin.writing() as conn:
        row = {"show_id": 1, "tmdb_id": 1, "created_at": NOW}
        conn.execute(insert(SNAPSHOTS), [{**row, "watchers": number} for number in range(MANY)])
    env = environment(None, tmp_path / "home", DATABASE_URL=urls[1])

    def halfway() -> bool:
        with copy.reading() as conn:
            return (conn.scalar(select(func.max(SNAPSHOTS.c.id))) or 0) > MANY // 10

    assert kill_when(start("db", "copy", *urls, env=env, cwd=tmp_path), halfway)
    assert 0 < counts(copy)["show_watchers_snapshots"] < MANY
    refused = ratingo("status", env=env, cwd=tmp_path)
    assert (refused.returncode, "holds a copy that is not whole" in refused.stderr) == (2, True)
    done = ratingo("db", "copy", *urls, "--json", env=env, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert re.search(rf"^copying: {MANY} rows\n(.*\n)*comparing: {MANY} rows$", done.stderr, re.MULTILINE)
    report = report_of(done)
    assert (report["same"], report["resumed"], report["copied_again"]) == (True, True, [])
    assert counts(copy) == counts(origin)
    assert ratingo("status", env=env, cwd=tmp_path).returncode == 0
    origin.dispose()
    copy.dispose()


def test_what_cannot_be_copied_ends_with_2_and_never_tells_a_password(
    sqlite_url: UrlFactory, postgres_url: UrlFactory, tmp_path: Path
) -> None:
    env = environment(None, tmp_path / "home")
    good = sqlite_url()
    secret = "sw%40rdfish"
    away = f"postgresql://someone:{secret}@127.0.0.1:1/site"
    for arguments, said in (
        ((good, away), "PostgreSQL site at 127.0.0.1:1 cannot be reached"),
        ((away, good), "PostgreSQL site at 127.0.0.1:1 cannot be reached"),
        ((good, f"mysql://someone:{secret}@host/site"), "TO must begin with postgresql:// or sqlite:///"),
        ((f"postgresql://a:{secret}@b@c/d", good), "FROM cannot be read"),
        ((good, good), "FROM and TO are the same"),
        ((f"sqlite:///{tmp_path}/none.db", good), "none.db is not there"),
        ((good, "sqlite://"), "TO names no file"),
    ):
        done = ratingo("db", "copy", *arguments, env=env, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert not re.search("sw(%40|@)rdfish", done.stderr)


def test_a_difference_ends_with_1(sqlite_url: UrlFactory, postgres_url: UrlFactory, tmp_path: Path) -> None:
    urls = sqlite_url(), postgres_url()
    origin = Database(urls[0])
    with origin.writing() as conn:
        conn.exec_driver_sql("INSERT INTO genres (id, tmdb_id, name_en) VALUES (3, 7, 'a' || char(0))")
    origin.dispose()

    done = ratingo("db", "copy", *urls, env=environment(None, tmp_path / "home"), cwd=tmp_path)

    assert done.returncode == 1
    assert "genres: 1 row in FROM, 1 in TO; the first that differs is 3; " in done.stdout
    assert "stays marked as not whole" in done.stdout.splitlines()[-1]


def test_the_database_of_a_home_that_is_served_is_refused(sqlite_url: UrlFactory, tmp_path: Path) -> None:
    home, urls = tmp_path / "home", (sqlite_url(), sqlite_url())
    home.mkdir()
    env = environment(None, home, DATABASE_URL=urls[0])

    with alone_in(home):
        refused = ratingo("db", "copy", *urls, env=env, cwd=tmp_path)
    done = ratingo("db", "copy", *urls, env=env, cwd=tmp_path)

    said = f"ratingo: `ratingo serve` works in {home}: stop it, then copy again\n"
    assert (refused.returncode, refused.stderr) == (2, said)
    assert done.returncode == 0, done.stderr
