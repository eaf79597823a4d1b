"""The home of an installation: its files are whole, and damage is told in one line."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from ratingo_pipelines.home import (
    HISTORY,
    check_history,
    damage_of_history,
    prepare_dagster_home,
    prepare_home,
    replace_file,
)
from ratingo_pipelines.settings import Settings, SettingsError

ROWS = 20_000


@pytest.fixture(params=sorted(HISTORY))
def history_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """One of Dagster's files, of some hundred pages."""
    path: Path = tmp_path / request.param
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, body TEXT)")
        file.executemany("INSERT INTO runs (body) VALUES (?)", [("x" * 100,)] * ROWS)
        file.commit()
    return path


def test_files_that_are_whole_or_not_there_yet_are_no_matter(history_file: Path, tmp_path: Path) -> None:
    check_history(tmp_path)
    check_history(tmp_path / "elsewhere")
    assert damage_of_history(tmp_path, thorough=True) is None


@pytest.mark.parametrize("where", [0, 0.5, 1])
def test_a_damaged_file_is_named_with_what_is_lost_and_what_to_do(
    history_file: Path, tmp_path: Path, where: float
) -> None:
    damaged = bytearray(history_file.read_bytes())
    start = min(int(len(damaged) * where), len(damaged) - 4096)
    # In the middle, pages that nothing at once needs: those are noticed when they are read.
    damaged[start : start + 4096] = b"\xff" * 4096
    history_file.write_bytes(damaged)

    if where == 0.5:
        check_history(tmp_path)
        found = damage_of_history(tmp_path, thorough=True)
        assert found
        assert found.startswith(f"{history_file} cannot be read (")
        return
    with pytest.raises(SettingsError) as told:
        check_history(tmp_path)

    said = str(told.value)
    assert str(history_file) in said
    assert HISTORY[str(history_file.relative_to(tmp_path))] in said
    assert "move the file away and start again" in said
    assert "\n" not in said


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("old")

    replace_file(tmp_path / "dagster.yaml", "telemetry: {}\n")

    assert [path.name for path in tmp_path.iterdir()] == ["dagster.yaml"]
    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {}\n"


# Other users


def settings(home: Path) -> Settings:
    """Of an installation."""
    return Settings(_env_file=None, ratingo_home=home)


def modes(folder: Path) -> dict[str, int]:
    """What may be done with a folder and all below it."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027])
def test_a_home_and_what_is_made_in_it_is_this_user_s_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    os.umask(umask)
    home = prepare_home(settings(tmp_path / "deep" / "home"))
    (home / "file").touch()
    (home / "folder").mkdir()

    assert modes(home) == {".": 0o700, "file": 0o600, "folder": 0o700}


def test_a_home_that_others_may_read_is_closed_with_all_that_is_in_it(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "dagster" / "history").mkdir(parents=True)
    for name, mode in (("ratingo.db", 0o644), ("script", 0o755), ("dagster/history/runs.db", 0o666), ("odd", 0o044)):
        (home / name).touch()
        (home / name).chmod(mode)
    outside.touch()
    outside.chmod(0o644)
    (home / "link").symlink_to(outside)
    (home / "dangling").symlink_to(tmp_path / "nowhere")
    home.chmod(0o755)

    prepare_home(settings(home))

    found = modes(home)
    assert {
        name: found[name] for name in (".", "ratingo.db", "script", "dagster", "dagster/history/runs.db", "odd")
    } == {
        ".": 0o700,
        "ratingo.db": 0o600,
        "script": 0o700,
        "dagster": 0o700,
        "dagster/history/runs.db": 0o600,
        "odd": 0o000,
    }
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_at_a_start_files_are_closed_though_the_home_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = prepare_home(settings(tmp_path / "home"))
    (home / "ratingo.db").touch()
    (home / "ratingo.db").chmod(0o644)

    prepare_dagster_home(settings(home))

    assert {name: mode for name, mode in modes(home).items() if mode & 0o077} == {}
    assert stat.S_IMODE((home / "dagster" / "dagster.yaml").stat().st_mode) == 0o600


def test_a_folder_of_everybody_s_is_refused_and_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, mine = tmp_path / "tmp", tmp_path / "me"
    shared.mkdir()
    shared.chmod(0o1777)
    mine.mkdir(mode=0o755)
    monkeypatch.setenv("HOME", str(mine))

    for folder in (shared, mine, Path("/")):
        before = folder.stat().st_mode
        with pytest.raises(SettingsError, match="RATINGO_HOME"):
            prepare_home(settings(folder))
        assert folder.stat().st_mode == before


def test_what_belongs_to_another_user_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "theirs").touch()
    home.chmod(0o755)

    def forbidden(path: os.PathLike[str], mode: int) -> None:
        raise PermissionError(path, mode)

    monkeypatch.setattr("os.chmod", forbidden)
    prepare_home(settings(home))

    assert "chown" in caplog.text
