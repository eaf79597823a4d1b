"""What the sensors decide: pure functions of facts. No Dagster, no database, no clock.

Collecting the facts and carrying a decision out is the sensors' business.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ratingo_pipelines.media import BY_NAME
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync.work import FAILURE_STAGES
from ratingo_pipelines.text import counted

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
"""A cycle whose runs end without settling a title is resumed ever more rarely: from the first to the longest."""
OFTEN_FOR = SELDOM = timedelta(hours=1)
"""A list that opened no cycle is asked for again as often as failed titles are, for an hour; then hourly."""
FEW = 5
"""Up to so many due retries are runs of their own, so that Dagster shows FAILED where it is true."""


@dataclass(frozen=True)
class Wait:
    """Nothing to launch now; the reason is for people."""

    reason: str


@dataclass(frozen=True)
class Launch:
    """A run of the job `<medium>_<job>`: of one partition, or over `ids`, or of whatever is due. Never twice a key."""

    job: str
    run_key: str
    partition: int | None = None
    ids: tuple[int, ...] = ()
    cycle_id: int | None = None


@dataclass(frozen=True)
class CycleFacts:
    """How far a medium's latest cycle is and what Dagster is doing about it."""

    medium: str
    cycle: Cycle | None
    counts: Counts
    elsewhere: int = 0
    """Titles claimed by runs that Dagster does not know to be over; the command line's are among them."""
    active_runs: Sequence[str] = ()
    """Runs, queued or under way, that work the cycle off or open a new one, as people call them."""
    next_number: int = 0
    """Of the next run for this cycle: one more than the highest so far, as runs may be deleted or started by hand."""
    runs_without_progress: int = 0
    """The last of them, in a row, that settled no title."""
    last_ended_at: datetime | None = None


def decide_cycle(facts: CycleFacts, now: datetime) -> Launch | Wait:
    """One run over the cycle's unfinished titles, when there are some and nobody is at them.

    It thereby also resumes after a crash. Runs that get nowhere are followed by growing pauses.
    """
    cycle, counts = facts.cycle, facts.counts
    if cycle is None:
        return Wait(f"no {facts.medium} cycle yet: start {facts.medium}_trending, or wait for its schedule")
    if facts.active_runs:
        return Wait(f"{', '.join(facts.active_runs)}; it sees to cycle {cycle.id}")
    unfinished = counts.pending + counts.processing
    if not unfinished:
        return Wait(f"cycle {cycle.id} is worked off: {counts.done} done, {counts.error} failed of {counts.total}")
    if unfinished <= facts.elsewhere:
        named = counted(facts.elsewhere, f"title of cycle {cycle.id} is", f"titles of cycle {cycle.id} are")
        return Wait(f"{named} being worked on outside of this cycle's runs")
    resumes_at = _resumes_at(facts)
    if resumes_at is not None and now < resumes_at:
        return Wait(
            f"{_last_runs(facts.runs_without_progress)} of cycle {cycle.id} ended without storing a title "
            f"(see their errors); the next one starts at {resumes_at:%H:%M:%S} UTC"
        )
    # Runs of earlier versions are not found by their tag any more: keys must not meet theirs, or nothing is launched.
    return Launch("sync", f"{facts.medium}:runs:{cycle.id}:{facts.next_number}", cycle_id=cycle.id)


def _last_runs(number: int) -> str:
    return "the last run" if number == 1 else f"the last {number} runs"


def _resumes_at(facts: CycleFacts) -> datetime | None:
    if not facts.runs_without_progress or facts.last_ended_at is None:
        return None
    return facts.last_ended_at + min(FIRST_PAUSE * (1 << min(facts.runs_without_progress - 1, 20)), LONGEST_PAUSE)


@dataclass(frozen=True)
class FetchFacts:
    """How the trending list of a medium was asked for since it last opened a cycle."""

    medium: str
    failed: Sequence[Attempt]
    """The attempts that opened none, the oldest first; none where the last one did."""
    retry_delay: timedelta
    active_runs: Sequence[str] = ()
    """As of `CycleFacts`."""


def decide_fetch(facts: FetchFacts, now: datetime) -> Launch | Wait:
    """Ask for a list again that opened no cycle: after `retry_delay`, and once that went on for an hour, hourly.

    A key that is refused is not mended by asking, so it is tried hourly at most.
    """
    if not facts.failed:
        return Wait(f"the last list of {facts.medium} opened a cycle")
    first, last = facts.failed[0], facts.failed[-1]
    seldom = last.asked_at - first.asked_at >= OFTEN_FOR or last.outcome == AttemptOutcome.DENIED
    due_at = last.asked_at + (max(facts.retry_delay, SELDOM) if seldom else facts.retry_delay)
    if now < due_at:
        return Wait(f"the list of {facts.medium} opened no cycle and is asked for again at {due_at:%H:%M:%S} UTC")
    if facts.active_runs:
        return Wait(f"the list of {facts.medium} is asked for again after {', '.join(facts.active_runs)}")
    return Launch("trending", f"{facts.medium}:fetch:{last.id}:{now:%Y-%m-%dT%H}")


def decide_cycle_and_fetch(cycle: CycleFacts, fetch: FetchFacts, now: datetime) -> list[Launch] | Wait:
    """Both decisions in one: a list that is due again keeps no unfinished cycle from going on."""
    decided = [decide_fetch(fetch, now), decide_cycle(cycle, now)]
    launches = [decision for decision in decided if isinstance(decision, Launch)]
    if launches:
        return launches
    reasons = [decision.reason for decision in decided if isinstance(decision, Wait)]
    return Wait("; ".join(reversed(reasons if fetch.failed else reasons[1:])))


@dataclass(frozen=True)
class RetryFacts:
    """The failures of a medium, and what else is going on."""

    medium: str
    failures: Sequence[Failure]
    partitions: Collection[int]
    """Titles that have a partition; others are stubs of related titles, which the meta backfill sees to."""
    give_up_after: int
    unfinished: int = 0
    """Titles of the latest cycle that are still to be worked off; they go first."""
    active_runs: Sequence[str] = ()


def decide_retries(facts: RetryFacts, now: datetime) -> list[Launch] | Wait:
    """Retry what is due: a few titles as a run each, more of them (after an outage) as one run.

    Failures of a backfill are retried by its own jobs, which are named after its stage.
    """
    own = [failure for failure in facts.failures if failure.tmdb_id in facts.partitions]
    if not own:
        return Wait(f"no {facts.medium} failed")
    due = [failure for failure in own if failure.next_attempt_at <= now]
    if not due:
        return Wait(_when_retried(facts, own))
    named = counted(len(due), "failure is", "failures are")
    if facts.active_runs:
        return Wait(f"{named} due, after {', '.join(facts.active_runs)}")
    if facts.unfinished:
        return Wait(f"{named} due, after {counted(facts.unfinished, 'title')} that the cycle has yet to see")
    titles = _latest([failure for failure in due if failure.stage in FAILURE_STAGES])
    others = sorted({failure.stage for failure in due} - FAILURE_STAGES)
    backfilled = {stage: _latest([failure for failure in due if failure.stage == stage]) for stage in others}
    if len(titles) + sum(map(len, backfilled.values())) <= FEW:
        alone = [("retry", failure) for failure in titles]
        alone += [(f"{stage}_retry", failure) for stage, failed in backfilled.items() for failure in failed]
        return [
            Launch(job, _retry_key(facts, f"{job}:{failure.tmdb_id}", [failure], now), partition=failure.tmdb_id)
            for job, failure in alone
        ]
    launches = []
    if titles:
        ids = tuple(failure.tmdb_id for failure in titles)
        launches.append(Launch("sync", _retry_key(facts, f"{len(ids)} titles", titles, now), ids=ids))
    for stage, failed in backfilled.items():
        launches.append(Launch(f"{stage}_backfill", _retry_key(facts, f"{len(failed)} {stage}", failed, now)))
    return launches


def _latest(failures: Sequence[Failure]) -> list[Failure]:
    """One failure a title: the latest."""
    found: dict[int, Failure] = {}
    for failure in sorted(failures, key=lambda failure: failure.last_failed_at):
        found[failure.tmdb_id] = failure
    return sorted(found.values(), key=lambda failure: (failure.next_attempt_at, failure.tmdb_id))


def _retry_key(facts: RetryFacts, what: str, failures: Sequence[Failure], now: datetime) -> str:
    """Changes once the attempt is on record; a run that ended before that is followed by another in the next hour."""
    latest = max(failure.last_failed_at for failure in failures)
    return f"{facts.medium}:retry:{what}:{latest.isoformat()}:{now:%Y-%m-%dT%H}"


def _when_retried(facts: RetryFacts, failures: Sequence[Failure]) -> str:
    given_up = len({failure.tmdb_id for failure in failures if failure.attempts >= facts.give_up_after})
    failing = len({failure.tmdb_id for failure in failures})
    attempts = counted(facts.give_up_after, "attempt")
    gave_up = f", {given_up} of them given up after {attempts} and tried weekly" if given_up else ""
    first = min(failure.next_attempt_at for failure in failures)
    named = counted(failing, BY_NAME[facts.medium].singular, facts.medium)
    return f"{named} failed{gave_up}; the next is tried at {first:%Y-%m-%d %H:%M:%S} UTC"
