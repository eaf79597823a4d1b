"""What a cycle of 100 costs with 1,000 and with 10,000 titles known (each with 60 child rows, 50 snapshots and its
share of past cycles), and what the sensor and the status cost at 10,000 and 100,000 partitions.

The cycles run in turn, without latency; their cost is processor time, as the machine's other work does not count then.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic, process_time

import dagster as dg  # noqa: TID251 - the sensors are Dagster's
from psutil import Process

from benchmarks.common import MakeUrl, back_ends, environment_of, folder, medians, settings_of
from benchmarks.figures import Figure, exact
from benchmarks.filling import FIRST_ID, fill
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.home import prepare_dagster_home
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.sync.context import SyncContext, open_sync_context, utc_now
from ratingo_pipelines.sync.status import status
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences

FEW, MANY = 1_000, 10_000
SNAPSHOTS = 50
CYCLES = 9
"""The first of them makes the titles, and does not count."""
PARTITIONS = (10_000, 100_000)


def run() -> Iterator[Figure]:
    """The database first, then Dagster."""
    with start_sandbox() as sandbox, back_ends() as makers:
        for name, make in makers.items():
            yield from _cycles(sandbox, name, make)
        for count in PARTITIONS:
            yield from _partitions(sandbox, count, makers["SQLite"])


def _cycles(sandbox: RunningSandbox, name: str, make: MakeUrl) -> Iterator[Figure]:
    sandbox.reset()
    with folder() as home, _filled(sandbox, home, make, FEW) as few, _filled(sandbox, home, make, MANY) as many:
        cost: dict[int, list[tuple[float, float]]] = {FEW: [], MANY: []}
        for cycle in range(CYCLES):
            for count, ctx in ((FEW, few), (MANY, many)):
                cost[count].append(_cycle(replace(ctx, now=partial(_later, cycle))))
            sandbox.control("epoch", {"advance": 1})
        sandbox.control("epoch", {"advance": -1})
        truth = sandbox.truth(SHOWS, many.settings.trending_limit)
        yield exact(differences(many.database, SHOWS, truth), name)
    used = {count: median(each for each, _ in costs[1:]) for count, costs in cost.items()}
    took = {count: median(each for _, each in costs[1:]) for count, costs in cost.items()}
    for count, seconds in used.items():
        yield Figure(f"{name}: a cycle of 100, {count:,} titles known: processor time", seconds, "s")
        yield Figure(f"{name}: a cycle of 100, {count:,} titles known: time", took[count], "s")
    yield Figure(f"{name}: it grows by", 100 * (used[MANY] / used[FEW] - 1), "%", limit=10)


@contextmanager
def _filled(sandbox: RunningSandbox, home: Path, make: MakeUrl, count: int) -> Iterator[SyncContext]:
    with open_sync_context(settings_of(sandbox, home / str(count), make(), HTTP_CACHE="false")) as ctx:
        fill(ctx.database, SHOWS, count, SNAPSHOTS, cycles=count // 10)
        yield ctx


def _later(cycle: int) -> datetime:
    return utc_now() + timedelta(hours=6 * cycle)


def _cycle(ctx: SyncContext) -> tuple[float, float]:
    """Processor time (of the database's server as well) and time of a whole cycle, in seconds."""
    server = _servers_seconds(ctx)
    began, used = monotonic(), process_time()
    open_trending_cycle(ctx, SHOWS, "bench")
    sync_pending(ctx, SHOWS, "bench")
    return process_time() - used + _servers_seconds(ctx) - server, monotonic() - began


def _servers_seconds(ctx: SyncContext) -> float:
    """Processor time so far of PostgreSQL's processes for our connections, which stay open in the pool."""
    if ctx.database.dialect == "sqlite":
        return 0.0
    with ctx.database.reading() as conn:
        pids = conn.exec_driver_sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()").scalars()
        return sum(sum(Process(pid).cpu_times()[:2]) for pid in pids)


def _partitions(sandbox: RunningSandbox, count: int, make: MakeUrl) -> Iterator[Figure]:
    """What looks at all partitions, or might: the sensors' ticks, the status, the beginning of a run."""
    with folder() as home:
        settings = settings_of(sandbox, home, make())
        os.environ.update(environment_of(sandbox, home, settings.database.get_secret_value()))
        prepare_dagster_home(settings)
        from ratingo_pipelines.definitions import defs

        with open_sync_context(settings) as ctx, dg.DagsterInstance.get() as instance:
            fill(ctx.database, SHOWS, count, 4, cycles=20)
            keys = [str(FIRST_ID + n) for n in range(count)]

            def add() -> tuple[float]:
                began = monotonic()
                instance.add_dynamic_partitions("shows", keys)
                return (monotonic() - began,)

            label = f"{count:,} partitions: "
            yield Figure(f"{label}adding them", add()[0], "s")
            open_trending_cycle(ctx, SHOWS, "bench")
            for name in ("shows_cycle", "shows_retries"):
                [took] = medians(partial(_tick, defs, instance, name))
                yield Figure(f"{label}a tick of {name}", took, "ms", limit=300 if count == PARTITIONS[0] else None)
            [took] = medians(partial(_status, ctx))
            yield Figure(f"{label}status", took, "ms", limit=50 if count == PARTITIONS[0] else None)

            def read() -> tuple[float]:
                began = monotonic()
                set(instance.get_dynamic_partitions("shows"))
                return (1000 * (monotonic() - began),)

            yield Figure(f"{label}reading the keys, as a run does at its beginning", medians(read)[0], "ms")


def _tick(defs: dg.Definitions, instance: dg.DagsterInstance, name: str) -> tuple[float]:
    context = dg.build_sensor_context(instance=instance, resources={"ratingo": RatingoResource()})
    began = monotonic()
    defs.resolve_sensor_def(name)(context)
    return (1000 * (monotonic() - began),)


def _status(ctx: SyncContext) -> tuple[float]:
    began = monotonic()
    status(ctx.database, ctx.settings, utc_now())
    return (1000 * (monotonic() - began),)
