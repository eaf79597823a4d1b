"""The gateway's own share: from a request to a queued run, and the status, with 10,000 shows known.

A run is let end before the next one is asked for: a call that overlaps would join it. The floor of a trigger is
Dagster's own `launchRun`, asked for over GraphQL at the same gateway, in turn.
"""

from collections.abc import Iterator
from functools import partial
from time import monotonic

from benchmarks.common import back_ends, folder, medians, medians_in_turn, opened
from benchmarks.figures import Figure
from benchmarks.filling import fill
from benchmarks.serving import serving
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import start_sandbox
from ratingo_pipelines_tests.gateway.whole import Whole

TITLES = 10_000
LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""
SELECTOR = {
    "repositoryLocationName": "ratingo_pipelines",
    "repositoryName": "__repository__",
    "jobName": "shows_calendar_prune",
}


def run() -> Iterator[Figure]:
    """On both back ends; Dagster's own storage is of the same kind."""
    with start_sandbox() as sandbox, back_ends() as makers:
        for name, make in makers.items():
            with folder() as home, serving(sandbox, home, make, production=name == "PostgreSQL") as whole:
                with opened(whole.environment["DATABASE_URL"]) as database:
                    fill(database, SHOWS, TITLES, 4, cycles=20)
                _trigger(whole)
                found = medians_in_turn({"trigger": lambda: _trigger(whole), "launch": lambda: _launch(whole)})
                [trigger], [launch] = found["trigger"], found["launch"]
                yield Figure(f"{name}: trigger, request to run queued", trigger, "ms", launch, 100)
                for path in ("/api/sync/trending/status", "/healthz", "/readyz"):
                    [took] = medians(partial(_get, whole, path))
                    yield Figure(f"{name}: {path}", took, "ms", limit=50 if "status" in path else None)


def _trigger(whole: Whole) -> tuple[float]:
    began = monotonic()
    run_id = whole.get("/api/sync/calendar/prune?wait=0").json()["runId"]
    took = 1000 * (monotonic() - began)
    whole.finished(run_id)
    return (took,)


def _launch(whole: Whole) -> tuple[float]:
    began = monotonic()
    launched = whole.graphql(LAUNCH, params={"selector": SELECTOR, "runConfigData": {}})["launchRun"]
    took = 1000 * (monotonic() - began)
    whole.finished(launched["run"]["runId"])
    return (took,)


def _get(whole: Whole, path: str) -> tuple[float]:
    began = monotonic()
    whole.get(path)
    return (1000 * (monotonic() - began),)
