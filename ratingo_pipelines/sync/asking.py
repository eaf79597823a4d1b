"""What came of asking a source for a list, so that status, sensors and alerts know it: each attempt is remembered.

Whether a list is believed is decided in `trust`; asking is `trending`'s, `monthly`'s and `airings`'.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import AccessDenied, SourceError
from ratingo_pipelines.storage import attempts
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.sync.clock import seconds_ahead
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import BatchReport, StopReason


class NotBelieved(SourceError):
    """A source answered, and nothing was done on its word; the message says why, and what was kept."""

    def __init__(self, api: str, message: str, outcome: AttemptOutcome = AttemptOutcome.NOT_WHOLE) -> None:
        super().__init__(api, message)
        self.outcome = outcome


@contextmanager
def failures_remembered(ctx: SyncContext, medium: Medium, what: str) -> Iterator[None]:
    """Remember the `SourceError` that the block ends with, if it does, as what came of this attempt."""
    at = ctx.now()
    try:
        yield
    except SourceError as error:
        _record(ctx, _failed(ctx, medium, what, error, at))
        raise


def remember_failure(ctx: SyncContext, medium: Medium, what: str, error: SourceError) -> None:
    """Remember that something was asked for in vain just now."""
    _record(ctx, _failed(ctx, medium, what, error, ctx.now()))


def _failed(ctx: SyncContext, medium: Medium, what: str, error: SourceError, at: datetime) -> Attempt:
    return Attempt(medium.plural, what, at, outcome_of(error), str(error), None, seconds_ahead(ctx))


@retried_transaction
def _record(ctx: SyncContext, attempt: Attempt) -> None:
    with ctx.database.writing() as conn:
        attempts.record(conn, attempt)


_OUTCOMES: Mapping[StopReason | None, AttemptOutcome] = {
    None: AttemptOutcome.WELL,
    StopReason.QUOTA: AttemptOutcome.WELL,
    StopReason.ACCESS: AttemptOutcome.DENIED,
    StopReason.UPSTREAM: AttemptOutcome.UNANSWERED,
    StopReason.SOURCE: AttemptOutcome.DOUBTED,
}
"""What came of asking for a batch, by what ended it; a database that is gone says nothing of the sources."""


def remember_batch(ctx: SyncContext, medium: Medium, report: BatchReport) -> None:
    """Remember that a batch was ended by a source that is refused, shut or in doubt, or that this is over."""
    outcome = _OUTCOMES.get(report.stopped_by)
    if outcome is None or (outcome is AttemptOutcome.WELL and not report.succeeded):
        return
    with ctx.database.reading() as conn:
        before = attempts.latest_of(conn, medium, report.stage)
    if outcome is AttemptOutcome.WELL and (before is None or before.well):
        return
    _record(ctx, Attempt(medium.plural, report.stage, ctx.now(), outcome, report.stopped))


def outcome_of(error: SourceError) -> AttemptOutcome:
    """What came of an attempt that ended with this error."""
    if isinstance(error, NotBelieved):
        return error.outcome
    return AttemptOutcome.DENIED if isinstance(error, AccessDenied) else AttemptOutcome.UNANSWERED
