"""Events stored together: what a thread logs between two moments is one write, where it would be one an event.

A materialization costs Dagster two transactions of its own (`SqliteEventLogStorage.store_event`,
`PostgresEventLogStorage.store_event`), as much as the title it tells of. Its own batches do not serve: on SQLite
`store_event_batch` only loops (`dagster._core.storage.event_log.base`), on PostgreSQL it updates the last event's asset
alone (`dagster_postgres.event_log.event_log`). How a storage writes a batch is its own (`sqlite`, `postgres`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Protocol, runtime_checkable

import dagster as dg


class HeldEvents:
    """The materializations that a thread has logged and that are not stored yet; other events are never held back."""

    def __init__(self, store: Callable[[Sequence[dg.EventLogEntry]], None]) -> None:
        self._store = store
        self._mine = local()

    def take(self, event: dg.EventLogEntry) -> bool:
        """Whether the event is held back, to be stored with the others."""
        events: list[dg.EventLogEntry] | None = getattr(self._mine, "events", None)
        if events is None or event.dagster_event_type is not dg.DagsterEventType.ASSET_MATERIALIZATION:
            return False
        events.append(event)
        return True

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold back what this thread logs in the block, and store it at the block's end, however it ends."""
        events: list[dg.EventLogEntry] = []
        self._mine.events = events
        try:
            yield
        finally:
            self._mine.events = None
            if events:
                self._store(events)


@runtime_checkable
class StoresTogether(Protocol):
    """A storage of events that can."""

    held: HeldEvents


@contextmanager
def stored_together(instance: dg.DagsterInstance) -> Iterator[None]:
    """Store the materializations that this thread logs in the block in one write; each at once where none can."""
    storage = instance.event_log_storage
    if not isinstance(storage, StoresTogether):
        yield
        return
    with storage.held.holding():
        yield


def last_of_each_asset(
    events: Sequence[dg.EventLogEntry], ids: Sequence[int]
) -> Iterator[tuple[dg.EventLogEntry, int]]:
    """The event of each asset that its row shows, and the id under which it is stored."""
    yield from {
        event.get_dagster_event().asset_key: (event, id_) for event, id_ in zip(events, ids, strict=True)
    }.values()
