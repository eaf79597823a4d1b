"""The routes under `/api`, and the two that tell whether the gateway works: parameters in, JSON out."""

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ratingo_pipelines.defs.partitions import LARGEST_ID
from ratingo_pipelines.gateway.api import openapi, parameters
from ratingo_pipelines.gateway.api.answers import ApiResponse, Refused, failure
from ratingo_pipelines.gateway.api.catalogue import ENDPOINTS, HEALTH, READY, RUN, Endpoint
from ratingo_pipelines.gateway.api.health import Health
from ratingo_pipelines.gateway.api.models import CycleJob, JobStats, RunAnswer, StatusAnswer, TaskCounts
from ratingo_pipelines.gateway.api.progress import Progress, listed, stamp
from ratingo_pipelines.gateway.api.runs import Runs
from ratingo_pipelines.gateway.api.triggers import Triggers
from ratingo_pipelines.gateway.api.waiting import Deadline
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.engine import StorageError

ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
UNAVAILABLE = 503

Handler = Callable[[Request], Awaitable[Response]]

log = logging.getLogger("ratingo.gateway")


class Api:
    """The endpoints, over what they are made of."""

    def __init__(
        self, runs: Runs, triggers: Triggers, progress: Progress, health: Health, is_stopping: Callable[[], bool]
    ) -> None:
        self._runs = runs
        self._triggers = triggers
        self._progress = progress
        self._health = health
        self._is_stopping = is_stopping

    def routes(self) -> list[BaseRoute]:
        """All routes; what else is asked for under `/api` is not there."""
        return [
            *(route_of(endpoint, self._handler(endpoint)) for endpoint in ENDPOINTS),
            route_of(RUN, self.run),
            route_of(READY, self.ready),
            route_of(HEALTH, self.up),
            Route(openapi.PAGE, openapi.page, methods=["GET"]),
            Route(openapi.DOCUMENT, openapi.document, methods=["GET"]),
            Route("/api", _unknown, methods=ANY_METHOD),
            Route("/api/{rest:path}", _unknown, methods=ANY_METHOD),
        ]

    def _handler(self, endpoint: Endpoint) -> Handler:
        async def handle(request: Request) -> Response:
            given = parameters.read(request.query_params, endpoint.parameters)
            if endpoint.job is None:
                return await self.status(endpoint)
            deadline = Deadline(given["wait"], request.is_disconnected, self._is_stopping)
            if endpoint.of_title:
                tmdb_id = _tmdb_id(request.path_params["tmdb_id"])
                return await self._triggers.fetch(endpoint.medium, tmdb_id, endpoint.path, deadline)
            if parameters.LIMIT in endpoint.parameters:
                return await self._triggers.process(endpoint.medium, given["limit"], endpoint.path, deadline)
            return await self._triggers.run(endpoint.job, endpoint.path, deadline)

        return handle

    async def status(self, endpoint: Endpoint) -> Response:
        """How far the latest cycle is."""
        cycle, counts, changed_at, failures = await run_in_threadpool(self._progress.status, endpoint.medium)
        waits = cycle is not None and counts.pending and not counts.processing
        stop = await self._triggers.stopped(cycle.id) if cycle is not None and waits else None
        answer = status_answer(cycle, counts, changed_at, stop.reason if stop else None)
        if failures:
            answer = answer.model_copy(update={"errors": listed(failures)})
        return ApiResponse(answer.as_json())

    async def run(self, request: Request) -> Response:
        """A run, and its answer once it is over."""
        parameters.read(request.query_params, ())
        run = await self._runs.get(request.path_params["id"])
        if run is None:
            raise Refused(404, "there is no run with this id")
        answer = (await self._triggers.report(run) if run.ended else None) or {"success": True}
        known = {"complete": run.ended, "runId": run.id, "job": run.job, "status": run.status}
        return ApiResponse(RunAnswer.model_validate(answer | known).as_json())

    async def ready(self, request: Request) -> Response:
        """Whether all parts work; asked strictly, also whether what is served is up to date."""
        given = parameters.read(request.query_params, READY.parameters)
        state = await run_in_threadpool(self._health.look, bool(given["strict"]))
        return ApiResponse(state, 200 if state["ready"] else UNAVAILABLE)

    async def up(self, _: Request) -> Response:
        """Only that somebody answers."""
        return ApiResponse({"status": "up"})


async def refused(_: Request, error: Exception) -> Response:
    """The answer to what was wrongly asked."""
    assert isinstance(error, Refused)  # noqa: S101 - registered for this type
    return failure(error.status, str(error), error.headers)


async def not_usable(_: Request, error: Exception) -> Response:
    """The answer while the database cannot be used."""
    log.error("%s", error)
    return failure(UNAVAILABLE, str(error))


async def http_error(_: Request, error: Exception) -> Response:
    """Starlette's own refusals, such as a wrong method, in JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type
    return failure(error.status_code, error.detail.lower(), error.headers)


async def broken(_: Request, __: Exception) -> Response:
    """The answer where this program is wrong; Starlette raises the error on, and the server logs it."""
    return failure(500, "internal error; the server's log says more")


ERRORS = {Refused: refused, StorageError: not_usable, HTTPException: http_error, Exception: broken}


def route_of(endpoint: Endpoint, handler: Handler) -> Route:
    """The route of an endpoint, which refuses other methods itself."""

    async def guarded(request: Request) -> Response:
        if request.method not in endpoint.methods:
            raise Refused(405, f"ask by {' or '.join(endpoint.methods)}", {"Allow": ", ".join(endpoint.methods)})
        return await handler(request)

    # Every method, or what comes after would answer that there is no such endpoint.
    return Route(endpoint.path, guarded, methods=ANY_METHOD)


def _tmdb_id(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 0 < int(text) <= LARGEST_ID:
        raise Refused(404, f"there is no such endpoint, and no such TMDB id; {openapi.PAGE} lists the endpoints")
    return int(text)


async def _unknown(request: Request) -> Response:
    raise Refused(404, f"there is no such endpoint; {openapi.PAGE} lists them")


def status_answer(
    cycle: Cycle | None, counts: Counts, changed_at: datetime | None, stopped: str | None
) -> StatusAnswer:
    """How far the latest cycle is.

    Titles that wait because their last run was `stopped` count as errors: who asks until none is pending shall end.
    """
    pending, error = (0, counts.error + counts.pending) if stopped else (counts.pending, counts.error)
    tasks = TaskCounts(total=counts.total, pending=pending, processing=counts.processing, done=counts.done, error=error)
    if cycle is None:
        return StatusAnswer(success=True, job=None, tasks=tasks)
    job = CycleJob(
        id=cycle.id,
        status="error" if stopped else _standing(counts),
        stats=JobStats(
            listed=cycle.listed,
            eligible=cycle.listed - counts.skipped,
            skipped=counts.skipped,
            max_watchers=cycle.max_watchers,
        ),
        created_at=stamp(cycle.cycle_at),
        updated_at=stamp(max(changed_at, cycle.cycle_at) if changed_at else cycle.cycle_at),
        **({"error": stopped} if stopped else {}),
    )
    return StatusAnswer(success=True, job=job, tasks=tasks)


def _standing(counts: Counts) -> Literal["processing", "pending", "done"]:
    if counts.processing:
        return "processing"
    return "pending" if counts.pending else "done"
