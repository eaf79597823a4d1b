"""The folder an installation keeps everything in, and Dagster's home inside it."""

import os
import shutil
from pathlib import Path

from ratingo_pipelines.settings import Settings

_PACKAGE = Path(__file__).parent


def dagster_yaml() -> Path:
    """The embedded instance's configuration: inside an installed package, beside it in a checkout."""
    installed = _PACKAGE / "dagster.yaml"
    return installed if installed.exists() else _PACKAGE.parent / "dagster.yaml"


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's home and name it in the environment, for this process and those it starts.

    The home of this installation always gets the project's dagster.yaml; one that `DAGSTER_HOME` names keeps its own.
    """
    home = settings.dagster
    home.mkdir(parents=True, exist_ok=True)
    target = home / "dagster.yaml"
    if settings.dagster_home is None or not target.exists():
        shutil.copyfile(dagster_yaml(), target)
    os.environ["DAGSTER_HOME"] = str(home)
    return home
