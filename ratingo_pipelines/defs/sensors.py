"""Thin shells around `sync.decisions` and `sync.alerts`: look at the facts, carry the decision out.

What is decided, and why, is there; what it is decided on is collected in `facts`; when jobs start by the clock is in
`schedules`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import dagster as dg

from ratingo_pipelines.defs import runs
from ratingo_pipelines.defs.facts import current_problems, cycle_facts, fetch_facts, retry_facts
from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.errors import SourceUnavailable
from ratingo_pipelines.sources.recipients import VARIABLES, recipients, send_alert
from ratingo_pipelines.sync.alerts import Problem, ToldProblem, to_tell
from ratingo_pipelines.sync.backfill import BACKFILLS, WITH_ASSET
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.decisions import Launch, Wait, decide_cycle_and_fetch, decide_retries

ALL = "all"
RETRIED_BY = (
    *("retry", "sync"),
    *(f"{backfill.name}_{job}" for backfill in WITH_ASSET for job in ("retry", "backfill")),
)
"""Jobs of a medium that retry what failed."""
CHECKED_AFTER = {*RETRIED_BY, "full_sync", *(f"{backfill.name}_backfill" for backfill in BACKFILLS)}
"""Jobs of a medium that its checks run after; also after the UI's backfills, in which Dagster skips them."""
SEEN_TO_BY = ("sync", "trending")
"""Jobs of a medium that work its cycle off, and that ask for a list which opened none."""
Tick = dg.SensorResult | dg.SkipReason
Jobs = Mapping[str, Any]


def sensors(settings: Settings, jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """All sensors; `jobs` are those they may start."""
    named = {job.name: job for job in jobs}
    of_media = [
        sensor(medium, settings, named) for medium in MEDIA for sensor in (cycle_sensor, retry_sensor, check_sensor)
    ]
    return [*of_media, alert_sensor(settings)]


def waits_for_the_database(evaluate: Callable[..., Tick]) -> Callable[..., Tick]:
    """A database that is away is no error of a sensor: it says so, and looks again with the next tick."""

    @wraps(evaluate)
    def evaluate_or_skip(context: dg.SensorEvaluationContext, ratingo: RatingoResource) -> Tick:
        try:
            return evaluate(context, ratingo)
        except dg.Failure as error:
            return dg.SkipReason(f"cannot look: {error.description}")

    return evaluate_or_skip


def cycle_sensor(medium: Medium, settings: Settings, jobs: Jobs) -> dg.SensorDefinition:
    """Has a cycle worked off."""

    @dg.sensor(
        name=f"{medium}_cycle",
        jobs=[jobs[f"{medium}_{job}"] for job in SEEN_TO_BY],
        # Dagster looks every 5 s (`dagster._daemon.sensor`, MIN_INTERVAL_LOOP_TIME); with as much here, a tick that
        # comes a moment early would wait for the next look.
        minimum_interval_seconds=1,
        default_status=_status(settings, f"{medium}_cycle"),
        description=f"Has a new or unfinished cycle of {medium} worked off: one run at a time, also after a crash. "
        "Has a trending list that opened no cycle asked for again.",
    )
    @waits_for_the_database
    def evaluate(context: dg.SensorEvaluationContext, ratingo: RatingoResource) -> Tick:
        now = utc_now()
        with ratingo.reading() as (current, database):
            facts = cycle_facts(context.instance, database, medium, now)
            delay = timedelta(seconds=current.retry_delay_seconds)
            fetching = fetch_facts(database, medium, delay, facts.active_runs)
        return _carried_out(medium, decide_cycle_and_fetch(facts, fetching, now))

    return evaluate


def retry_sensor(medium: Medium, settings: Settings, jobs: Jobs) -> dg.SensorDefinition:
    """Retries what failed."""

    @dg.sensor(
        name=f"{medium}_retries",
        jobs=[jobs[f"{medium}_{job}"] for job in RETRIED_BY],
        minimum_interval_seconds=30,
        default_status=_status(settings, f"{medium}_retries"),
        description=f"Retries {medium} that failed, ever more rarely: after GIVE_UP_AFTER attempts weekly.",
    )
    @waits_for_the_database
    def evaluate(context: dg.SensorEvaluationContext, ratingo: RatingoResource) -> Tick:
        now = utc_now()
        with ratingo.reading() as (current, database):
            facts = retry_facts(context.instance, database, medium, now, current.give_up_after)
        return _carried_out(medium, decide_retries(facts, now))

    return evaluate


def check_sensor(medium: Medium, settings: Settings, jobs: Jobs) -> dg.SensorDefinition:
    """Has the checks run after each sync."""

    @dg.sensor(
        name=f"{medium}_after_sync",
        job=jobs[f"{medium}_checks"],
        minimum_interval_seconds=15,
        default_status=_status(settings, f"{medium}_after_sync"),
        description=f"Has the checks of {medium} run after each sync.",
    )
    def evaluate(context: dg.SensorEvaluationContext) -> Tick:
        working = [str(each) for each in runs.active_runs(context.instance, medium) if each.touches_titles]
        if working:
            return dg.SkipReason(f"{', '.join(working)}; the checks come after")
        found = runs.newest(context.instance, [f"{medium}_{job}" for job in sorted(CHECKED_AFTER)])
        found += runs.newest_over_assets(context.instance, medium)
        last = max(found, key=runs.ended_at, default=None)
        if last is None:
            return dg.SkipReason(f"no sync of {medium} has run yet")
        run = last.dagster_run
        if run.run_id == context.cursor:
            return dg.SkipReason(f"the checks ran after {run.job_name} ({run.run_id}), the last sync")
        return dg.SensorResult([dg.RunRequest(run_key=f"{medium}:checks:{run.run_id}")], cursor=run.run_id)

    return evaluate


def alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """Tells what needs a person, and when it is over; the cursor holds what was told and when."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=_status(settings, "alerts") if recipients(settings) else dg.DefaultSensorStatus.STOPPED,
        description="Tells a webhook or Telegram what needs a person and when it is over; off while neither is named.",
    )
    def evaluate(context: dg.SensorEvaluationContext, ratingo: RatingoResource) -> Tick:
        with ratingo.reading() as (current, database):
            told = recipients(current)
            if not told:
                return dg.SkipReason(VARIABLES)
            found = current_problems(context.instance, current, database, utc_now())
            telling = to_tell(found, _told(context.cursor, utc_now()), utc_now())
        if telling.lines:
            try:
                send_alert(told, telling.lines)
            except SourceUnavailable as error:
                return dg.SkipReason(f"{error}; told again with the next tick")
        said = f"told: {', '.join(telling.keys)}" if telling.lines else _unchanged(found.problems)
        remembered = {key: [each.at.isoformat(), each.text, each.about] for key, each in telling.told.items()}
        return dg.SensorResult(skip_reason=dg.SkipReason(said), cursor=json.dumps(remembered, ensure_ascii=False))

    return evaluate


def _told(cursor: str | None, now: datetime) -> dict[str, ToldProblem]:
    """What the cursor remembers; earlier versions held keys alone, or no more than when and what was told."""
    remembered = json.loads(cursor or "{}")
    if isinstance(remembered, list):
        return {key: ToldProblem(now, key) for key in remembered}
    return {key: ToldProblem(datetime.fromisoformat(at), *said) for key, (at, *said) in remembered.items()}


def _unchanged(found: Sequence[Problem]) -> str:
    return f"told before: {', '.join(problem.key for problem in found)}" if found else "nothing needs a person"


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
