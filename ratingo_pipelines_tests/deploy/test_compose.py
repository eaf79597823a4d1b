"""The files of deploy/compose, without a Docker engine: read by Docker's own tools, and the image's steps run by hand.

The tools come with `make test-deploy`, in an environment of their own.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ratingo_pipelines.settings import Settings

pytestmark = pytest.mark.deploy
ROOT = Path(__file__).parent.parent.parent
COMPOSE = ROOT / "deploy" / "compose"
FILE = COMPOSE / "docker-compose.yml"
TOOLS = ROOT / ".venv" / "deploy-tools"
INTO = "/opt/ratingo"


def tool(pattern: str) -> str:
    """A program of the tools. The package's own `docker-compose` hides the exit code of the real one."""
    found = sorted(TOOLS.glob(pattern))
    if not found:
        pytest.skip(f"{pattern} is not in {TOOLS}: make test-deploy installs it")
    return str(found[0])


def test_docker_compose_takes_the_file_with_and_without_the_proxy_and_says_which_variable_is_missing(
    tmp_path: Path,
) -> None:
    program = tool("lib/*/site-packages/compose/docker-compose")
    folder = tmp_path / "deploy" / "compose"
    shutil.copytree(COMPOSE, folder)
    (folder / ".env").write_text((folder / "env.example").read_text())
    given = {"PATH": os.environ["PATH"], "POSTGRES_PASSWORD": "secret"}

    def config(environment: dict[str, str], *profile: str) -> subprocess.CompletedProcess[str]:
        command = [program, "--file", str(folder / FILE.name), *profile, "config"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    plain, with_proxy = config(given), config(given, "--profile", "tls")
    assert (plain.returncode, with_proxy.returncode) == (0, 0), plain.stderr + with_proxy.stderr
    assert set(yaml.safe_load(plain.stdout)["services"]) == {"postgres", "upgrade", "ratingo"}
    assert set(yaml.safe_load(with_proxy.stdout)["services"]) == {"postgres", "upgrade", "ratingo", "caddy"}
    refused = config({"PATH": os.environ["PATH"]})
    assert refused.returncode != 0
    assert "POSTGRES_PASSWORD" in refused.stderr


def test_the_file_is_as_the_compose_specification_has_it() -> None:
    subprocess.run([tool("bin/check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)], check=True)


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [tool("bin/hadolint"), str(COMPOSE / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_variables_of_the_example_are_settings_or_named_in_the_file() -> None:
    names = re.findall(r"^#?([A-Z_]+)=", (COMPOSE / "env.example").read_text(), re.MULTILINE)
    known = {name.upper() for name in Settings.model_fields}
    assert len(names) > 5
    assert [name for name in names if name not in known and f"${{{name}" not in FILE.read_text()] == []


def test_the_image_s_lock_has_the_versions_of_the_checkout_s() -> None:
    pinned = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)
    image, checkout = (
        dict(pinned.findall(path.read_text())) for path in (COMPOSE / "requirements.lock", ROOT / "requirements.lock")
    )
    assert len(image) > 50
    assert {name: version for name, version in image.items() if checkout.get(name) != version} == {}
    assert "pytest" not in image


def test_the_steps_of_the_image_make_a_ratingo_that_runs(tmp_path: Path) -> None:
    steps = re.findall(r"^RUN (/opt/ratingo/bin/pip .*)$", (COMPOSE / "Dockerfile").read_text(), re.MULTILINE)
    assert len(steps) == 2
    copied = re.findall(r"^COPY ((?!--).*) (\S+)$", (COMPOSE / "Dockerfile").read_text(), re.MULTILINE)
    source, into = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    for names, _ in copied:
        for name in names.split():
            # As COPY does: what is named, by its last name.
            subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(into)], check=True)
    for step in steps:
        command = step.replace(INTO, str(into)).split()
        subprocess.run([*command, "--quiet", "--disable-pip-version-check"], cwd=source, check=True)
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RATINGO_HOME": str(tmp_path / "home")}
    upgraded = subprocess.run(
        [str(into / "bin" / "ratingo"), "db", "upgrade"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert upgraded.returncode == 0, upgraded.stderr
    assert (tmp_path / "home" / "ratingo.db").exists()
