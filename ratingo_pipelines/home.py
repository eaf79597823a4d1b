"""The folder an installation keeps everything in, and Dagster's home inside it."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

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


def replace_file(path: Path, text: str) -> None:
    """Write a file beside its place and rename it: who reads it meanwhile, or after a power cut, finds it whole."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's home and name it in the environment, for this process and those it starts.

    The home of this installation always gets the project's dagster.yaml; one that `DAGSTER_HOME` names keeps its own.
    Raises `SettingsError` where this user may not write in it.
    """
    prepare_home(settings)
    home = _writable(settings.dagster, "DAGSTER_HOME" if settings.dagster_home else "RATINGO_HOME")
    target = home / "dagster.yaml"
    if settings.dagster_home is None or not target.exists():
        replace_file(target, shipped("dagster.yaml").read_text(encoding="utf-8"))
    os.environ["DAGSTER_HOME"] = str(home)
    return home
