"""Where the demo and `ratingo dev` work: never on what is somebody's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratingo_pipelines.demo import MADE_BY_DEMO, for_invented_titles, works_on_sandbox
from ratingo_pipelines.earlier_days import DAYS, epochs_played
from ratingo_pipelines.home import prepare_dagster_home
from ratingo_pipelines.settings import Settings, load_settings
from ratingo_pipelines.storage.engine import Database, open_database
from ratingo_pipelines.storage.schema import upgrade


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, and nothing of the developer's in the environment, which is put back afterwards."""
    before = dict(os.environ)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def test_the_demo_fills_the_home_when_it_is_empty(folder: Path) -> None:
    settings = for_invented_titles(load_settings())
    assert settings.home == folder / ".ratingo"
    # And again the second time.
    upgrade(open_database(settings))
    prepare_dagster_home(settings)
    assert for_invented_titles(load_settings()).home == folder / ".ratingo"


@pytest.mark.parametrize("holds", ["ratingo.db", "known-databases", "dagster/history.db"])
def test_the_demo_leaves_a_home_that_is_in_use_alone(folder: Path, holds: str) -> None:
    used = folder / ".ratingo" / holds
    used.parent.mkdir(parents=True)
    used.write_text("somebody's")
    settings = for_invented_titles(load_settings())
    assert settings.home == folder / ".ratingo" / "demo"
    assert settings.dagster == settings.home / "dagster"
    assert used.read_text() == "somebody's"
    assert not (folder / ".ratingo" / MADE_BY_DEMO).exists()


@pytest.mark.parametrize("by", ["environment", ".env"])
def test_the_demo_never_writes_into_the_instance_or_the_database_that_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    instance, database = folder / "instance", f"sqlite:///{folder / 'site.db'}"
    if by == "environment":
        monkeypatch.setenv("DAGSTER_HOME", str(instance))
        monkeypatch.setenv("DATABASE_URL", database)
    else:
        (folder / ".env").write_text(f"DAGSTER_HOME={instance}\nDATABASE_URL={database}\n")

    settings = for_invented_titles(load_settings())
    home = prepare_dagster_home(settings)
    upgrade(open_database(settings))

    assert home == folder / ".ratingo" / "dagster" == Path(os.environ["DAGSTER_HOME"])
    assert (folder / ".ratingo" / "ratingo.db").exists()
    assert not instance.exists()
    assert not (folder / "site.db").exists()


def test_the_demos_instance_gets_the_projects_dagster_yaml_each_time(folder: Path) -> None:
    home = prepare_dagster_home(for_invented_titles(load_settings()))
    (home / "dagster.yaml").write_text("of an older version")
    prepare_dagster_home(for_invented_titles(load_settings()))
    assert "of an older version" not in (home / "dagster.yaml").read_text()


@pytest.mark.parametrize(
    ("keys", "sandbox"),
    [
        ([], True),
        (["TRAKT_CLIENT_ID"], False),
        (["TMDB_API_KEY"], False),
        (["TMDB_ACCESS_TOKEN"], False),
        (["OMDB_API_KEY"], False),
        (["TRAKT_CLIENT_ID", "TMDB_API_KEY", "OMDB_API_KEY"], False),
    ],
)
def test_dev_takes_the_sandbox_only_where_no_key_is_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch, keys: list[str], sandbox: bool
) -> None:
    for key in keys:
        monkeypatch.setenv(key, "k" * 32)
    assert works_on_sandbox(load_settings()) is sandbox


@pytest.mark.long
def test_the_demo_shows_what_changed_in_the_days_before_and_goes_on_with_each_run(folder: Path) -> None:
    for runs in (1, 2):
        done = subprocess.run(
            [Path(sys.executable).with_name("ratingo"), "demo"], capture_output=True, text=True, check=True
        )
        assert (f"The {DAYS} days before today" in done.stdout) == (runs == 1)
        shows = done.stdout.partition("Trending shows")[2].partition("Trending movies")[0].splitlines()
        ranked = [line for line in shows if line.lstrip()[:1].isdigit()]
        assert len(ranked) == 15
        assert sum("+" in line or " -" in line for line in ranked) > 7
        assert sum("█" in line for line in ranked) > 7
        assert epochs_played(Database(f"sqlite:///{folder / '.ratingo' / 'ratingo.db'}")) == DAYS + runs
