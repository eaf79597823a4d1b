"""A cycle of 100 shows through the gateway, Dagster's queue, daemon, sensor and event log, at 100 ms ± 30 of latency
and the APIs' real limits: from the request for `shows_trending` to the last title stored, and materialized.

On PostgreSQL Dagster's own storage is there as well, as `deploy/dagster.yaml` has it. The core beside it is the same
cycle by `ratingo sync`, without the process's start. Last, the whole demo (its limits and latency are none).
"""

import json
import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from time import sleep, time

import dagster as dg  # noqa: TID251 - its event log tells when what happened
from dagster import DagsterEventType as EventType  # noqa: TID251

from benchmarks.common import (
    BIN,
    LATENCY,
    REAL_LIMITS,
    MakeUrl,
    back_ends,
    environment_of,
    folder,
    medians,
    medians_in_turn,
    opened,
)
from benchmarks.common import run as run_process
from benchmarks.figures import Figure, exact
from benchmarks.serving import instance_of, serving
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines_tests.exactness import differences

LISTED = 100
ALLOWED_SECONDS = 10
MATERIALIZED_SECONDS = 20
DEMO_SECONDS = 60
PATIENCE_SECONDS = 240


def run() -> Iterator[Figure]:
    """Each round begins with empty databases and a home of its own."""
    with start_sandbox() as sandbox, back_ends() as makers:
        measures = {name: partial(_cycle, sandbox, make, name == "PostgreSQL") for name, make in makers.items()}
        found = medians_in_turn(measures)
        for name, (core, stored, materialized, *split, planned, events, wrong) in found.items():
            yield Figure(f"{name}: trigger to last title stored", stored, "s", core, core + ALLOWED_SECONDS)
            yield Figure(f"{name}: trigger to last title materialized", materialized, "s", core, MATERIALIZED_SECONDS)
            for what, seconds in zip(SPLIT, split, strict=True):
                yield Figure(f"{name}: {what}", seconds, "s")
            yield Figure(f"{name}: planned events in the log", planned)
            yield Figure(f"{name}: events a title", events)
            yield exact([f"{wrong} facts"] * int(wrong), name)
        yield from _demo()


SPLIT = (
    "launch: the request, until the run is queued",
    "launch: until its step begins (queue, worker)",
    "fetch: the trending list",
    "launch: until the sensor has the next run queued",
    "launch: until its step begins (queue, worker)",
    "fetch and store: until the last title is stored",
    "event log: until the last title is materialized",
)


def _cycle(sandbox: RunningSandbox, make: MakeUrl, production: bool) -> tuple[float, ...]:
    sandbox.reset()
    sandbox.faults(LATENCY)
    core = _core(sandbox, make)
    with folder() as home, serving(sandbox, home, make, production=production, **REAL_LIMITS) as whole:
        began = time()
        run_id = whole.get("/api/sync/trending?wait=0").json()["runId"]
        queued = time()
        with opened(whole.environment["DATABASE_URL"]) as database:
            stored = _stored(database)
            wrong = float(len(differences(database, SHOWS, sandbox.truth(SHOWS, LISTED))))
        with instance_of(whole) as instance:
            sync = _ended_sync(instance)
            fetch = instance.all_logs(run_id)
            log = instance.all_logs(sync.dagster_run.run_id)
    titles = [
        event for event in log if event.dagster_event_type is EventType.ASSET_MATERIALIZATION and _partition(event)
    ]
    materialized = max(event.timestamp for event in titles)
    steps = [
        _first(fetch, EventType.STEP_START),
        _last(fetch),
        sync.create_timestamp.timestamp(),
        _first(log, EventType.STEP_START),
    ]
    moments = [began, queued, *steps, stored, max(materialized, stored)]
    split = [later - earlier for earlier, later in pairwise(moments)]
    planned = sum(event.dagster_event_type is EventType.ASSET_MATERIALIZATION_PLANNED for event in log)
    each = len(titles) / len({_partition(event) for event in titles})
    return core, stored - began, materialized - began, *split, float(planned), each, wrong


def _core(sandbox: RunningSandbox, make: MakeUrl) -> float:
    with folder() as home:
        environment = environment_of(sandbox, home, make(), **REAL_LIMITS)
        command = [str(BIN / "ratingo"), "sync", "shows", "--limit", str(LISTED), "--json"]
        report = json.loads(run_process(command, environment, home).said)
    return float(report["trending"]["seconds"] + report["titles"]["seconds"])


def _stored(database: Database) -> float:
    """Wait for the cycle's end; when its last title was stored (seconds since 1970)."""
    deadline = time() + PATIENCE_SECONDS
    while time() < deadline:
        with database.reading() as conn:
            cycle = cycles.latest_cycle(conn, SHOWS)
            if cycle is not None:
                counts = cycles.counts(conn, cycle.id, utc_now())
                settled = cycles.last_settled(conn, cycle.id)
                if settled is not None and not counts.pending and not counts.processing:
                    return settled.timestamp()
        sleep(0.2)
    raise TimeoutError("the cycle is not worked off")


def _ended_sync(instance: dg.DagsterInstance) -> dg.RunRecord:
    deadline = time() + PATIENCE_SECONDS
    while time() < deadline:
        for record in instance.get_run_records(dg.RunsFilter(job_name="shows_sync")):
            if record.dagster_run.is_finished:
                return record
        sleep(0.2)
    raise TimeoutError("the sync does not end")


def _first(log: Sequence[dg.EventLogEntry], kind: EventType) -> float:
    return min(event.timestamp for event in log if event.dagster_event_type is kind)


def _last(log: Sequence[dg.EventLogEntry]) -> float:
    return max(event.timestamp for event in log)


def _partition(event: dg.EventLogEntry) -> str | None:
    return event.dagster_event.partition if event.dagster_event else None


def _demo() -> Iterator[Figure]:
    def demo() -> tuple[float]:
        with folder() as home:
            environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
            return (
                run_process([str(BIN / "ratingo"), "demo"], environment | {"RATINGO_HOME": str(home)}, home).seconds,
            )

    yield Figure("`ratingo demo`, both media from nothing", medians(demo)[0], "s", limit=DEMO_SECONDS)
