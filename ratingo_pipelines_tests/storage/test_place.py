"""The database's place: exactly the home's path, and noticed when it is gone."""

from pathlib import Path

import pytest
from sqlalchemy import text

from ratingo_pipelines.home import KNOWN_DATABASES
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.engine import Database, StorageError, normalised_url, open_database
from ratingo_pipelines.storage.schema import differences, ensure_current, prepare, upgrade
from ratingo_pipelines_tests.storage.examples import save_title
from ratingo_pipelines_tests.storage.old_database import fill_as_the_old_sync

HOMES = (
    *("plain", "with space", "what?", "a?b=c&d", "#1", "50%", "%41", "%3F", "Домівка", "it's", 'say "hi"', "a;b"),
    *("file:x", ":memory:", "mode=memory", "~", "back\\slash", "new\nline", "[brackets]", "a@b:c"),
)


def settings_of(home: Path, **others: str) -> Settings:
    return Settings(_env_file=None, ratingo_home=home, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", HOMES)
def test_the_default_database_is_the_homes_path_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    home = tmp_path / name
    database = open_database(settings_of(home))
    upgrade(database)
    save_title(database, 42)
    database.dispose()
    assert (home / "ratingo.db").stat().st_size > 0
    assert {path.name for path in home.iterdir()} == {"ratingo.db", KNOWN_DATABASES}
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert normalised_url(settings_of(home).database).database == str(home / "ratingo.db")


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose database was made and is gone from memory."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings = settings_of(tmp_path / "home")
    database = open_database(settings)
    prepare(database)
    save_title(database, 42)
    database.dispose()
    return settings


@pytest.mark.parametrize("use", [prepare, upgrade, ensure_current, differences])
def test_a_file_that_is_gone_is_an_error_and_no_new_database(filled: Settings, use: object) -> None:
    file = filled.home / "ratingo.db"
    file.unlink()
    with pytest.raises(StorageError) as caught:
        use(open_database(filled))  # type: ignore[operator]
    assert str(caught.value) == (
        f"SQLite database {file} is gone: bring it back (a backup, a volume that is not mounted); to begin with an "
        f"empty one, stop everything and delete {filled.home / KNOWN_DATABASES}"
    )
    assert not file.exists()
    (filled.home / KNOWN_DATABASES).unlink()
    upgrade(open_database(filled))


def test_a_file_that_goes_while_it_is_used_is_an_error(filled: Settings) -> None:
    database = open_database(filled)
    ensure_current(database)
    database.dispose()
    (filled.home / "ratingo.db").unlink()
    (filled.home / KNOWN_DATABASES).unlink()
    with pytest.raises(StorageError, match="is gone: bring it back"):
        save_title(database, 43)


def test_a_file_of_another_home_is_not_missed(filled: Settings, tmp_path: Path) -> None:
    elsewhere = settings_of(filled.home, database_url=f"sqlite:///{tmp_path / 'other.db'}")
    database = open_database(elsewhere)
    prepare(database)
    database.dispose()
    assert (filled.home / KNOWN_DATABASES).read_text().splitlines() == [
        str(filled.home / "ratingo.db"),
        str(tmp_path / "other.db"),
    ]


def test_a_home_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    database = open_database(settings_of(tmp_path / "file" / "home", database_url=f"sqlite:///{tmp_path / 'a.db'}"))
    prepare(database)
    save_title(database, 42)
    database.dispose()


NUMBERS = {"seconds": "1767323045", "milliseconds": "1767323045000", "a real number": "1767323045.5"}


@pytest.mark.parametrize("number", NUMBERS)
def test_an_old_file_with_timestamps_as_numbers_is_refused_with_what_to_do(sqlite_url: object, number: str) -> None:
    database = Database(sqlite_url(migrated=False))  # type: ignore[operator]
    fill_as_the_old_sync(database)
    change(database, f"UPDATE shows SET updated_at = {NUMBERS[number]} WHERE id = 7")  # noqa: S608
    assert "column shows.updated_at holds numbers, should hold texts" in differences(database)
    with pytest.raises(StorageError) as caught:
        upgrade(database)
    said = str(caught.value)
    assert said.startswith("table shows of SQLite database ")
    assert "\n" not in said
    assert "UPDATE shows SET updated_at = datetime(updated_at, 'unixepoch') makes them of seconds" in said

    seconds = "updated_at / 1000" if number == "milliseconds" else "updated_at"
    change(database, f"UPDATE shows SET updated_at = datetime({seconds}, 'unixepoch') WHERE id = 7")  # noqa: S608
    assert upgrade(database) == []
    save_title(database, 1399)
    database.dispose()


def test_numbers_that_come_later_are_told_by_the_check(sqlite_url: object) -> None:
    database = Database(sqlite_url())  # type: ignore[operator]
    save_title(database, 42)
    change(database, "UPDATE show_watchers_snapshots SET created_at = 1767323045")
    assert differences(database) == ["column show_watchers_snapshots.created_at holds numbers, should hold texts"]
    database.dispose()


def change(database: Database, statement: str) -> None:
    with database.writing() as conn:
        conn.execute(text(statement))
