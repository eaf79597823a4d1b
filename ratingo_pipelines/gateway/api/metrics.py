"""The state as Prometheus reads it: https://prometheus.io/docs/instrumenting/exposition_formats/.

All is read when it is asked for: from the database, from Dagster's instance, from the home's files and, of this
process's own requests, from `http_counts`. Nothing is counted here.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from threading import Lock

import dagster as dg
from dagster import DagsterRunStatus as RunStatus
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ratingo_pipelines.dagster_instance.heartbeats import heartbeat_ages
from ratingo_pipelines.gateway.api.health import Health
from ratingo_pipelines.gateway.api.operations import OPERATIONS
from ratingo_pipelines.gateway.http_counts import HttpCounts
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.usage import read_requests
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.status import MediumStatus, SyncStatus, status

PATH = "/metrics"
KEPT_SECONDS = 5.0
"""So long an answer does for the next ones: several who scrape cost what one does."""
PARTS = ("database", "history", "codeLocation", "daemon", "upToDate")


class Metrics(Collector):
    """The figures, and the endpoint that tells them."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        database: Database,
        settings: Settings,
        health: Health,
        counts: HttpCounts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._instance = instance
        self._database = database
        self._settings = settings
        self._health = health
        self._counts = counts
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._reading = Lock()
        self._kept: tuple[float, bytes] | None = None

    def routes(self) -> list[Route]:
        """The route."""
        return [Route(PATH, self.metrics, methods=["GET"])]

    async def metrics(self, _: Request) -> Response:
        """All figures, at most five seconds old."""
        return Response(await run_in_threadpool(self.text), media_type=CONTENT_TYPE_LATEST)

    def text(self) -> bytes:
        """All figures in Prometheus' format."""
        with self._reading:
            if self._kept is None or self._clock() - self._kept[0] >= KEPT_SECONDS:
                self._kept = self._clock(), generate_latest(self._registry)
            return self._kept[1]

    def collect(self) -> Iterator[Metric]:
        """The families; those of what cannot be read are left out, and `ratingo_up` says so."""
        parts = self._health.look()
        up = _gauge("ratingo_up", "Whether a part works: 1 or 0.", ["part"])
        for part in PARTS:
            up.add_metric([part], float(parts[part]["ok"]))
        yield up
        yield self._http_requests()
        yield self._upstream_requests()
        if parts["database"]["ok"]:
            yield from _of_sync(status(self._database, self._settings, utc_now()))
        if parts["history"]["ok"]:
            yield from _of_dagster(self._instance)

    def _http_requests(self) -> Metric:
        # The format adds `_total` to a counter's name.
        answered = CounterMetricFamily(
            "ratingo_http_requests", "Requests that this gateway answered.", labels=["route", "status"]
        )
        for (route, code), number in self._counts.read().items():
            answered.add_metric([route, code], number)
        return answered

    def _upstream_requests(self) -> Metric:
        sent = CounterMetricFamily(
            "ratingo_upstream_requests", "Requests sent to an API, by what came of them.", labels=["api", "outcome"]
        )
        for (api, outcome), number in read_requests(self._settings).items():
            sent.add_metric([api, str(outcome)], number)
        return sent


def _of_sync(state: SyncStatus) -> Iterator[Metric]:
    age = _gauge("ratingo_cycle_age_seconds", "Age of the latest cycle.", ["medium"])
    titles = _gauge("ratingo_cycle_titles", "Titles of the latest cycle by outcome.", ["medium", "outcome"])
    failing = _gauge("ratingo_titles_failing", "Titles with a failure on record.", ["medium", "stage"])
    doubts = _gauge("ratingo_doubts", "Titles of which a source says that a part is gone.", ["medium", "part"])
    for medium in state.media:
        if medium.age_seconds is not None:
            age.add_metric([medium.medium], medium.age_seconds)
        for outcome, number in asdict(medium.counts).items():
            titles.add_metric([medium.medium, outcome], number)
        for stage, number in _by_stage(medium).items():
            failing.add_metric([medium.medium, stage], number)
        for doubt in medium.doubts:
            doubts.add_metric([medium.medium, f"{doubt.part} {doubt.region}".rstrip()], doubt.titles)
    yield from (age, titles, failing, doubts)
    yield _alone("ratingo_omdb_quota_used", "Requests of the UTC day that OMDb was sent.", state.omdb_used)
    yield _alone("ratingo_omdb_quota_limit", "Requests of a UTC day that OMDb allows.", state.omdb_limit)
    waiting = _gauge("ratingo_waiting_titles", "Titles that wait for a source's day, by class.", ["api", "turn"])
    until = _gauge(
        "ratingo_waiting_until_timestamp_seconds",
        "End of the day on which the last of them is asked about, Unix time.",
        ["api", "turn"],
    )
    for each in state.waiting:
        waiting.add_metric([each.api, each.turn], each.titles)
        if each.until is not None:
            until.add_metric([each.api, each.turn], each.until.timestamp())
    yield from (waiting, until)
    limits = _gauge("ratingo_limit_used_ratio", "Part of a rate limit's window that is used.", ["api", "window"])
    for window in state.usage.windows:
        limits.add_metric([window.api.lower(), f"{window.seconds}s"], window.used / window.requests)
    pauses = _gauge("ratingo_pause_until_seconds", "Until when an API is left alone, Unix time.", ["api"])
    for pause in state.usage.pauses:
        pauses.add_metric([pause.api.lower()], pause.until.timestamp())
    yield from (limits, pauses)


def _by_stage(medium: MediumStatus) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for failure in medium.failures:
        found[failure.stage] = found.get(failure.stage, 0) + 1
    return found


def _of_dagster(instance: dg.DagsterInstance) -> Iterator[Metric]:
    runs = _gauge("dagster_runs", "Runs on record by status.", ["status"])
    for run_status in RunStatus:
        runs.add_metric([run_status.value.lower()], instance.get_runs_count(dg.RunsFilter(statuses=[run_status])))
    yield runs
    oldest = instance.get_run_records(dg.RunsFilter(statuses=[RunStatus.QUEUED]), limit=1, ascending=True)
    waited = max(time.time() - oldest[0].create_timestamp.timestamp(), 0.0) if oldest else 0.0
    yield _alone("dagster_queue_oldest_seconds", "How long the oldest queued run has waited.", waited)
    beats = _gauge("dagster_daemon_heartbeat_age_seconds", "Age of each daemon's last sign of life.", ["daemon"])
    for daemon, beat in heartbeat_ages(instance).items():
        if beat is not None:
            beats.add_metric([daemon.lower()], beat)
    yield beats
    yield _last_successes(instance, OPERATIONS)


def _last_successes(instance: dg.DagsterInstance, jobs: Iterable[str]) -> Metric:
    last = _gauge("dagster_run_last_success_timestamp_seconds", "When a job last succeeded, Unix time.", ["job"])
    for job in jobs:
        filters = dg.RunsFilter(job_name=job, statuses=[RunStatus.SUCCESS])
        for record in instance.get_run_records(filters, limit=1):
            if record.end_time is not None:
                last.add_metric([job], record.end_time)
    return last


def _gauge(name: str, documentation: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=labels)


def _alone(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
