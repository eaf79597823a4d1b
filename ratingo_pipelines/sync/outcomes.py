"""Keeps what must be remembered of a title that was not stored whole: its failures, or why it is skipped.

A title that was stored whole has been marked by the transaction that stored it. What a source told everybody alike and
wrongly never comes so far.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import (
    asked,
    candidates,
    cycles,
    doubts,
    due,
    failures,
    ineligible,
    title_changes,
    witnesses,
)
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.failures import RetryPolicy
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.storage.title_changes import ChangedTitle
from ratingo_pipelines.sync.batch import EvidenceOf
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import RELATED_SHOWN
from ratingo_pipelines.sync.report import TitleFailure, TitleOutcome, TitleStatus
from ratingo_pipelines.sync.title_changes import LEFT
from ratingo_pipelines.sync.trust.blame import Question, is_own
from ratingo_pipelines.sync.work import FAILURE_STAGES, Place, TitleWork


@dataclass(frozen=True)
class TitleOutcomes:
    """Keeps the outcomes of titles that `run_id` works on."""

    ctx: SyncContext
    medium: Medium
    run_id: str
    whole: bool = True
    """Whether titles are tried whole: a part that failed alone leaves a place pending that was pending."""

    @retried_transaction
    def record(self, work: TitleWork, outcome: TitleOutcome, evidence: EvidenceOf) -> TitleOutcome:
        """Mark a title's place in the cycle, and record its failures; not when the place is no longer this run's."""
        if outcome.status is TitleStatus.DONE:
            return outcome
        with self.ctx.database.writing() as conn:
            # Titles are locked before their places, as the transaction that stores them does.
            left = self._take_off(conn, work, outcome.reason or "") if outcome.is_ineligible else []
            recorded = self._record(conn, work, outcome, evidence)
            # Nothing is written after these: see `title_changes.record`.
            cycle_id = work.place.cycle.id if work.place else None
            title_changes.record(conn, self.medium, left, self.ctx.now(), cycle_id)
        return recorded

    def _record(self, conn: Connection, work: TitleWork, outcome: TitleOutcome, evidence: EvidenceOf) -> TitleOutcome:
        place = work.place
        if place and not self._settle(conn, place, outcome):
            return outcome
        if outcome.status is TitleStatus.SKIPPED and work.known:
            asked.record_check(conn, self.medium, work.tmdb_id, asked.META, self.ctx.now(), answered=False)
        if outcome.status is TitleStatus.SKIPPED and work.failed_before:
            failures.clear(conn, self.medium, work.tmdb_id, FAILURE_STAGES)
        return record_failures(conn, self.ctx, self.medium, outcome, evidence)

    def _settle(self, conn: Connection, place: Place, outcome: TitleOutcome) -> bool:
        """Give the title's place its outcome; False when it is no longer this run's."""
        if outcome.status is TitleStatus.ERROR and not self.whole and place.title.outcome == cycles.PENDING:
            return cycles.holds(conn, place.title.row_id, self.run_id)
        return cycles.mark(conn, place.title.row_id, self.run_id, outcome.status, outcome.reason)

    def _take_off(self, conn: Connection, work: TitleWork, reason: str) -> list[ChangedTitle]:
        """A title that must not be listed leaves the list, if it was on it, with the links that lead to it.

        Returns what is to be told of that.
        """
        was_member = cycles.is_member(conn, self.medium, work.tmdb_id)
        is_news = ineligible.record(conn, self.medium, work.tmdb_id, reason, self.ctx.now())
        if work.known and (is_news or work.stored):
            candidates.replace_ineligible(conn, tables_of(self.medium), [work.tmdb_id], RELATED_SHOWN)
        doubts.end(conn, self.medium, work.tmdb_id, [(key.part, key.region) for key in work.doubts])
        if work.known and work.place is None:
            asked.record_check(conn, self.medium, work.tmdb_id, asked.DETAILS, self.ctx.now(), answered=True)
        if work.due_since:
            due.done(conn, self.medium, work.tmdb_id, work.due_since)
        return [ChangedTitle(work.tmdb_id, work.title, LEFT)] if is_news and was_member else []

    def leave(self, work: TitleWork) -> None:
        """Put off the next try of a title that failed before; its place in the cycle stays pending."""
        if work.failed_before:
            put_off(self.ctx, self.medium, work.tmdb_id, FAILURE_STAGES)


def record_failures(
    conn: Connection, ctx: SyncContext, medium: Medium, outcome: TitleOutcome, evidence: EvidenceOf
) -> TitleOutcome:
    """Record the failures of a title; return its outcome with the judgement on each."""
    judged = tuple(replace(one, spends_attempt=_is_own(conn, medium, one, evidence)) for one in outcome.failures)
    for failure in judged:
        failures.record(
            conn,
            medium,
            failure.tmdb_id,
            failure.stage,
            failure.reason,
            ctx.now(),
            spends_attempt=failure.spends_attempt,
            title=failure.title,
            policy=patience_of(ctx.settings),
        )
    return replace(outcome, failures=judged)


def _is_own(conn: Connection, medium: Medium, failure: TitleFailure, evidence: EvidenceOf) -> bool:
    if failure.kind is None:
        return True
    found = evidence(Question(failure.source, failure.stage), failure.kind)
    before = failures.last_failed_at(conn, medium, failure.tmdb_id, failure.stage)
    others_since = before is not None and (
        found.well > 0 or witnesses.others_since(conn, medium, failure.stage, before, failure.tmdb_id)
    )
    return is_own(found, others_since)


@retried_transaction
def put_off(ctx: SyncContext, medium: Medium, tmdb_id: int, stages: Collection[str]) -> None:
    """Let a title that failed before wait longer for its next try: this one told nothing of it."""
    with ctx.database.writing() as conn:
        failures.postpone(conn, medium, tmdb_id, stages, ctx.now(), patience_of(ctx.settings))


def patience_of(settings: Settings) -> RetryPolicy:
    """How long failing titles are tried, as configured."""
    return RetryPolicy(settings.give_up_after, timedelta(seconds=settings.retry_delay_seconds))
