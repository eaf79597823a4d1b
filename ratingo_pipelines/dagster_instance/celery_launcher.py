"""Dagster's launcher of runs as Celery tasks, which notices workers that died and cancels for good.

`deploy/celery/dagster.yaml` names it, and nothing else imports it: it needs the extra `ratingo-pipelines[celery]`. What
the workers themselves run is in `celery_worker`.

Dagster's own (`dagster_celery.launcher`) believes what Celery last stored of a task. A task whose worker is killed
stays STARTED there, so that the run would be thought alive until its `max_runtime_seconds`.
"""

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from ratingo_pipelines.dagster_instance.internals import CheckRunHealthResult, WorkerStatus

PING_SECONDS = 3.0
PINGS = 2
"""A worker answers in milliseconds, also while it does a run: a process beside the one that answers does it
(https://docs.celeryq.dev/en/stable/userguide/workers.html). One answer may be lost with a connection."""


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """Asks a started run's worker whether it is there, and says that a run is being cancelled before it is ended."""

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """What Celery stored of the run's task; of one that is said to be running, whether its worker answers."""
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            # The daemon died between sending the task and noting which it is.
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, "it is not known which Celery task the run became")
        health: CheckRunHealthResult = super().check_run_worker_health(run)
        if health.status is not WorkerStatus.RUNNING:
            return health
        told = self.celery.AsyncResult(run.tags[DAGSTER_CELERY_TASK_ID_TAG]).info
        # The task may have ended meanwhile: then this is its result, and the next look sees how it ended.
        worker = told.get("hostname") if isinstance(told, dict) else None
        if worker is None or self._answers(worker):
            return health
        return CheckRunHealthResult(WorkerStatus.FAILED, f"the Celery worker {worker} does not answer any more")

    def terminate(self, run_id: str) -> bool:
        """End the run's task. The run is said to be canceling first: else it would fail, and be done again."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        self._instance.report_run_canceling(run)
        return bool(super().terminate(run_id))

    def _answers(self, worker: str) -> bool:
        return any(self.celery.control.ping(destination=[worker], timeout=PING_SECONDS) for _ in range(PINGS))
