"""The operations that can be triggered, and their answers: from what a run recorded to the guide's fields. Pure.

`success` is false only where the operation itself could not run; titles that failed are counted and listed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ratingo_pipelines.defs.imdb import IMDB_JOB, IMDB_RATINGS
from ratingo_pipelines.defs.partitions import AIRINGS, STALE_AIRINGS, key
from ratingo_pipelines.defs.run_report import RunReport
from ratingo_pipelines.gateway.api.models import (
    BackfillAnswer,
    BackfillTotals,
    BootstrapAnswer,
    CalendarAnswer,
    CalendarCounts,
    CoordinatorAnswer,
    ListTotals,
    OperationAnswer,
    ProcessorAnswer,
    PruneAnswer,
    PruneTotals,
    RatingCounts,
    SnapshotCounts,
    StageTotals,
    TitleAnswer,
)
from ratingo_pipelines.gateway.api.progress import TitleStanding, listed, stamp
from ratingo_pipelines.gateway.api.runs import Run
from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync.backfill import BACKFILLS, BOOTSTRAP
from ratingo_pipelines.sync.report import CalendarReport, StageCounts

NOT_STORED = "it is not stored: TMDB does not know it, or the anime filter stops it"


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run that ended: its report, the titles that failed, why it ended early."""

    run: Run
    report: RunReport = field(default_factory=RunReport)
    failures: tuple[Failure, ...] = ()
    reason: str = ""
    title: TitleStanding | None = None
    """Of a run over one title: what it has become."""


@dataclass(frozen=True)
class Operation:
    """A job, the assets it reports by, and what it answers; None where the run did not come to what it is about."""

    job: str
    medium: Medium
    reports: tuple[dg.AssetKey, ...]
    done: Callable[[RunFacts], OperationAnswer | None]

    def answer(self, facts: RunFacts) -> dict[str, Any]:
        """The answer to whoever triggered the run, or asks for it later."""
        stages = facts.report.stages
        stopped = "; ".join(f"{stage.stage}: {stage.stopped}" for stage in stages if stage.stopped)
        in_vain = stopped and not any(stage.succeeded for stage in stages)
        answer = None if in_vain else self.done(facts)
        ended: dict[str, Any] = {"run_id": facts.run.id}
        if facts.failures:
            ended["errors"] = listed(facts.failures)
        if answer is None:
            return OperationAnswer(success=False, error=stopped or facts.reason, **ended).as_json()
        if stopped:
            ended["stopped"] = stopped
        return answer.model_copy(update=ended).as_json()


def coordinator_answer(facts: RunFacts) -> CoordinatorAnswer | None:
    """The coordinator's."""
    fetched = facts.report.trending
    if fetched is None:
        return None
    totals = ListTotals(trending_fetched=fetched.fetched)
    return CoordinatorAnswer(success=True, job_id=fetched.cycle_id, tasks_queued=fetched.eligible, totals=totals)


def processor_answer(facts: RunFacts) -> ProcessorAnswer | None:
    """The processor's."""
    stages = facts.report.stages
    if not stages:
        return None
    return processed(
        sum(stage.succeeded for stage in stages),
        sum(stage.failed for stage in stages),
        sum(stage.skipped for stage in stages),
    )


def processed(succeeded: int, failed: int, skipped: int) -> ProcessorAnswer:
    """Counts of titles that ended."""
    total = succeeded + failed + skipped
    return ProcessorAnswer(success=True, processed=total, succeeded=succeeded, failed=failed, skipped=skipped)


def bootstrap_answer(facts: RunFacts) -> BootstrapAnswer | None:
    """The bootstrap's: the titles of the trending list, then the stages after them."""
    report, fetched, titles = facts.report, facts.report.trending, facts.report.stage("titles")
    if fetched is None or titles is None:
        return None
    totals: dict[str, Any] = {each.name: _totals(stage) for each in BOOTSTRAP if (stage := report.stage(each.name))}
    if report.calendar:
        totals["calendar"] = _episodes(report.calendar)
    optional: dict[str, Any] = {}
    if report.pruned:
        optional["prune"] = PruneTotals(deleted=report.pruned.deleted)
    if failed := sum(stage.failed for stage in report.stages):
        optional["error_count"] = failed
    inserted, unchanged = titles.snapshots, titles.snapshots_unchanged
    return BootstrapAnswer(
        success=True,
        job_id=fetched.cycle_id,
        updated=titles.updated,
        added=titles.added,
        skipped=titles.skipped + fetched.fetched - fetched.eligible,
        totals=ListTotals(trending_fetched=fetched.fetched),
        ratings=RatingCounts(updated=titles.ratings, buckets_upserted=titles.buckets),
        snapshots=SnapshotCounts(inserted=inserted, unchanged=unchanged, processed=inserted + unchanged),
        backfill=BackfillTotals(**totals),
        timestamp=stamp(facts.run.ended_at),
        **optional,
    )


def backfill_answer(facts: RunFacts) -> BackfillAnswer | None:
    """A backfill's."""
    counts, stages = processor_answer(facts), facts.report.stages
    if counts is None:
        return None
    notes = [f"- {note}" for stage in stages for note in stage.notes]
    said = {"notes": "\n".join(notes)} if notes else {}
    updated = sum(stage.updated for stage in stages)
    return BackfillAnswer(**counts.model_dump(exclude_unset=True), updated=updated, **said)


def title_answer(facts: RunFacts) -> TitleAnswer | None:
    """That of one title: where it is not stored, `success` is false, with the reason."""
    title, stages = facts.title, facts.report.stages
    if title is None or not stages:
        return None
    if title.row_id is None:
        reason = title.ineligible or "; ".join(failure.last_error for failure in facts.failures) or NOT_STORED
        return TitleAnswer(success=False, tmdb_id=title.tmdb_id, error=reason)
    return TitleAnswer(success=True, id=title.row_id, tmdb_id=title.tmdb_id)


def title_job(medium: Medium) -> str:
    """The job that fetches one title."""
    return f"{medium}_title"


def title_config(medium: Medium, tmdb_id: int) -> dict[str, Any]:
    """The run config by which it is told which."""
    return {"ops": {f"{medium}_fetch_title": {"config": {"tmdb_id": tmdb_id}}}}


def title_of(run: Run) -> int | None:
    """The TMDB id of the title that a run of such a job fetches."""
    medium = next((each for each in MEDIA if run.job == title_job(each)), None)
    found = run.config.get("ops", {}).get(f"{medium}_fetch_title", {}).get("config", {}).get("tmdb_id")
    return found if medium and isinstance(found, int) else None


def calendar_answer(facts: RunFacts) -> CalendarAnswer | None:
    """The calendar sync's."""
    synced = facts.report.calendar
    if synced is None or synced.nothing_came:
        return None
    said = {"notes": "\n".join(f"- {note}" for note in synced.notes)} if synced.notes else {}
    return CalendarAnswer(success=True, **_episodes(synced).model_dump(exclude_unset=True), **said)


def prune_answer(facts: RunFacts) -> PruneAnswer | None:
    """The prune's."""
    pruned = facts.report.pruned
    return PruneAnswer(success=True, deleted=pruned.deleted) if pruned else None


def _episodes(synced: CalendarReport) -> CalendarCounts:
    missing: dict[str, Any] = {"days_missing": list(synced.days_missing)} if synced.days_missing else {}
    return CalendarCounts(
        processed=synced.processed, inserted=synced.inserted, updated=synced.updated, deleted=synced.deleted, **missing
    )


def _totals(stage: StageCounts) -> Any:
    return StageTotals(updated=stage.updated, failed=stage.failed, skipped=stage.skipped)


def _operations_of(medium: Medium) -> list[Operation]:
    report, trending = key(medium, "sync_report"), key(medium, "trending")
    whole = (report, trending, AIRINGS, STALE_AIRINGS)
    return [
        Operation(f"{medium}_trending", medium, (trending,), coordinator_answer),
        Operation(f"{medium}_sync", medium, (report,), processor_answer),
        Operation(title_job(medium), medium, (report,), title_answer),
        Operation(f"{medium}_full_sync", medium, whole, bootstrap_answer),
        *(Operation(f"{medium}_{each.name}_backfill", medium, (report,), backfill_answer) for each in BACKFILLS),
    ]


OPERATIONS = {
    operation.job: operation
    for operation in [
        *(operation for medium in MEDIA for operation in _operations_of(medium)),
        Operation(IMDB_JOB, SHOWS, (IMDB_RATINGS,), backfill_answer),
        Operation("shows_calendar_sync", SHOWS, (AIRINGS,), calendar_answer),
        Operation("shows_calendar_prune", SHOWS, (STALE_AIRINGS,), prune_answer),
    ]
}
