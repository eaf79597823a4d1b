"""The home of an installation: its files are whole, and damage is told in one line."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ratingo_pipelines.home import HISTORY, check_history, replace_file
from ratingo_pipelines.settings import SettingsError

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
