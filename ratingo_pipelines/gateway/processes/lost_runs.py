"""Runs whose workers are gone: Dagster counts them as started, and they hold their pool, until somebody says otherwise.

Dagster itself finds out only through the code server that began them (`DefaultRunLauncher.check_run_worker_health`),
and that one is gone as well when everything was killed at once.
"""

import json

import dagster as dg
import psutil
from sqlalchemy.exc import DatabaseError

BEGUN = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
GRPC_INFO = ".dagster/grpc_info"
"""Dagster's tag for where a run was launched (`GRPC_INFO_TAG` of `dagster._core.storage.tags`)."""
REASON = "its worker is gone; what was done is kept, the rest is done by the next run"


def end_lost_runs(instance: dg.DagsterInstance, socket: str) -> list[str]:
    """End the runs that a code server on this socket began and whose workers no longer live; their ids.

    One that somebody was cancelling is cancelled, so that nobody starts it again.
    """
    lost = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=BEGUN))
        if json.loads(run.tags.get(GRPC_INFO, "{}")).get("socket") == socket and not _has_worker(instance, run.run_id)
    ]
    for run in lost:
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, REASON)
        else:
            instance.report_run_failed(run, REASON)
    return [run.run_id for run in lost]


def _has_worker(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the process that announced itself as the run's worker lives.

    It says its number first of all (`dagster._cli.api`, "Started process for run").
    """
    try:
        said = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    except DatabaseError:
        # Its log is damaged, and nobody can go on writing to it: `SqliteEventLog` begins another.
        return False
    for record in said:
        event = record.event_log_entry
        pid = event.get_dagster_event().engine_event_data.metadata.get("pid")
        if pid is not None and _lived_at(int(str(pid.value)), event.timestamp):
            return True
    return False


def _lived_at(pid: int, moment: float) -> bool:
    """Whether the process still lives that had this number then; numbers are given again."""
    try:
        process = psutil.Process(pid)
        return process.create_time() <= moment and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
