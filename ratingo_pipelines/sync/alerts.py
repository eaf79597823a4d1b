"""What needs a person, from plain facts. No Dagster, no database, no HTTP: collecting and telling is the sensor's.

One dead title needs nobody: it is retried, and given up visibly.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ratingo_pipelines.cron import previous_times
from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.settings import OFF
from ratingo_pipelines.storage.attempts import TRENDING, AttemptOutcome
from ratingo_pipelines.storage.doubts import DoubtCount
from ratingo_pipelines.sync.report import StopReason
from ratingo_pipelines.sync.status import MediumStatus, SyncStatus
from ratingo_pipelines.sync.trust.clock import agrees, in_words
from ratingo_pipelines.sync.trust.doubts import key_of, many_said

TOO_MANY = 0.1
"""The part of a cycle that may fail, or be skipped anew, without anybody being told."""
SKIPPED_MORE = 5
"""So many may be skipped anew in a cycle of whatever size."""
TOLD_AGAIN_AFTER = timedelta(days=7)
NOT_BELIEVED = frozenset({AttemptOutcome.SHORT, AttemptOutcome.NOT_WHOLE, AttemptOutcome.CLOCK})


@dataclass(frozen=True)
class Problem:
    """Something that needs a person. The key stays the same while the problem lasts, so that it is told once."""

    key: str
    text: str
    about: str = ""
    """What of it is told again when it changes: who fails, which parts; no counts, no numbers of runs."""


@dataclass(frozen=True)
class ToldProblem:
    """A problem that somebody was told of, until it is over."""

    at: datetime
    """When last; it is told again after a week."""
    text: str
    about: str | None = None
    """None: a version told of it that did not say."""


@dataclass(frozen=True)
class Assessment:
    """What needs a person now, and of what that cannot be said yet: it is neither told nor called over."""

    problems: Sequence[Problem]
    undecided: frozenset[str] = frozenset()
    """Keys, or what keys begin with up to their first colon."""
    blind: bool = False
    """Whether nothing more than `problems` can be said of anything."""

    def is_over(self, key: str) -> bool:
        """Whether a problem that somebody was told of is known to be no more."""
        if self.blind or {key, key.partition(":")[0]} & self.undecided:
            return False
        return all(problem.key != key for problem in self.problems)


@dataclass(frozen=True)
class Telling:
    """What is to be told now, and what is on record once it is."""

    lines: tuple[str, ...]
    keys: tuple[str, ...]
    """Of the problems and of what is over among `lines`."""
    told: Mapping[str, ToldProblem]


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


def assess(
    status: SyncStatus,
    runs: Sequence[EndedRun],
    now: datetime,
    *,
    grace: timedelta,
    old_before: Mapping[str, datetime],
    under_way: Collection[str] = (),
) -> Assessment:
    """What needs a person now. A failed run has `grace` to be made good by a newer one, a refused key has none.

    `old_before` says for each medium with a schedule since when there should have been a cycle (UTC); `under_way` names
    the jobs whose newest run is not over.
    """
    found: list[Problem] = []
    failing = {run.job for run in runs if _needs_a_person(run, now, grace)}
    for medium in status.media:
        # That no cycle comes is what follows from a list that fails, which is told.
        if medium.medium in old_before and f"{medium.medium}_trending" not in failing:
            found += _old(medium, old_before[medium.medium])
        found += _failing(medium)
        found += _doubted(medium)
        found += _skipping(medium)
        found += _not_believed(medium, now, grace)
        found += [Problem(f"{medium.medium}:trakt", said)] if (said := medium.stands_in) else []
    found += _clock(status)
    # What is said of a list itself need not be said of its run again.
    told = {f"{medium.medium}_trending" for medium in status.media if _not_believed(medium, now, timedelta())}
    found += _failed([run for run in runs if run.job not in told], now, grace)
    # A run that failed a moment ago, or is not over, may fail as the one before it did.
    unsettled = {*under_way, *(run.job for run in runs if run.failed and run.job not in failing)}
    return Assessment(tuple(found), _undecided(status, unsettled))


def _undecided(status: SyncStatus, unsettled: Collection[str]) -> frozenset[str]:
    working = [medium for medium in status.media if medium.counts.pending or medium.counts.processing]
    return frozenset(
        [
            *(f"{medium.medium}:failing" for medium in working),
            *(f"failed:{job}" for job in unsettled),
            *(["access"] if unsettled else []),
        ]
    )


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
            f"{medium.medium}:failing",
            f"{failed} of {total} {medium.medium} failed in cycle {medium.cycle.id}.{example} "
            "They are retried by themselves; `ratingo status` lists them.",
            "most" if failed * 2 > total else "some",
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
            ", ".join(sorted(str(key_of(count)) for count in counts)),
        )
        for part, counts in by_part.items()
    ]


def _skipping(medium: MediumStatus) -> list[Problem]:
    """Titles skipped that the cycle before did not skip: too many for each to be an odd title."""
    now, before = medium.skipped, medium.skipped_before
    added = sum(max(count - before.get(reason, 0), 0) for reason, count in now.items())
    if medium.cycle is None or not before or added <= max(SKIPPED_MORE, medium.counts.total * TOO_MANY):
        return []
    said = ", ".join(f"{count} {reason} ({before.get(reason, 0)} before)" for reason, count in now.items())
    return [
        Problem(
            f"{medium.medium}:skipped",
            f"Cycle {medium.cycle.id} of {medium.medium} skips {added} titles more than the one before: {said}. See "
            "whether what Trakt and TMDB say of them is true.",
            ", ".join(sorted(now)),
        )
    ]


def _not_believed(medium: MediumStatus, now: datetime, grace: timedelta) -> list[Problem]:
    """A trending list that came and opened no cycle; one that did not come is its run's to tell."""
    asked = medium.attempts.get(TRENDING)
    if asked is None or asked.outcome not in NOT_BELIEVED or now < asked.asked_at + grace:
        return []
    return [Problem(f"{medium.medium}:list:{asked.outcome}", f"{medium.medium}: {asked.reason or asked.outcome}")]


def _clock(status: SyncStatus) -> list[Problem]:
    """A clock that is off by minutes; from an hour on lists open no cycle, which is told of them."""
    told = [attempt for medium in status.media if (attempt := medium.attempts.get(TRENDING)) and attempt.well]
    newest = max(told, key=lambda attempt: attempt.asked_at, default=None)
    if newest is None or newest.ahead_seconds is None or agrees(timedelta(seconds=newest.ahead_seconds)):
        return []
    off = in_words(timedelta(seconds=newest.ahead_seconds))
    return [Problem("clock", f"This machine's clock is {off}: set it. From an hour on no cycle is opened.")]


def _needs_a_person(run: EndedRun, now: datetime, grace: timedelta) -> bool:
    if not run.failed or run.only_titles_failed:
        return False
    return run.stopped_by == StopReason.ACCESS or now >= run.ended_at + grace


def _failed(runs: Sequence[EndedRun], now: datetime, grace: timedelta) -> list[Problem]:
    """A refused key stops many a job, and is one problem; of other failures each job has its own."""
    refused: dict[str, list[str]] = {}
    found = []
    for run in runs:
        if not _needs_a_person(run, now, grace):
            continue
        if run.stopped_by == StopReason.ACCESS:
            refused.setdefault(run.reason, []).append(run.job)
        else:
            told = f"{run.job} failed (run {run.run_id}): {run.reason}"
            found.append(Problem(f"failed:{run.job}", told, _who(run.reason)))
    return found + [
        Problem(
            f"access:{_who(reason)}",
            f"An API refuses access, so {' and '.join(sorted(jobs))} cannot go on: {reason}",
        )
        for reason, jobs in refused.items()
    ]


def _who(reason: str) -> str:
    """Whose failure a reason tells of: it begins with that."""
    return reason.partition(":")[0]


def to_tell(found: Assessment, told: Mapping[str, ToldProblem], now: datetime) -> Telling:
    """What nobody was told of yet, or otherwise, or a week ago, and what is over of what somebody was told of."""
    due = [problem for problem in found.problems if _is_due(problem, told.get(problem.key), now)]
    over = [key for key in told if found.is_over(key)]
    kept = {key: said for key, said in told.items() if key not in over}
    return Telling(
        lines=(*(problem.text for problem in due), *(f"Over: {told[key].text}" for key in over)),
        keys=(*(problem.key for problem in due), *(f"{key} is over" for key in over)),
        told={**kept, **{problem.key: ToldProblem(now, problem.text, problem.about) for problem in due}},
    )


def _is_due(problem: Problem, told: ToldProblem | None, now: datetime) -> bool:
    if told is None or now - told.at >= TOLD_AGAIN_AFTER:
        return True
    return told.about is not None and told.about != problem.about
