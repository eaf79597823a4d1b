"""What needs a person, from plain facts. No Dagster, no database, no HTTP: collecting and telling is the sensor's.

One dead title needs nobody: it is retried, and given up visibly.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ratingo_pipelines.cron import previous_times
from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.settings import OFF
from ratingo_pipelines.storage.doubts import DoubtCount
from ratingo_pipelines.sync.report import StopReason
from ratingo_pipelines.sync.status import MediumStatus, SyncStatus
from ratingo_pipelines.sync.trust.doubts import key_of, many_said

TOO_MANY = 0.1
"""The part of a cycle that may fail without anybody being told."""


@dataclass(frozen=True)
class Problem:
    """Something that needs a person. The key stays the same while the problem lasts, so that it is told once."""

    key: str
    text: str


@dataclass(frozen=True)
class EndedRun:
    """The newest run of a job, which is over. `reason` says why it failed."""

    job: str
    run_id: str
    failed: bool
    ended_at: datetime
    reason: str = ""
    only_titles_failed: bool = False
    """Whether its stages came through, and only single titles did not."""
    stopped_by: str | None = None
    """What ended a stage early: a value of `StopReason`."""


def problems(
    status: SyncStatus,
    runs: Sequence[EndedRun],
    now: datetime,
    *,
    grace: timedelta,
    old_before: Mapping[str, datetime],
) -> list[Problem]:
    """What needs a person now. A failed run has `grace` to be made good by a newer one, a refused key has none.

    `old_before` says for each medium with a schedule since when there should have been a cycle (UTC).
    """
    found: list[Problem] = []
    for medium in status.media:
        if medium.medium in old_before:
            found += _old(medium, old_before[medium.medium])
        found += _failing(medium)
        found += _doubted(medium)
    return found + [problem for run in runs for problem in _failed(run, now, grace)]


def cycles_due_since(crons: Mapping[str, str], now: datetime) -> dict[str, datetime]:
    """Since when each medium should have had a cycle: two times of its schedule ago, of which one may fail."""
    return {
        medium.plural: previous_times(cron, now, 2)[-1]
        for medium in MEDIA
        if (cron := crons[f"{medium}_trending"]) != OFF
    }


def _old(medium: MediumStatus, due_since: datetime) -> list[Problem]:
    if medium.cycle is None or medium.cycle.cycle_at >= due_since:
        return []
    age = timedelta(seconds=medium.age_seconds or 0)
    return [
        Problem(
            f"{medium.medium}:old",
            f"The latest cycle of {medium.medium} is {age.total_seconds() / 3600:.0f} h old. See whether the daemon "
            f"runs and why {medium.medium}_trending failed or did not start.",
        )
    ]


def _failing(medium: MediumStatus) -> list[Problem]:
    failed, total = medium.counts.error, medium.counts.total
    if medium.cycle is None or failed <= max(1, total * TOO_MANY):
        return []
    example = f" For example: {medium.failures[0].last_error}" if medium.failures else ""
    return [
        Problem(
            f"{medium.medium}:failing:{medium.cycle.id}",
            f"{failed} of {total} {medium.medium} failed in cycle {medium.cycle.id}.{example} "
            "They are retried by themselves; `ratingo status` lists them.",
        )
    ]


def _doubted(medium: MediumStatus) -> list[Problem]:
    """What a source says of so many titles that it is taken for its fault; single doubts need nobody."""
    by_part: dict[str, list[DoubtCount]] = {}
    for count in medium.doubts:
        if count.many:
            by_part.setdefault(count.part, []).append(count)
    return [
        Problem(
            f"{medium.medium}:doubts:{part}",
            " ".join(many_said(medium.medium, key_of(count), count.many) for count in counts),
        )
        for part, counts in by_part.items()
    ]


def _failed(run: EndedRun, now: datetime, grace: timedelta) -> list[Problem]:
    if not run.failed or run.only_titles_failed:
        return []
    if run.stopped_by == StopReason.ACCESS:
        return [Problem(f"access:{run.job}", f"An API refuses access, so {run.job} cannot go on: {run.reason}")]
    if now < run.ended_at + grace:
        return []
    return [Problem(f"failed:{run.job}", f"{run.job} failed (run {run.run_id}): {run.reason}")]


def new_problems(found: Sequence[Problem], told: Collection[str]) -> list[Problem]:
    """The problems that nobody was told of yet."""
    return [problem for problem in found if problem.key not in told]
