"""Keeps the claims of a running batch alive, so that only a dead worker's run out."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.engine import StorageError
from ratingo_pipelines.sync.context import SyncContext

log = logging.getLogger(__name__)


def lease_of(ctx: SyncContext) -> timedelta:
    """How long a claim lives without being renewed."""
    return timedelta(seconds=ctx.settings.lease_seconds)


@contextmanager
def kept_leases(ctx: SyncContext, run_id: str) -> Iterator[None]:
    """Renew all claims of `run_id` several times a lease while the block runs; release what it left over."""
    over = Event()

    def renew() -> None:
        while not over.wait(ctx.settings.lease_seconds / 4):
            try:
                with ctx.database.writing() as conn:
                    cycles.renew(conn, run_id, ctx.now() + lease_of(ctx))
            except StorageError as error:
                log.warning("claims not renewed: %s", error)

    thread = Thread(target=renew, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _release(ctx, run_id)


def _release(ctx: SyncContext, run_id: str) -> None:
    try:
        with ctx.database.writing() as conn:
            cycles.release(conn, run_id)
    except StorageError as error:
        # The report of what was stored matters more; without the database, claims run out by themselves.
        log.warning("claims not released: %s", error)
