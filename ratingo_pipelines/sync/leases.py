"""Keeps the claims of a running batch alive, so that only a dead worker's run out."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.engine import StorageError, retried_transaction
from ratingo_pipelines.sync.context import SyncContext

RENEWALS, RENEWALS_AFTER_FAILURE = 4, 20
"""How often claims are renewed while one lease lasts, and how often it is tried once that has failed."""

log = logging.getLogger(__name__)


def lease_of(ctx: SyncContext) -> timedelta:
    """How long a claim lives without being renewed."""
    return timedelta(seconds=ctx.settings.lease_seconds)


@contextmanager
def kept_leases(ctx: SyncContext, run_id: str) -> Iterator[None]:
    """Renew all claims of `run_id` several times a lease while the block runs; release what it left over."""
    over = Event()
    thread = Thread(target=_keep_renewing, args=(ctx, run_id, over), name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _release(ctx, run_id)


def _keep_renewing(ctx: SyncContext, run_id: str, over: Event) -> None:
    """Renew until it is `over`; what goes wrong is said and tried again soon, as other runs take what has run out."""
    lease = ctx.settings.lease_seconds
    wait = lease / RENEWALS
    while not over.wait(wait):
        try:
            with ctx.database.writing() as conn:
                cycles.renew(conn, run_id, ctx.now() + lease_of(ctx))
        except Exception as error:  # noqa: BLE001 - whatever it was: without this thread all claims run out
            log.warning("claims not renewed, tried again in %.1f s: %s", lease / RENEWALS_AFTER_FAILURE, error)
            wait = lease / RENEWALS_AFTER_FAILURE
        else:
            wait = lease / RENEWALS


def _release(ctx: SyncContext, run_id: str) -> None:
    try:
        release_claims(ctx, run_id)
    except StorageError as error:
        # The report of what was stored matters more; without the database, claims run out by themselves.
        log.warning("claims not released: %s", error)


@retried_transaction
def release_claims(ctx: SyncContext, run_id: str) -> int:
    """Give up all claims of a run; how many. Raises StorageError when the database cannot be used."""
    with ctx.database.writing() as conn:
        return cycles.release(conn, run_id)
