"""Dagster's own commands, as the README gives them, on the instance that `ratingo` prepared."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from ratingo_pipelines.home import prepare_dagster_home
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import load_settings
from ratingo_pipelines_tests.gateway.documents import ROOT, commands
from ratingo_pipelines_tests.installation import environment, variables

pytestmark = pytest.mark.long

BIN = Path(sys.executable).parent
DOCUMENTED = "1396"
"""The title that the README names; the sandbox has others."""


@pytest.fixture
def env(tmp_path: Path, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An installation whose Dagster home is made, and named as the README says."""
    given = variables(sandbox, tmp_path / "home", TRENDING_LIMIT=3)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    home = prepare_dagster_home(load_settings())
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    return environment(**given, DAGSTER_HOME=str(home)) | {"PATH": path}


def test_the_readmes_commands_of_dagster_work_one_after_the_other(env: dict[str, str], sandbox: RunningSandbox) -> None:
    [first, *_] = [str(entry["tmdb"]) for entry in sandbox.truth(SHOWS, 3) if entry["skip"] is None]
    [block] = [command for command in commands(ROOT / "README.md") if "dg check defs" in command.text]
    lines = [line for line in block.text.splitlines() if not line.startswith("export ")]
    assert f"--partition {DOCUMENTED}" in block.text

    for line in lines:
        ended = subprocess.run(
            ["bash", "-c", line.replace(DOCUMENTED, first)],
            cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, (line, ended.stdout[-3000:], ended.stderr[-3000:])

    with dg.DagsterInstance.from_config(env["DAGSTER_HOME"]) as instance:
        assert first in instance.get_dynamic_partitions(SHOWS.plural)
        assert instance.get_materialized_partitions(dg.AssetKey(["shows", "details"])) == {first}
        # The queue has it: the daemon of `ratingo dev` or `serve` starts it.
        [queued] = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    assert (queued.job_name, queued.tags["dagster/partition"]) == ("shows_retry", first)
