"""Thin shells around `sync.decisions` and `sync.alerts`: collect the facts, carry the decision out.

What is decided, and why, is there; when jobs start by the clock is in `schedules`.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from ratingo_pipelines.defs import runs
from ratingo_pipelines.defs.conclusion import FAILED, STOPPED_BY
from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.defs.schedules import SCHEDULED
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.settings import OFF, Settings
from ratingo_pipelines.sources.errors import SourceUnavailable
from ratingo_pipelines.sources.webhook import send_alert
from ratingo_pipelines.storage import cycles, failures
from ratingo_pipelines.storage.engine import Database, StorageError
from ratingo_pipelines.sync.alerts import EndedRun, Problem, new_problems, problems
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.decisions import CycleFacts, Launch, RetryFacts, Wait, decide_cycle, decide_retries
from ratingo_pipelines.sync.status import status

ALL = "all"
CHECKED_AFTER = ("sync", "full_sync", "omdb_backfill", "meta_backfill", "retry", "omdb_retry")
"""Jobs of a medium that its checks run after; also after the UI's backfills, in which Dagster skips them."""
WATCHED = [*SCHEDULED, *(f"{medium}_{job}" for medium in MEDIA for job in ("sync", "full_sync"))]
"""Jobs whose failure may need a person."""
Tick = dg.SensorResult | dg.SkipReason


def sensors(settings: Settings, jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """All sensors; `jobs` are those they may start."""
    named = {job.name: job for job in jobs}
    made = [
        sensor(settings, named)
        for medium in MEDIA
        for sensor in (_cycle_sensor(medium), _retry_sensor(medium), _check_sensor(medium))
    ]
    return [*made, _alert_sensor(settings)]


Maker = Callable[[Settings, dict[str, Any]], dg.SensorDefinition]


def _cycle_sensor(medium: Medium) -> Maker:
    def make(settings: Settings, jobs: dict[str, Any]) -> dg.SensorDefinition:
        @dg.sensor(
            name=f"{medium}_cycle",
            job=jobs[f"{medium}_sync"],
            # Dagster looks every 5 s; with as much here, a tick that comes a moment early would wait for the next look.
            minimum_interval_seconds=1,
            default_status=_status(settings, f"{medium}_cycle"),
            description=f"Has a new or unfinished cycle of {medium} worked off: one run at a time, also after a crash.",
        )
        def sense(context: dg.SensorEvaluationContext, ratingo: RatingoResource) -> Tick:
            def look(settings: Settings, database: Database) -> Tick:
                now = utc_now()
                decision = decide_cycle(cycle_facts(context.instance, database, medium, now), now)
                return _carried_out(medium, [decision] if isinstance(decision, Launch) else decision)

            return _looking(ratingo, look)

        return sense

    return make


def _retry_sensor(medium: Medium) -> Maker:
    def make(settings: Settings, jobs: dict[str, Any]) -> dg.SensorDefinition:
        started = ("retry", "omdb_retry", "sync", "omdb_backfill")

        @dg.sensor(
            name=f"{medium}_retries",
            jobs=[jobs[f"{medium}_{job}"] for job in started],
            minimum_interval_seconds=30,
            default_status=_status(settings, f"{medium}_retries"),
            description=f"Retries {medium} that failed, ever more rarely: after GIVE_UP_AFTER attempts weekly.",
        )
        def sense(context: dg.SensorEvaluationContext, ratingo: RatingoResource) -> Tick:
            def look(settings: Settings, database: Database) -> Tick:
                now = utc_now()
                facts = retry_facts(context.instance, database, medium, now, settings.give_up_after)
                return _carried_out(medium, decide_retries(facts, now))

            return _looking(ratingo, look)

        return sense

    return make


def _check_sensor(medium: Medium) -> Maker:
    def make(settings: Settings, jobs: dict[str, Any]) -> dg.SensorDefinition:
        @dg.sensor(
            name=f"{medium}_after_sync",
            job=jobs[f"{medium}_checks"],
            minimum_interval_seconds=15,
            default_status=_status(settings, f"{medium}_after_sync"),
            description=f"Has the checks of {medium} run after each sync.",
        )
        def sense(context: dg.SensorEvaluationContext) -> Tick:
            working = [str(each) for each in runs.active_runs(context.instance, medium) if each.touches_titles]
            if working:
                return dg.SkipReason(f"{', '.join(working)}; the checks come after")
            found = runs.newest(context.instance, [f"{medium}_{job}" for job in CHECKED_AFTER])
            found += runs.newest_over_assets(context.instance, medium)
            last = max(found, key=runs.ended_at, default=None)
            if last is None:
                return dg.SkipReason(f"no sync of {medium} has run yet")
            run = last.dagster_run
            if run.run_id == context.cursor:
                return dg.SkipReason(f"the checks ran after {run.job_name} ({run.run_id}), the last sync")
            return dg.SensorResult([dg.RunRequest(run_key=f"{medium}:checks:{run.run_id}")], cursor=run.run_id)

        return sense

    return make


def _alert_sensor(settings: Settings) -> dg.SensorDefinition:
    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=_status(settings, "alerts") if settings.alert_webhook_url else dg.DefaultSensorStatus.STOPPED,
        description="Tells ALERT_WEBHOOK_URL what needs a person, once; off while that is unset.",
    )
    def sense(context: dg.SensorEvaluationContext, ratingo: RatingoResource) -> Tick:
        with ratingo.reading() as (current, database):
            if current.alert_webhook_url is None:
                return dg.SkipReason("ALERT_WEBHOOK_URL is not set")
            found = current_problems(context.instance, current, database, utc_now())
            fresh = new_problems(found, json.loads(context.cursor or "[]"))
            if fresh:
                try:
                    send_alert(current.alert_webhook_url, [problem.text for problem in fresh])
                except SourceUnavailable as error:
                    return dg.SkipReason(f"{error}; told again with the next tick")
        said = f"told: {', '.join(problem.key for problem in fresh)}" if fresh else _unchanged(found)
        return dg.SensorResult(
            skip_reason=dg.SkipReason(said), cursor=json.dumps(sorted({problem.key for problem in found}))
        )

    return sense


def _unchanged(found: Sequence[Problem]) -> str:
    return f"told before: {', '.join(problem.key for problem in found)}" if found else "nothing needs a person"


def cycle_facts(instance: dg.DagsterInstance, database: Database, medium: Medium, now: datetime) -> CycleFacts:
    """How far the latest cycle is and what Dagster is doing about it."""
    with database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        if cycle is None:
            return CycleFacts(medium.plural, None, cycles.Counts())
        counts = cycles.counts(conn, cycle.id, now)
        holders = cycles.holders(conn, cycle.id, now)
        settled = cycles.last_settled(conn, cycle.id)
    active = [str(run) for run in runs.active_runs(instance, medium) if run.sees_to_cycle]
    dead = runs.over(instance, holders.keys())
    history = runs.history(instance, cycle.id, settled)
    return CycleFacts(
        medium=medium.plural,
        cycle=cycle,
        counts=counts,
        elsewhere=sum(count for run_id, count in holders.items() if run_id not in dead),
        active_runs=active,
        ended=history.ended,
        runs_without_progress=history.runs_without_progress,
        last_ended_at=history.last_ended_at,
    )


def retry_facts(
    instance: dg.DagsterInstance, database: Database, medium: Medium, now: datetime, give_up_after: int
) -> RetryFacts:
    """The failures of a medium, and what else is going on."""
    with database.reading() as conn:
        failing = failures.all_failures(conn, medium)
        cycle = cycles.latest_cycle(conn, medium)
        counts = cycles.counts(conn, cycle.id, now) if cycle else cycles.Counts()
    return RetryFacts(
        medium=medium.plural,
        failures=failing,
        partitions={int(key) for key in instance.get_dynamic_partitions(medium.plural)} if failing else set(),
        unfinished=counts.pending + counts.processing,
        active_runs=[str(run) for run in runs.active_runs(instance, medium) if run.touches_titles],
        give_up_after=give_up_after,
    )


def current_problems(
    instance: dg.DagsterInstance, settings: Settings, database: Database, now: datetime
) -> list[Problem]:
    """What needs a person now; that the database cannot be read is all that can be said then."""
    unscheduled = [medium.plural for medium in MEDIA if getattr(settings, f"{medium}_trending_cron") == OFF]
    try:
        state = status(database, settings.omdb_daily_limit, now, settings.give_up_after)
    except StorageError as error:
        return [Problem("database", str(error))]
    return problems(
        state,
        [ended for record in runs.newest(instance, WATCHED) if (ended := _ended(instance, record))],
        now,
        grace=timedelta(seconds=settings.alert_grace_seconds),
        unscheduled=unscheduled,
    )


def _ended(instance: dg.DagsterInstance, record: dg.RunRecord) -> EndedRun | None:
    run = record.dagster_run
    if run.status not in runs.OVER:
        return None
    failed = run.status is dg.DagsterRunStatus.FAILURE
    reason = runs.reason_of(instance, run) if failed else None
    numbers = reason.metadata if reason else {}
    stopped_by = numbers[STOPPED_BY].value if STOPPED_BY in numbers else None
    return EndedRun(
        job=run.job_name,
        run_id=run.run_id,
        failed=failed,
        ended_at=runs.ended_at(record),
        reason=reason.text if reason else "",
        only_titles_failed=FAILED in numbers and stopped_by is None,
        stopped_by=str(stopped_by) if stopped_by else None,
    )


def _looking(ratingo: RatingoResource, look: Callable[[Settings, Database], Tick]) -> Tick:
    """A database that is away is no error of the sensor: it says so, and looks again with the next tick."""
    try:
        with ratingo.reading() as (settings, database):
            return look(settings, database)
    except dg.Failure as error:
        return dg.SkipReason(f"cannot look: {error.description}")


def _carried_out(medium: Medium, decision: Sequence[Launch] | Wait) -> Tick:
    if isinstance(decision, Wait):
        return dg.SkipReason(decision.reason)
    return dg.SensorResult([_request(medium, launch) for launch in decision])


def _request(medium: Medium, launch: Launch) -> dg.RunRequest:
    config = {"ops": {f"{medium}_sync_titles": {"config": {"ids": list(launch.ids)}}}} if launch.ids else None
    return dg.RunRequest(
        run_key=launch.run_key,
        job_name=f"{medium}_{launch.job}",
        run_config=config,
        partition_key=str(launch.partition) if launch.partition is not None else None,
        tags={CYCLE_TAG: str(launch.cycle_id)} if launch.cycle_id is not None else None,
    )


def _status(settings: Settings, name: str) -> dg.DefaultSensorStatus:
    off = {name, ALL} & set(settings.sensors_off)
    return dg.DefaultSensorStatus.STOPPED if off else dg.DefaultSensorStatus.RUNNING
