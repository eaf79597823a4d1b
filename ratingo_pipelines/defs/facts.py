"""What the sensors decide on: facts of the database and of Dagster, collected as plain values. Reads only.

What follows from them is decided in `sync.decisions` and `sync.alerts`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg

from ratingo_pipelines.defs import runs
from ratingo_pipelines.defs.conclusion import FAILED, STOPPED_BY
from ratingo_pipelines.defs.partitions import title_ids
from ratingo_pipelines.defs.schedules import SCHEDULED
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import attempts, cycles, failures
from ratingo_pipelines.storage.engine import Database, StorageError
from ratingo_pipelines.sync.alerts import Assessment, EndedRun, Problem, assess, cycles_due_since
from ratingo_pipelines.sync.decisions import CycleFacts, FetchFacts, RetryFacts
from ratingo_pipelines.sync.status import status

WATCHED = [*SCHEDULED, *(f"{medium}_{job}" for medium in MEDIA for job in ("sync", "full_sync"))]
"""Jobs whose failure may need a person."""


def cycle_facts(instance: dg.DagsterInstance, database: Database, medium: Medium, now: datetime) -> CycleFacts:
    """How far the latest cycle is and what Dagster is doing about it."""
    active = [str(run) for run in runs.active_runs(instance, medium) if run.sees_to_cycle]
    with database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        if cycle is None:
            return CycleFacts(medium.plural, None, cycles.Counts(), active_runs=active)
        counts = cycles.counts(conn, cycle.id, now)
        holders = cycles.holders(conn, cycle.id, now)
        settled = cycles.last_settled(conn, cycle.id)
    dead = runs.over(instance, holders.keys())
    history = runs.history(instance, cycle.id, settled)
    return CycleFacts(
        medium=medium.plural,
        cycle=cycle,
        counts=counts,
        elsewhere=sum(count for run_id, count in holders.items() if run_id not in dead),
        active_runs=active,
        next_number=history.next_number,
        runs_without_progress=history.runs_without_progress,
        last_ended_at=history.last_ended_at,
    )


def fetch_facts(database: Database, medium: Medium, retry_delay: timedelta, active_runs: Sequence[str]) -> FetchFacts:
    """How the trending list was asked for since it last opened a cycle."""
    with database.reading() as conn:
        failed = attempts.since_well(conn, medium, attempts.TRENDING)
    return FetchFacts(medium.plural, failed, retry_delay, active_runs)


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
        partitions=set(title_ids(instance.get_dynamic_partitions(medium.plural))[0]) if failing else set(),
        unfinished=counts.pending + counts.processing,
        active_runs=[str(run) for run in runs.active_runs(instance, medium) if run.touches_titles],
        give_up_after=give_up_after,
    )


def current_problems(instance: dg.DagsterInstance, settings: Settings, database: Database, now: datetime) -> Assessment:
    """What needs a person now; that the database cannot be read is all that can be said then."""
    try:
        state = status(database, settings, now)
    except StorageError as error:
        return Assessment([Problem("database", str(error))], blind=True)
    newest = runs.newest(instance, WATCHED)
    return assess(
        state,
        [ended for record in newest if (ended := _ended(instance, record))],
        now,
        grace=timedelta(seconds=settings.alert_grace_seconds),
        old_before=cycles_due_since(settings.crons, now),
        under_way=[run.job_name for record in newest if (run := record.dagster_run).status not in runs.OVER],
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
