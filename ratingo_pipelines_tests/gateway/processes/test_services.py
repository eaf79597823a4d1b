"""Where the processes behind the gateway keep their sockets."""

import os
from pathlib import Path

import pytest

from ratingo_pipelines.gateway.processes.services import _folder
from ratingo_pipelines.settings import SettingsError


def test_the_folder_of_sockets_is_in_the_home_and_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "serve").mkdir(mode=0o755)

    assert _folder(tmp_path) == tmp_path / "serve"
    assert (tmp_path / "serve").stat().st_mode & 0o777 == 0o700


def test_a_home_whose_path_is_too_long_for_a_socket_has_it_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    homes = [tmp_path / ("long" * 30), tmp_path / ("longer" * 20)]

    first, second = map(_folder, homes)

    assert first.parent == second.parent == tmp_path
    assert first != second
    assert _folder(homes[0]) == first


@pytest.mark.parametrize("whose", ["somebody else's", "a link"])
def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path, whose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if whose == "a link":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "serve").symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "serve").mkdir()
        monkeypatch.setattr(os, "getuid", lambda: (tmp_path / "serve").stat().st_uid + 1)

    with pytest.raises(SettingsError, match="belongs to somebody else"):
        _folder(tmp_path)
