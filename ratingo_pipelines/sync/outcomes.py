"""Keeps what must be remembered of a title that was not stored whole: its failures, or why it is skipped.

A title that was stored whole has been marked by the transaction that stored it.
"""

from datetime import timedelta

from sqlalchemy import Connection

from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import asked, cycles, failures
from ratingo_pipelines.storage.failures import RetryPolicy
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import TitleFailure, TitleOutcome, TitleStatus
from ratingo_pipelines.sync.work import FAILURE_STAGES, TitleWork


def record_outcome(ctx: SyncContext, medium: Medium, run_id: str, work: TitleWork, outcome: TitleOutcome) -> None:
    """Mark a title's place in the cycle, and record its failures; not when the place is no longer this run's."""
    if outcome.status is TitleStatus.DONE:
        return
    with ctx.database.writing() as conn:
        place = work.place
        if place and not cycles.mark(conn, place.title.row_id, run_id, outcome.status, outcome.reason):
            return
        if outcome.status is TitleStatus.SKIPPED and work.known:
            asked.record_check(conn, medium, work.tmdb_id, "meta", ctx.now(), answered=False)
        if outcome.status is TitleStatus.SKIPPED and work.failed_before:
            failures.clear(conn, medium, work.tmdb_id, FAILURE_STAGES)
        record_failures(conn, ctx, medium, outcome)


def record_failures(conn: Connection, ctx: SyncContext, medium: Medium, outcome: TitleOutcome) -> None:
    """Record the failures of a title, each with its stage and when it is tried again."""
    for failure in outcome.failures:
        failures.record(
            conn,
            medium,
            failure.tmdb_id,
            failure.stage,
            failure.reason,
            ctx.now(),
            spends_attempt=failure.spends_attempt or _fails_alone(conn, medium, failure),
            title=failure.title,
            not_before=failure.try_again_at,
            policy=patience_of(ctx.settings),
        )


def _fails_alone(conn: Connection, medium: Medium, failure: TitleFailure) -> bool:
    """Whether others came through since the API failed at this title the last time: then it is not down."""
    if not failure.unanswered or failure.stage not in FAILURE_STAGES:
        return False
    before = failures.last_failed_at(conn, medium, failure.tmdb_id, failure.stage)
    return before is not None and cycles.done_since(conn, medium, before)


def patience_of(settings: Settings) -> RetryPolicy:
    """How long failing titles are tried, as configured."""
    return RetryPolicy(settings.give_up_after, timedelta(seconds=settings.retry_delay_seconds))
