"""The files of deploy/celery: loaded by Dagster, and with a real broker and a real worker that is killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from ratingo_pipelines.dagster_instance.internals import WorkerStatus

pytestmark = pytest.mark.deploy
DEPLOY = Path(__file__).parent.parent.parent / "deploy"
TASK_TAG = "dagster-celery/task_id"
PATIENCE = 60


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as redis:
        url = f"redis://127.0.0.1:{port}/0"
        monkeypatch.setenv("CELERY_BROKER", url)
        monkeypatch.setenv("CELERY_BACKEND", url)
        yield
        redis.terminate()


@pytest.fixture
def instance(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dg.DagsterInstance]:
    """The launcher as the file has it; SQLite in place of PostgreSQL."""
    request.getfixturevalue("broker")
    settings = yaml.safe_load((DEPLOY / "celery" / "dagster.yaml").read_text())
    del settings["storage"]
    home = tmp_path / "instance"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


def test_the_instance_differs_from_that_of_one_machine_only_in_how_runs_are_done() -> None:
    one, several = (
        yaml.safe_load(path.read_text()) for path in (DEPLOY / "dagster.yaml", DEPLOY / "celery/dagster.yaml")
    )

    assert {key for key in one.keys() | several.keys() if one.get(key) != several.get(key)} == {
        "run_launcher",
        "compute_logs",
        "run_monitoring",
    }
    assert several["run_monitoring"] == {**one["run_monitoring"], "poll_interval_seconds": 5}


def test_a_worker_that_is_killed_is_noticed_and_one_that_lives_is_not_taken_for_dead(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    launcher: Any = instance.run_launcher
    assert type(launcher).__name__ == "WatchfulCeleryRunLauncher"
    task = launcher.celery.signature("celery.ping")
    worker = _worker(tmp_path)
    try:
        until = time.monotonic() + PATIENCE
        while not launcher.celery.control.ping(timeout=1):
            assert time.monotonic() < until, (tmp_path / "worker.log").read_text()
        [name] = launcher.celery.control.ping(timeout=1)[0]
        sent = task.id or "a-task-under-way"
        launcher.celery.backend.store_result(sent, {"hostname": name, "pid": worker.pid}, "STARTED")
        run = instance.create_run_for_job(_job, tags={TASK_TAG: sent}, status=dg.DagsterRunStatus.STARTED)

        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        health = launcher.check_run_worker_health(run)
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    assert (health.status, health.msg) == (WorkerStatus.FAILED, f"the Celery worker {name} does not answer any more")


def test_a_run_that_is_cancelled_is_said_to_be_so_before_its_task_ends(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(_job, tags={TASK_TAG: "a-task"}, status=dg.DagsterRunStatus.STARTED)

    assert instance.run_launcher.terminate(run.run_id)

    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELING  # type: ignore[union-attr]


@dg.job
def _job() -> None:
    """Nothing: the runs of these tests are under way, and never done."""


def _worker(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "celery", "--app", "ratingo_pipelines.dagster_instance.celery_worker", "worker"]
    options = ["--queues", "dagster", "--concurrency", "1", "--hostname", "ratingo@here"]
    with (folder / "worker.log").open("wb") as log:
        return subprocess.Popen([*command, *options], stdout=log, stderr=log, start_new_session=True)
