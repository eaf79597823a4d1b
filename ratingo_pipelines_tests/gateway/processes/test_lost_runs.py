"""Runs whose workers are gone are ended at the start of `ratingo serve`; all others are left alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus as RunStatus
from dagster._core.events import EngineEventData

from ratingo_pipelines.dagster_instance.sqlite import SqliteEventLog
from ratingo_pipelines.gateway.processes.lost_runs import GRPC_INFO, REASON, end_lost_runs
from ratingo_pipelines.home import shipped

SOCKET = "/home/ratingo/code-server.sock"


@dg.job
def syncs() -> None:
    """A job of which nothing runs here."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """The project's embedded one."""
    shutil.copyfile(shipped("dagster.yaml"), tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def begun(
    instance: dg.DagsterInstance, status: RunStatus = RunStatus.STARTED, pid: int | None = None, socket: str = SOCKET
) -> str:
    """A run that a code server began; a worker of this number has announced itself."""
    tags = {GRPC_INFO: json.dumps({"host": "localhost", "socket": socket})}
    run = instance.create_run_for_job(syncs, tags=tags, status=status)
    if pid is not None:
        said = EngineEventData({"pid": dg.MetadataValue.text(str(pid))})
        instance.report_engine_event("Started process for run.", run, said)
    return run.run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> RunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def pid_of_the_dead() -> int:
    """The number of a process that has ended."""
    said = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(said.stdout)


@pytest.mark.parametrize("status", [RunStatus.STARTING, RunStatus.STARTED])
def test_a_run_whose_worker_never_announced_itself_or_is_gone_fails_with_the_reason(
    instance: dg.DagsterInstance, status: RunStatus
) -> None:
    lost = {begun(instance, status), begun(instance, status, pid=pid_of_the_dead())}

    assert set(end_lost_runs(instance, SOCKET)) == lost

    for run_id in lost:
        assert status_of(instance, run_id) is RunStatus.FAILURE
        [end] = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        assert REASON in end.message


def test_a_run_that_was_being_cancelled_is_cancelled(instance: dg.DagsterInstance) -> None:
    run_id = begun(instance, RunStatus.CANCELING)

    assert end_lost_runs(instance, SOCKET) == [run_id]

    assert status_of(instance, run_id) is RunStatus.CANCELED


def test_a_run_whose_worker_lives_goes_on(instance: dg.DagsterInstance) -> None:
    run_id = begun(instance, pid=os.getpid())

    assert end_lost_runs(instance, SOCKET) == []

    assert status_of(instance, run_id) is RunStatus.STARTED


def test_a_number_that_another_process_has_by_now_is_no_worker(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as later:
        run_id = begun(instance, pid=later.pid)
        # As if it had been said before this process was started.
        storage = instance.event_log_storage
        assert isinstance(storage, SqliteEventLog)
        with storage.run_connection(run_id) as conn:
            [[event]] = conn.exec_driver_sql("SELECT event FROM event_logs WHERE event LIKE '%Started process%'")
            said = json.loads(event)
            conn.exec_driver_sql("UPDATE event_logs SET event = ?", (json.dumps({**said, "timestamp": 1.0}),))
        ended = end_lost_runs(instance, SOCKET)
        later.communicate(b"\n")

    assert ended == [run_id]


def test_runs_of_others_and_runs_that_wait_or_are_over_are_left_alone(instance: dg.DagsterInstance) -> None:
    left = {
        begun(instance, socket="/elsewhere.sock"): RunStatus.STARTED,
        begun(instance, RunStatus.NOT_STARTED): RunStatus.NOT_STARTED,
        begun(instance, RunStatus.SUCCESS): RunStatus.SUCCESS,
        instance.create_run_for_job(syncs, status=RunStatus.STARTED).run_id: RunStatus.STARTED,
    }

    assert end_lost_runs(instance, SOCKET) == []

    assert {run_id: status_of(instance, run_id) for run_id in left} == left


def test_a_run_whose_log_is_damaged_ends_too(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    damaged, other = begun(instance, pid=os.getpid()), begun(instance)
    (tmp_path / "history" / "runs" / f"{damaged}.db").write_bytes(b"\xff" * 8192)

    with dg.DagsterInstance.from_config(str(tmp_path)) as started:
        assert set(end_lost_runs(started, SOCKET)) == {damaged, other}
        assert status_of(started, damaged) is RunStatus.FAILURE
