"""Works off a batch of titles in a bounded thread pool, each title alone.

What is done to a title is the caller's; here lives how many at once, who hears of each outcome, and what ends a
batch early: an API that refuses access, or a database that is gone. Titles not reached then stay as they were.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event
from typing import Protocol, TypeVar

from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage.engine import StorageError
from ratingo_pipelines.sync.report import BatchStopped, OnOutcome, StopReason, TitleFailure, TitleOutcome, TitleStatus

AHEAD = 4
"""So many times `concurrency` titles are begun before the caller has heard of their outcomes, and no more: memory does
not grow with the batch, and little is done that a killed process has not told of."""

log = logging.getLogger(__name__)


class HasTitle(Protocol):
    """Anything that can be named in a report."""

    @property
    def tmdb_id(self) -> int:
        """TMDB's id."""

    @property
    def title(self) -> str:
        """The title as people know it."""


Item = TypeVar("Item", bound=HasTitle)


def run_batch(
    items: Sequence[Item],
    work: Callable[[Item], TitleOutcome],
    *,
    stage: str,
    concurrency: int,
    record_outcome: Callable[[Item, TitleOutcome], None],
    on_outcome: OnOutcome,
) -> BatchStopped | None:
    """Do `work` for each item, `concurrency` at a time; as each ends, this thread records it and calls `on_outcome`.

    Returns what ended the batch early, if anything did.

    `record_outcome` keeps what must be remembered of an outcome, failures above all. An exception of `work` is that
    title's failure (in `stage`, where it does not say), save `BatchStopped` and `StorageError`, which end the batch:
    titles under way are finished, the others are not begun.
    """
    stopped: BatchStopped | None = None
    over = Event()

    def unless_over(item: Item) -> TitleOutcome | None:
        # Some titles wait for a thread already.
        if over.is_set():
            return None
        try:
            return work(item)
        except (BatchStopped, StorageError):
            over.set()
            raise

    with ThreadPoolExecutor(max_workers=min(concurrency, max(len(items), 1)), thread_name_prefix="title") as pool:
        try:
            for future, item in _ended(pool, unless_over, items, AHEAD * concurrency, over):
                try:
                    outcome = _outcome(future, item, stage)
                    if outcome is not None:
                        record_outcome(item, outcome)
                except BatchStopped as error:
                    stopped = stopped or error
                except StorageError as error:
                    stopped = stopped or BatchStopped(str(error), StopReason.DATABASE)
                else:
                    if outcome is not None:
                        on_outcome(outcome)
                if stopped:
                    over.set()
        finally:
            over.set()
    return stopped


def _ended(
    pool: ThreadPoolExecutor,
    work: Callable[[Item], TitleOutcome | None],
    items: Iterable[Item],
    ahead: int,
    over: Event,
) -> Iterator[tuple[Future[TitleOutcome | None], Item]]:
    """Begin items, at most so many ahead of the caller, and yield each as it ends; begin none once it is `over`."""
    left = iter(items)
    begun: dict[Future[TitleOutcome | None], Item] = {}
    while True:
        if not over.is_set():
            begun |= {pool.submit(work, item): item for item in islice(left, ahead - len(begun))}
        if not begun:
            return
        for future in wait(begun, return_when=FIRST_COMPLETED).done:
            yield future, begun.pop(future)


def _outcome(future: "Future[TitleOutcome | None]", item: HasTitle, stage: str) -> TitleOutcome | None:
    try:
        return future.result()
    except (BatchStopped, StorageError):
        raise
    except SourceError as error:
        reason = str(error)
    except ValueError as error:
        reason = f"cannot be stored: {error}"
    except Exception as error:
        log.exception("unexpected failure of %s %s", item.tmdb_id, item.title)
        reason = f"unexpected {type(error).__name__}: {_first_line(error)}"
    failure = TitleFailure(item.tmdb_id, item.title, stage, reason)
    return TitleOutcome(item.tmdb_id, item.title, TitleStatus.ERROR, reason, failures=(failure,))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
