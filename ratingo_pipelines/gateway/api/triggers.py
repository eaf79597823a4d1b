"""Starts an operation, or joins the run that is at it, and waits for its answer."""

from asyncio import Lock
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool

from ratingo_pipelines.dagster_instance.attribution import LAUNCHED_BY
from ratingo_pipelines.defs.runs import CycleStop
from ratingo_pipelines.gateway.api.answers import ApiResponse
from ratingo_pipelines.gateway.api.catalogue import root_of
from ratingo_pipelines.gateway.api.models import OperationAnswer
from ratingo_pipelines.gateway.api.operations import (
    OPERATIONS,
    Operation,
    RunFacts,
    processed,
    title_config,
    title_job,
    title_of,
)
from ratingo_pipelines.gateway.api.progress import Ended, Progress, Waiting, listed
from ratingo_pipelines.gateway.api.runs import NotLaunched, Run, Runs
from ratingo_pipelines.gateway.api.waiting import Deadline
from ratingo_pipelines.gateway.auth.principals import CALLER
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sync.context import utc_now

ORIGIN = "ratingo/origin"
ENDPOINT = "ratingo/endpoint"
SLACK = timedelta(seconds=1)
"""Of two clocks: Dagster's run worker writes to its instance and to the database."""


class Triggers:
    """What the endpoints that start something do. One launch of a job at a time: a call that overlaps joins."""

    def __init__(self, runs: Runs, progress: Progress, retry_delay: timedelta) -> None:
        """`retry_delay`: what was stopped for a reason that no title is to blame for is not tried again before."""
        self._runs = runs
        self._progress = progress
        self._retry_delay = retry_delay
        self._launching: defaultdict[str, Lock] = defaultdict(Lock)

    async def run(self, job: str, path: str, deadline: Deadline) -> ApiResponse:
        """Run an operation's job, or join the run that is at it, and answer with its result."""
        try:
            async with self._launching[job]:
                working = await self._runs.active_runs([job])
                run_id = working[0].id if working else await self._launch(job, {}, path)
        except NotLaunched as error:
            return _not_launched(error)
        return await self._followed(run_id, deadline)

    async def fetch(self, medium: Medium, tmdb_id: int, path: str, deadline: Deadline) -> ApiResponse:
        """Fetch one title, or join the run that is at it, and answer with its result."""
        try:
            run_id = await self.fetch_title(medium, tmdb_id, path)
        except NotLaunched as error:
            return _not_launched(error)
        return await self._followed(run_id, deadline)

    async def fetch_title(self, medium: Medium, tmdb_id: int, path: str) -> str:
        """Have one title fetched; the id of the run that does it. Raises NotLaunched."""
        job, config = title_job(medium), title_config(medium, tmdb_id)
        async with self._launching[f"{job}:{tmdb_id}"]:
            working = [run for run in await self._runs.active_runs([job]) if run.config == config]
            return working[0].id if working else await self._launch(job, config, path)

    async def process(self, medium: Medium, limit: int, path: str, deadline: Deadline) -> ApiResponse:
        """Have up to `limit` more titles of the latest cycle end, whoever works on them."""
        job = f"{medium}_sync"
        try:
            async with self._launching[job]:
                waiting = await run_in_threadpool(self._progress.waiting, medium)
                if waiting is None or not waiting.tmdb_ids:
                    return ApiResponse(processed(0, 0, 0).as_json())
                working = await self._working_on_cycle(medium)
                launched = None
                if working is None and (stop := await self.stopped(waiting.cycle.id)):
                    return ApiResponse(OperationAnswer(success=False, run_id=stop.run_id, error=stop.reason).as_json())
                if working is None and await self._is_free(waiting):
                    config = {"ops": {f"{medium}_sync_titles": {"config": {"limit": limit}}}}
                    launched = await self._launch(job, config, path)
        except NotLaunched as error:
            return _not_launched(error)
        if launched is not None:
            return await self._followed(launched, deadline)
        return await self._watched(medium, waiting, limit, working, deadline)

    async def report(self, run: Run) -> dict[str, Any] | None:
        """The answer of a run that ended, if it is one of the operations'."""
        operation = OPERATIONS.get(run.job)
        return None if operation is None else operation.answer(await self._facts(operation, run))

    async def stopped(self, cycle_id: int) -> CycleStop | None:
        """What stopped the cycle's last run, while it is not to be tried again."""
        stop = await self._runs.stop_of(cycle_id)
        return stop if stop is not None and utc_now() < stop.at + self._retry_delay else None

    async def _launch(self, job: str, config: Mapping[str, Any], path: str) -> str:
        caller = CALLER.get()
        launched_by = {LAUNCHED_BY: str(caller)} if caller is not None else {}
        return await self._runs.launch(job, config, {ORIGIN: "gateway", ENDPOINT: path, **launched_by})

    async def _followed(self, run_id: str, deadline: Deadline) -> ApiResponse:
        async def look() -> Run | None:
            run = await self._runs.get(run_id)
            return run if run is not None and run.ended else None

        run = await deadline.until(look)
        answer = await self.report(run) if run is not None else None
        return _incomplete(_run_url(run_id), run_id) if answer is None else ApiResponse(answer)

    async def _facts(self, operation: Operation, run: Run) -> RunFacts:
        report = await self._runs.report(run, operation.reports)
        failures = []
        if run.started_at is not None and run.ended_at is not None:
            window = (run.started_at - SLACK, run.ended_at + SLACK)
            failures = await run_in_threadpool(self._progress.failed_between, operation.medium, *window)
        title = None
        if (tmdb_id := title_of(run)) is not None:
            title = await run_in_threadpool(self._progress.title, operation.medium, tmdb_id)
        facts = RunFacts(run, report, tuple(failures), title=title)
        return facts if operation.done(facts) else replace(facts, reason=await self._runs.why_failed(run))

    async def _working_on_cycle(self, medium: Medium) -> Run | None:
        """The run that works off the cycle's titles, as the sensor launches it; not one that was given ids."""
        op = f"{medium}_sync_titles"
        for run in await self._runs.active_runs([f"{medium}_sync", f"{medium}_full_sync"]):
            if not run.config.get("ops", {}).get(op, {}).get("config", {}).get("ids"):
                return run
        return None

    async def _is_free(self, waiting: Waiting) -> bool:
        """Whether some title is nobody's: claimed by none, or by a run that is over."""
        dead = await self._runs.over(waiting.holders.keys())
        return len(waiting.tmdb_ids) > sum(count for run_id, count in waiting.holders.items() if run_id not in dead)

    async def _watched(
        self, medium: Medium, waiting: Waiting, limit: int, run: Run | None, deadline: Deadline
    ) -> ApiResponse:
        """Wait while another works: for `limit` titles to end, all of them, or the worker."""
        enough = min(limit, len(waiting.tmdb_ids))

        async def look() -> Ended | None:
            # Asked before the titles are counted, so that none that ended meanwhile is missed.
            over = run is not None and ((latest := await self._runs.get(run.id)) is None or latest.ended)
            ended = await run_in_threadpool(self._progress.ended, waiting)
            return ended if over or ended.left == 0 or ended.total >= enough else None

        ended = await deadline.until(look)
        if ended is None:
            if run is None:
                return _incomplete(f"{root_of(medium)}/trending/status", None)
            return _incomplete(_run_url(run.id), run.id)
        order = [*sorted((*ended.done, *ended.failed, *ended.skipped), key=waiting.tmdb_ids.index)][:limit]
        failed = [tmdb_id for tmdb_id in order if tmdb_id in ended.failed]
        skipped = [tmdb_id for tmdb_id in order if tmdb_id in ended.skipped]
        counts = processed(len(order) - len(failed) - len(skipped), len(failed), len(skipped))
        failures = await run_in_threadpool(self._progress.failures_of, medium, failed) if failed else []
        said: dict[str, Any] = {"run_id": run.id} if run else {}
        if run is not None and not order and (why := await self._ended_in_vain(run)):
            return ApiResponse(OperationAnswer(success=False, error=why, **said).as_json())
        if failures:
            said["errors"] = listed(failures)
        return ApiResponse(counts.model_copy(update=said).as_json())

    async def _ended_in_vain(self, run: Run) -> str | None:
        """Why the run that was joined could not do its operation; None if it could."""
        latest = await self._runs.get(run.id)
        if latest is None or not latest.ended:
            return None
        answer = await self.report(latest)
        return None if answer is None or answer["success"] else str(answer["error"])


def _run_url(run_id: str) -> str:
    return f"/api/sync/runs/{run_id}"


def _incomplete(status_url: str, run_id: str | None) -> ApiResponse:
    """Not over yet: where to ask again."""
    answer = OperationAnswer(success=True, complete=False, run_id=run_id, status_url=status_url)
    return ApiResponse(answer.as_json(), 202, {"Location": status_url})


def _not_launched(error: NotLaunched) -> ApiResponse:
    """With 200: `curl --retry` repeats a 5xx, and an operation that cannot run is not to be started again and again."""
    return ApiResponse(OperationAnswer(success=False, error=f"Dagster did not take the run: {error}").as_json())
