"""The folder an installation keeps everything in, and Dagster's home inside it."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryFile

from ratingo_pipelines.settings import Settings, SettingsError

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """One of Dagster's files that come with the project: inside an installed package, beside it in a checkout."""
    installed = _PACKAGE / name
    return installed if installed.exists() else _PACKAGE.parent / name


def prepare_home(settings: Settings) -> Path:
    """Make the home; raise `SettingsError` where this user may not write in it."""
    return _writable(settings.home, "RATINGO_HOME")


def _writable(folder: Path, variable: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{variable}: nothing can be written in {folder} ({reason}); name another folder") from None


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's home and name it in the environment, for this process and those it starts.

    The home of this installation always gets the project's dagster.yaml; one that `DAGSTER_HOME` names keeps its own.
    Raises `SettingsError` where this user may not write in it.
    """
    prepare_home(settings)
    home = _writable(settings.dagster, "DAGSTER_HOME" if settings.dagster_home else "RATINGO_HOME")
    target = home / "dagster.yaml"
    if settings.dagster_home is None or not target.exists():
        shutil.copyfile(shipped("dagster.yaml"), target)
    os.environ["DAGSTER_HOME"] = str(home)
    return home
