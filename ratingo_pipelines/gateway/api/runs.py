"""Launches and follows Dagster's runs, in this process: through the GraphQL of the very application it wraps, and
through its instance. What a run's numbers mean is `operations`'.
"""

import json
from asyncio import sleep
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message

from ratingo_pipelines.defs import run_report
from ratingo_pipelines.defs.run_report import RunReport
from ratingo_pipelines.defs.runs import CycleStop, ended_at, over, reason_of, stop_of_cycle
from ratingo_pipelines.sources.scrub import one_line

LOCATION, REPOSITORY = "ratingo_pipelines", "__repository__"
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
LAUNCH_TRIES, SECONDS_BETWEEN_TRIES = 20, 1.0
"""A code server that was restarted is back within seconds."""
CLOCK_SLACK = 1.0

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { className }
    ... on Error { message }
  }
}
"""


class NotLaunched(Exception):
    """Dagster did not take the run; one line that says why."""


@dataclass(frozen=True)
class Run:
    """A run as far as the gateway needs to know it. Times are UTC."""

    id: str
    job: str
    status: str
    config: Mapping[str, Any]
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether it succeeded, failed or was canceled."""
        return self.ended_at is not None

    @property
    def canceled(self) -> bool:
        """Whether a person ended it."""
        return self.status == dg.DagsterRunStatus.CANCELED.value


class Runs:
    """The runs of one Dagster instance."""

    def __init__(self, dagster_app: ASGIApp, instance: dg.DagsterInstance) -> None:
        self._app = dagster_app
        self._instance = instance

    async def launch(self, job: str, config: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Put a run of the job into the queue; its id. Raises NotLaunched."""
        selector = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, "jobName": job}
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "runConfigData": dict(config), "executionMetadata": metadata}
        for _ in range(LAUNCH_TRIES):
            result = (await graphql(self._app, _LAUNCH, {"params": params}))["launchRun"]
            if result["__typename"] == "LaunchRunSuccess":
                return str(result["run"]["runId"])
            if not _is_away(result):
                break
            await sleep(SECONDS_BETWEEN_TRIES)
        raise NotLaunched(_reason(result))

    async def active_runs(self, jobs: Collection[str]) -> list[Run]:
        """Runs of these jobs that are queued or at work, the oldest first."""
        return await run_in_threadpool(self._in_flight, jobs)

    async def get(self, run_id: str) -> Run | None:
        """The run, if there is one."""
        return await run_in_threadpool(self._get, run_id)

    def latest(self, number: int) -> list[Run]:
        """The newest runs, the last one first. For threads: it asks Dagster's storage."""
        return [_run(record) for record in self._instance.get_run_records(limit=number)]

    async def report(self, run: Run, keys: Collection[dg.AssetKey]) -> RunReport:
        """What the run reported with the materializations of these assets."""
        return run_report.read(await run_in_threadpool(self._recorded, run, keys))

    async def stop_of(self, cycle_id: int) -> CycleStop | None:
        """Why the cycle's last run could not go on, where it is not its titles that failed."""
        return await run_in_threadpool(stop_of_cycle, self._instance, cycle_id)

    async def over(self, run_ids: Collection[str]) -> set[str]:
        """Those of the runs that are over; the command line's are not known here."""
        return await run_in_threadpool(over, self._instance, run_ids)

    async def why_failed(self, run: Run) -> str:
        """One line on why a run ended before its time."""
        if run.canceled:
            return "the run was canceled"
        record = await run_in_threadpool(self._instance.get_run_by_id, run.id)
        return one_line((await run_in_threadpool(reason_of, self._instance, record)).text) if record else "it is gone"

    def _in_flight(self, jobs: Collection[str]) -> list[Run]:
        found = [
            record
            for job in jobs
            for record in self._instance.get_run_records(dg.RunsFilter(job_name=job, statuses=IN_FLIGHT))
        ]
        return [_run(record) for record in sorted(found, key=lambda record: record.storage_id)]

    def _get(self, run_id: str) -> Run | None:
        records = self._instance.get_run_records(dg.RunsFilter(run_ids=[run_id]), limit=1)
        return _run(records[0]) if records else None

    def _recorded(self, run: Run, keys: Collection[dg.AssetKey]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if run.started_at is None:
            return found
        for key in keys:
            window = dg.AssetRecordsFilter(
                asset_key=key,
                after_timestamp=run.started_at.timestamp() - CLOCK_SLACK,
                before_timestamp=run.ended_at.timestamp() + CLOCK_SLACK if run.ended_at else None,
            )
            for record in self._instance.fetch_materializations(window, limit=20).records:
                if record.run_id == run.id and record.asset_materialization is not None:
                    metadata = record.asset_materialization.metadata
                    found.append({name: value.value for name, value in metadata.items()})
                    break
        return found


async def graphql(app: ASGIApp, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Ask Dagster's webserver, without a network in between; the answer's `data`. Raises NotLaunched for errors."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    answered: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answered.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": None,
        "server": None,
    }
    await app(scope, receive, send)
    payload: dict[str, Any] = json.loads(b"".join(answered))
    if payload.get("data") is None:
        raise NotLaunched(one_line("; ".join(error["message"] for error in payload.get("errors", []))))
    data: dict[str, Any] = payload["data"]
    return data


def _run(record: dg.RunRecord) -> Run:
    run = record.dagster_run
    return Run(
        id=run.run_id,
        job=run.job_name,
        status=run.status.value,
        config=run.run_config,
        started_at=_moment(record.start_time),
        ended_at=ended_at(record) if run.is_finished else None,
    )


def _moment(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


def _is_away(result: Mapping[str, Any]) -> bool:
    """Whether the code location is what is missing, not the job or a right configuration."""
    away = result.get("className") == "DagsterUserCodeUnreachableError"
    return away or result["__typename"] == "PipelineNotFoundError"


def _reason(result: Mapping[str, Any]) -> str:
    errors = [error["message"] for error in result.get("errors", [])] or [result.get("message", "")]
    return one_line(f"{result['__typename']}: {'; '.join(errors)}")
