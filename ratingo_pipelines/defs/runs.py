"""What Dagster knows of our runs: which are under way over a medium, which are over, and why some failed.

Reads only. What follows from it is decided in `sync.decisions`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import dagster as dg
from dagster import DagsterRunStatus as RunStatus

from ratingo_pipelines.dagster_instance.internals import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionsFilter,
    BulkActionStatus,
)
from ratingo_pipelines.defs.conclusion import STOPPED_BY
from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sync.backfill import BACKFILLS, WITH_ASSET
from ratingo_pipelines.sync.work import TitleStage

OVER = (RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.CANCELED)
NOT_OVER = [status for status in RunStatus if status not in OVER]
ASSETS_ALONE = "__ASSET_JOB"
"""The job of runs that materialize assets from the UI, backfills among them."""
RUN_KEY_TAG = "dagster/run_key"
"""Dagster's own (`dagster._core.storage.tags`): what a sensor called its request, so that it is launched once."""
LATEST = 20
"""So many of a cycle's runs are looked at; how often they got nowhere matters no further."""
_ENDED_BACKFILLS = frozenset(BULK_ACTION_TERMINAL_STATUSES)
_PARTITIONED = {*(stage.value for stage in TitleStage), *(backfill.asset for backfill in WITH_ASSET)}
_COMPLETING = {
    "retry",
    "title",
    *(f"{backfill.name}_retry" for backfill in WITH_ASSET),
    *(f"{backfill.name}_backfill" for backfill in BACKFILLS),
}
"""Jobs of a medium that work on titles outside of cycles."""


@dataclass(frozen=True)
class ActiveRun:
    """A run, queued or under way, over a medium: of one of its jobs, or of some of its assets."""

    run_id: str
    job: str
    """The job's name without the medium: `sync`; empty where only assets were named."""
    assets: frozenset[str]
    """The last words of the assets' keys."""
    queued: bool
    medium: Medium

    def __str__(self) -> str:
        """As people call it."""
        what = f"{self.medium}_{self.job}" if self.job else "a run over " + ", ".join(sorted(self.assets))
        return f"{what} is {'queued' if self.queued else 'under way'}"

    @property
    def sees_to_cycle(self) -> bool:
        """Whether it opens a cycle or works one off."""
        return self.job in {"trending", "sync", "full_sync"} or "trending" in self.assets

    @property
    def touches_titles(self) -> bool:
        """Whether it works on titles."""
        return self.sees_to_cycle or self.job in _COMPLETING or self.on_partitions

    @property
    def on_partitions(self) -> bool:
        """Whether its assets are partitioned by title."""
        return bool(self.assets & _PARTITIONED)


def active_runs(instance: dg.DagsterInstance, medium: Medium) -> list[ActiveRun]:
    """The runs over a medium that are not over."""
    records = instance.get_run_records(dg.RunsFilter(statuses=NOT_OVER))
    return [run for record in records if (run := _active_run(record.dagster_run, medium))]


def _active_run(run: dg.DagsterRun, medium: Medium) -> ActiveRun | None:
    queued = run.status in {RunStatus.QUEUED, RunStatus.NOT_STARTED}
    if run.job_name.startswith(f"{medium}_"):
        return ActiveRun(run.run_id, run.job_name.removeprefix(f"{medium}_"), frozenset(), queued, medium)
    if run.job_name != ASSETS_ALONE:
        return None
    # Without a selection it is about all assets.
    keys = run.asset_selection if run.asset_selection is not None else {dg.AssetKey([medium.plural, "trending"])}
    assets = frozenset(key.path[-1] for key in keys if key.path[0] == medium.plural)
    return ActiveRun(run.run_id, "", assets, queued, medium) if assets else None


def over(instance: dg.DagsterInstance, run_ids: Collection[str]) -> set[str]:
    """Those of the runs that Dagster knows to be over; the command line's are unknown to it."""
    if not run_ids:
        return set()
    records = instance.get_run_records(dg.RunsFilter(run_ids=list(run_ids), statuses=list(OVER)))
    return {record.dagster_run.run_id for record in records}


@dataclass(frozen=True)
class History:
    """A cycle's runs that are over."""

    ended: int
    next_number: int
    """One more than the highest number among the keys under which they were launched (`decide_cycle`)."""
    runs_without_progress: int
    """The latest of them, in a row, that began after the cycle last settled a title."""
    last_ended_at: datetime | None


def history(instance: dg.DagsterInstance, cycle_id: int, last_settled: datetime | None) -> History:
    """How the runs of a cycle went so far."""
    runs = dg.RunsFilter(tags={CYCLE_TAG: str(cycle_id)}, statuses=list(OVER))
    records = sorted(instance.get_run_records(runs, limit=LATEST), key=ended_at, reverse=True)
    runs_without_progress = 0
    for record in records:
        began = _moment(record.start_time) or ended_at(record)
        if last_settled is not None and began <= last_settled:
            break
        runs_without_progress += 1
    return History(
        ended=instance.get_runs_count(runs),
        next_number=max((_number(record.dagster_run) for record in records), default=-1) + 1,
        runs_without_progress=runs_without_progress,
        last_ended_at=ended_at(records[0]) if records else None,
    )


def _number(run: dg.DagsterRun) -> int:
    number = run.tags.get(RUN_KEY_TAG, "").rpartition(":")[2]
    return int(number) if number.isdecimal() else -1


def newest(instance: dg.DagsterInstance, jobs: Iterable[str]) -> list[dg.RunRecord]:
    """The newest run of each job that ever ran."""
    found = (instance.get_run_records(dg.RunsFilter(job_name=job), limit=1) for job in jobs)
    return [record for records in found for record in records]


def newest_over_assets(instance: dg.DagsterInstance, medium: Medium) -> list[dg.RunRecord]:
    """The newest run that the UI started over titles of a medium, if it is among the latest of its kind."""
    records = instance.get_run_records(dg.RunsFilter(job_name=ASSETS_ALONE), limit=LATEST)
    found = (record for record in records if (run := _active_run(record.dagster_run, medium)) and run.on_partitions)
    return list(islice(found, 1))


def asked_at(instance: dg.DagsterInstance, run_id: str) -> datetime | None:
    """When a run was asked for, by the clock of who asked (a database's own may be in another time zone)."""
    stats = instance.get_run_stats(run_id)
    moments = [stats.enqueued_time, stats.launch_time, stats.start_time]
    return _moment(next((moment for moment in moments if moment is not None), None))


@dataclass(frozen=True)
class Reason:
    """Why a run failed: one line, and what the failing step said in numbers."""

    text: str
    metadata: dict[str, dg.MetadataValue]


def reason_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Reason:
    """Why a run failed; what its step said, if it could still say anything."""
    steps = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in steps:
        data = record.event_log_entry.get_dagster_event().step_failure_data
        if data.user_failure_data:
            return Reason(data.user_failure_data.description or "", dict(data.user_failure_data.metadata))
        if data.error:
            return Reason(data.error_display_string.strip().splitlines()[0], {})
    # Of a run that took too long, the failure only says that it was forced to end; why, is told before that.
    kinds = {dg.DagsterEventType.RUN_CANCELING, dg.DagsterEventType.RUN_FAILURE}
    ends = instance.get_records_for_run(run.run_id, of_type=kinds).records
    said = [record.event_log_entry.message for record in ends]
    return Reason(" ".join(filter(None, said)) or "the worker died", {})


@dataclass(frozen=True)
class CycleStop:
    """A cycle's last run could not go on, for a reason that is not its titles'."""

    run_id: str
    reason: str
    at: datetime


def stop_of_cycle(instance: dg.DagsterInstance, cycle_id: int) -> CycleStop | None:
    """What stopped the last run of a cycle, if it was stopped and none is under way."""
    records = instance.get_run_records(dg.RunsFilter(tags={CYCLE_TAG: str(cycle_id)}), limit=1)
    for record in records:
        run = record.dagster_run
        if run.status is RunStatus.FAILURE:
            reason = reason_of(instance, run)
            if STOPPED_BY in reason.metadata:
                return CycleStop(run.run_id, reason.text, ended_at(record))
    return None


def unfinished_backfills(instance: dg.DagsterInstance, medium: Medium) -> Sequence[str]:
    """The UI's backfills over a medium's partitions that are not over: their runs may not even be queued yet."""
    unfinished = BulkActionsFilter(statuses=[state for state in BulkActionStatus if state not in _ENDED_BACKFILLS])
    found = instance.get_backfills(filters=unfinished)
    # One that does not name its assets may be over any.
    return [each.backfill_id for each in found if each.asset_selection is None or _about(each.asset_selection, medium)]


def _about(keys: Iterable[dg.AssetKey], medium: Medium) -> bool:
    return any(key.path[0] == medium.plural for key in keys)


def ended_at(record: dg.RunRecord) -> datetime:
    """When a run that is over ended."""
    return _moment(record.end_time) or record.update_timestamp


def _moment(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
