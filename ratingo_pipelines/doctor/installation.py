"""This machine and this installation: versions, the home and its disk, Dagster's history and daemon, the door."""

import os
import platform
import shutil
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import requests

from ratingo_pipelines.doctor.remark import Remark, Severity
from ratingo_pipelines.home import damage_of_history
from ratingo_pipelines.settings import Settings

MIB = 1024**2
FEW, TOO_FEW = 1024 * MIB, 100 * MIB
"""Bytes that are free on the disk of the home."""
DOOR_SECONDS = 5


def of_versions() -> Iterator[Remark]:
    """What runs here, and where it takes the day to begin: in UTC, whatever the machine's time zone."""
    said = f"ratingo {version('ratingo-pipelines')}, Dagster {version('dagster')}, Python {platform.python_version()}"
    zone = datetime.now().astimezone().tzname()
    yield Remark("versions", Severity.OK, f"{said}; the machine's time zone is {zone}, schedules and days are UTC's")


def of_home(settings: Settings) -> Iterator[Remark]:
    """Whether the home can be written, and how much room its disk has."""
    home = settings.home
    if not home.exists():
        yield Remark("home", Severity.OK, f"{home} is made by the first command that needs it")
    elif os.access(home, os.W_OK | os.X_OK):
        yield Remark("home", Severity.OK, f"{home} can be written")
    else:
        needed = settings.database_url is None
        said = f"nothing can be written in {home}"
        yield Remark(
            "home", Severity.WRONG if needed else Severity.WARNING, said, "name another folder as RATINGO_HOME"
        )
    free = shutil.disk_usage(_existing(home)).free
    state = Severity.WRONG if free < TOO_FEW else Severity.WARNING if free < FEW else Severity.OK
    yield Remark(
        "disk",
        state,
        f"{free // MIB:,} MiB are free".replace(",", " "),
        "make room" if state is not Severity.OK else None,
    )


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def of_dagster(settings: Settings) -> Iterator[Remark]:
    """Dagster's own history, and whether its daemon runs: without it nothing starts by itself."""
    home = settings.dagster
    if not (home / "dagster.yaml").exists():
        yield Remark(
            "Dagster", Severity.WARNING, f"{home} has no instance yet", "`ratingo serve` or `ratingo dev` makes it"
        )
        return
    if damage := damage_of_history(home):
        yield Remark("Dagster", Severity.WARNING, damage)
        return
    yield Remark("Dagster", Severity.OK, f"the instance in {home} can be read")
    # Loading Dagster takes a second, which who has no instance is spared.
    from ratingo_pipelines.dagster_instance.heartbeats import heartbeat_ages_in, silent

    if silent(heartbeat_ages_in(home)):
        said = "it gives no sign of life: nothing starts by itself"
        yield Remark("daemon", Severity.WARNING, said, "run `ratingo serve`, or `ratingo dev`")
    else:
        yield Remark("daemon", Severity.OK, "it lives: schedules and sensors start runs")


def of_door(settings: Settings) -> Iterator[Remark]:
    """What `ratingo serve`, if it runs here, says of its parts, the code server among them."""
    base = settings.gateway_url
    if settings.cron_secret is None:
        yield Remark(
            "door", Severity.WARNING, "CRON_SECRET is not set: `ratingo serve` does not start", "see .env.example"
        )
        return
    headers = {"Authorization": f"Bearer {settings.cron_secret.get_secret_value()}"}
    try:
        answer = requests.get(f"{base}/readyz", headers=headers, timeout=DOOR_SECONDS, allow_redirects=False)
        report = answer.json()
    except (requests.RequestException, ValueError):
        yield Remark(
            "door", Severity.WARNING, f"`ratingo serve` does not answer at {base}", "start it, if it is to run here"
        )
        return
    parts = {name: part for name, part in report.items() if isinstance(part, dict) and "ok" in part}
    bad = {name: part.get("error", "") for name, part in parts.items() if not part["ok"]}
    if not parts:
        yield Remark(
            "door",
            Severity.WARNING,
            f"{base}/readyz answers {answer.status_code}, not as `ratingo serve` of this secret does",
        )
    elif bad:
        named = "; ".join(f"{name}: {error}" if error else name for name, error in bad.items())
        yield Remark("door", Severity.WARNING, f"`ratingo serve` runs at {base}, without {named}")
    else:
        yield Remark("door", Severity.OK, f"`ratingo serve` runs at {base}, with all its parts")
