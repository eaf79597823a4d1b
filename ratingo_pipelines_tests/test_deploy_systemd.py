"""The units of deploy/systemd, held by systemd's own tools; skipped where there are none."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parent.parent / "deploy" / "systemd" / "ratingo.service"
MOST_EXPOSED = 2.0

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_has_nothing_to_say_of_the_unit(tmp_path: Path) -> None:
    command = tmp_path / "ratingo"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/ratingo/venv/bin/ratingo", str(command)))

    said = analyze("verify", str(unit))

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_a_key_that_systemd_does_not_know_is_said(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("PrivateTmp=", "PrivateTemp="))

    assert "PrivateTemp" in analyze("verify", str(unit)).stderr


def test_the_unit_exposes_little_of_the_machine() -> None:
    said = analyze("security", "--offline=yes", "--no-pager", str(UNIT))

    overall = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
    assert overall, said.stderr
    assert float(overall[1]) <= MOST_EXPOSED
