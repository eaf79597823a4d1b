"""Works off a batch of titles in a bounded thread pool, each title alone, and judges their failures together.

What is done to a title is the caller's, as `Steps`; whose fault a failure is, `trust.blame` decides. Here lives how
many titles are worked on at once, which of them wait until their failures are judged, who hears of each outcome, and
what ends a batch early: a source that is at fault, refuses access or is gone, and a database that is gone. Titles not
reached, and those whose failure is the source's, then stay as they were.
"""

import logging
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Generic, Protocol, TypeVar

from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage.engine import StorageError
from ratingo_pipelines.sync.report import BatchStopped, Follower, StopReason, TitleFailure, TitleOutcome, TitleStatus
from ratingo_pipelines.sync.trust.blame import (
    OURS,
    Answer,
    Blame,
    Evidence,
    Kind,
    Question,
    Suspicion,
    WitnessAnswer,
    accusation,
)
from ratingo_pipelines.text import visible

AHEAD = 4
"""So many times `concurrency` titles are begun before the caller has heard of their outcomes, and no more: memory does
not grow with the batch, and little is done that a killed process has not told of."""

PAUSE_SECONDS = 1.0
"""A follower who keeps something back tells it after so long without an outcome."""

Steps = Generator[Answer, None, TitleOutcome]
"""The work on one title, which yields what came of each question it asked a source and returns the outcome.

After an answer that is a failure it may be left where it stands, and closed: what it has written by then must be right
whatever comes of the title.
"""

log = logging.getLogger(__name__)


class HasTitle(Protocol):
    """Anything that can be named in a report."""

    @property
    def tmdb_id(self) -> int:
        """TMDB's id; a batch has each once."""

    @property
    def title(self) -> str:
        """The title as people know it."""


Item = TypeVar("Item", bound=HasTitle)
Item_contra = TypeVar("Item_contra", bound=HasTitle, contravariant=True)
EvidenceOf = Callable[[Question, Kind], Evidence]


class Witnesses(Protocol):
    """Titles that sources answered well for, asked about when they fail many alike."""

    def ask(self, question: Question, lately: Sequence[int], suspects: Collection[int]) -> WitnessAnswer | None:
        """Ask, past the cache, about the title that it was answered well for most lately; None where none is known.

        `lately`: those of this batch (TMDB ids), the latest first; none of `suspects`, who are compared with it. Raises
        `BatchStopped` where nothing can be asked.
        """

    def remember(self, answered_well: Mapping[Question, Sequence[int]]) -> None:
        """Keep the titles that questions were answered well for last, for batches to come."""


class Outcomes(Protocol[Item_contra]):
    """Keeps what must be remembered of titles that ended."""

    def record(self, item: Item_contra, outcome: TitleOutcome, evidence: EvidenceOf) -> TitleOutcome:
        """Keep an outcome, failures above all; return it with what was made of them."""

    def leave(self, item: Item_contra) -> None:
        """Record nothing of a title whose failure is not its own, but that it was tried."""


def run_batch(
    items: Sequence[Item],
    work: Callable[[Item], Steps],
    *,
    stage: str,
    concurrency: int,
    witnesses: Witnesses,
    outcomes: Outcomes[Item],
    follower: Follower,
) -> BatchStopped | None:
    """Do `work` for each item, `concurrency` at a time; as each ends, this thread records it and tells `follower`.

    Returns what ended the batch early, if anything did. A title that failed is recorded once its failure is known to be
    its own; where it turns out to be the source's, the batch ends and nothing is recorded of it.

    An exception of `work` is that title's failure (in `stage`), save `BatchStopped` and `StorageError`, which end the
    batch: titles under way are finished, the others are not begun.
    """
    return _Batch(items, work, stage, concurrency, witnesses, outcomes, follower).run()


@dataclass(frozen=True)
class _Progress(Generic[Item]):
    """How far a title came: to its end, or to a failure that has to be judged before it goes on."""

    item: Item
    steps: Steps
    answers: Sequence[Answer]
    outcome: TitleOutcome | None = None


class _Batch(Generic[Item]):
    def __init__(
        self,
        items: Sequence[Item],
        work: Callable[[Item], Steps],
        stage: str,
        concurrency: int,
        witnesses: Witnesses,
        outcomes: Outcomes[Item],
        follower: Follower,
    ) -> None:
        self._work = work
        self._own_step = Question(OURS, stage)
        self._workers = max(min(concurrency, len(items)), 1)
        self._witnesses = witnesses
        self._outcomes = outcomes
        self._follower = follower
        self._blame = Blame(len(items), self._workers)
        self._left = iter(items)
        self._running: dict[Future[_Progress[Item] | None], Item] = {}
        self._waiting: dict[int, _Progress[Item]] = {}
        """Titles that failed and are not judged, by TMDB id."""
        self._broken_off: list[Item] = []
        """Titles that what ended the batch happened to."""
        self._stopped: BatchStopped | None = None
        self._over = Event()

    def run(self) -> BatchStopped | None:
        with ThreadPoolExecutor(self._workers, thread_name_prefix="title") as pool:
            try:
                while self._begin(pool) or self._judge_rest(pool):
                    self._hear_of_ended(pool)
            finally:
                self._over.set()
        for progress in self._waiting.values():
            progress.steps.close()
        if self._stopped is None or self._stopped.kind is not StopReason.DATABASE:
            for item in (*self._broken_off, *(progress.item for progress in self._waiting.values())):
                self._outcomes.leave(item)
            self._witnesses.remember(self._blame.answered_well())
        return self._stopped

    def _begin(self, pool: ThreadPoolExecutor) -> bool:
        """Begin titles, as many as may be under way; whether any is."""
        while self._stopped is None and len(self._running) < self._most_running():
            item = next(self._left, None)
            if item is None:
                break
            self._running[pool.submit(self._start, item)] = item
        return bool(self._running)

    def _most_running(self) -> int:
        if self._blame.first_round_is_over:
            return AHEAD * self._workers
        # Until there is something to tell by, a source that lies to everybody costs no more than one round.
        return self._blame.round_size - len(self._waiting)

    def _hear_of_ended(self, pool: ThreadPoolExecutor) -> None:
        done = wait(self._running, timeout=PAUSE_SECONDS, return_when=FIRST_COMPLETED).done
        if not done:
            self._follower.on_pause()
        for future in [future for future in self._running if future in done]:
            item = self._running.pop(future)
            try:
                progress = future.result()
                if progress is not None:
                    self._hear(progress)
            except (BatchStopped, StorageError) as error:
                self._broken_off.append(item)
                self._stop(error)
        if self._stopped is None:
            self._judge(pool, over=False)

    def _hear(self, progress: _Progress[Item]) -> None:
        item = progress.item
        if self._blame.hear(item.tmdb_id, progress.answers):
            self._waiting[item.tmdb_id] = progress
        elif progress.outcome is not None:
            self._follower.on_outcome(self._outcomes.record(item, progress.outcome, self._blame.evidence))

    def _judge_rest(self, pool: ThreadPoolExecutor) -> bool:
        """Judge what waits, as nothing more will be heard; whether titles go on thereby."""
        # Quotas end on many a day. What was asked until then is judged as at any end, but that no witness can be asked.
        if self._waiting and (self._stopped is None or self._stopped.kind is StopReason.QUOTA):
            self._judge(pool, over=True)
        return bool(self._running)

    def _judge(self, pool: ThreadPoolExecutor, *, over: bool) -> None:
        """Have a witness asked about where that is due; go on with titles whose failures are their own."""
        try:
            while suspicion := self._blame.suspicion(over=over):
                self._compare(suspicion)
        except (BatchStopped, StorageError) as error:
            self._stop(error)
            return
        for key in self._blame.judged(over=over):
            progress = self._waiting.pop(key)
            self._running[pool.submit(self._advance, progress.item, progress.steps)] = progress.item

    def _compare(self, suspicion: Suspicion) -> None:
        """Tell by a witness whose fault a common failure is; raise `BatchStopped` where it is the source's."""
        question, compared = suspicion.question, None
        if self._stopped is None:
            lately = self._blame.answered_well().get(question, ())
            compared = self._witnesses.ask(question, lately, self._waiting.keys())
        if compared is None or compared.kind is not Kind.WELL:
            raise BatchStopped(accusation(suspicion, compared), StopReason.SOURCE)
        self._blame.vouch(question)

    def _stop(self, error: BatchStopped | StorageError) -> None:
        self._over.set()
        stopped = error if isinstance(error, BatchStopped) else BatchStopped(str(error), StopReason.DATABASE)
        if self._stopped is None or self._stopped.kind is StopReason.QUOTA:
            self._stopped = stopped

    def _start(self, item: Item) -> _Progress[Item] | None:
        # Some titles wait for a thread already when the batch is stopped.
        return None if self._over.is_set() else self._advance(item, self._work(item))

    def _advance(self, item: Item, steps: Steps) -> _Progress[Item]:
        """In a thread of the pool: do the title's steps to their end, or to a failure."""
        answers: list[Answer] = []
        try:
            while True:
                answers.append(next(steps))
                if answers[-1].kind is not Kind.WELL:
                    return _Progress(item, steps, answers)
        except StopIteration as end:
            outcome: TitleOutcome = end.value
        except (BatchStopped, StorageError):
            self._over.set()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this title's and stops no other
            failed = _failed(item, self._own_step.stage, error)
            answers.append(Answer(self._own_step, item.tmdb_id, Kind.FAILED, failed.reason or ""))
            return _Progress(item, _told(failed), answers)
        if outcome.stored:
            answers.append(Answer(self._own_step, item.tmdb_id, Kind.WELL))
        return _Progress(item, steps, answers, outcome)


def _told(outcome: TitleOutcome) -> Steps:
    """The steps of a title that has none left."""
    yield from ()
    return outcome


def _failed(item: HasTitle, stage: str, error: Exception) -> TitleOutcome:
    if isinstance(error, SourceError):
        reason = str(error)
    elif isinstance(error, ValueError):
        reason = f"cannot be stored: {error}"
    else:
        log.error("unexpected failure of %s %s", item.tmdb_id, visible(item.title), exc_info=error)
        reason = f"unexpected {type(error).__name__}: {_first_line(error)}"
    failure = TitleFailure(item.tmdb_id, item.title, stage, reason, kind=Kind.FAILED)
    return TitleOutcome(item.tmdb_id, item.title, TitleStatus.ERROR, reason, failures=(failure,))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
