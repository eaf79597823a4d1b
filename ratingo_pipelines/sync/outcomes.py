"""Keeps what must be remembered of a title that was not stored whole: its failures, or why it is skipped.

A title that was stored whole has been marked by the transaction that stored it.
"""

from sqlalchemy import Connection

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import asked, cycles, failures
from ratingo_pipelines.sync.report import Status, TitleOutcome
from ratingo_pipelines.sync.toolkit import Toolkit
from ratingo_pipelines.sync.work import TitleWork


def settle(kit: Toolkit, medium: Medium, run_id: str, work: TitleWork, outcome: TitleOutcome) -> None:
    """Record the failures of a title and mark its place in the cycle."""
    if outcome.status is Status.DONE:
        return
    with kit.database.writing() as conn:
        record_failures(conn, kit, medium, outcome)
        if outcome.status is Status.SKIPPED and work.failed_before:
            failures.clear(conn, medium, work.tmdb_id)
        if outcome.status is Status.SKIPPED and work.known:
            asked.note(conn, medium, work.tmdb_id, "meta", kit.now(), answered=False)
        if work.place:
            cycles.mark(conn, work.place.entry.row_id, run_id, outcome.status, outcome.reason)


def record_failures(conn: Connection, kit: Toolkit, medium: Medium, outcome: TitleOutcome) -> None:
    """Record the failures of a title, each with its stage and when it is tried again."""
    for failure in outcome.failures:
        failures.record(
            conn,
            medium,
            failure.tmdb_id,
            failure.stage,
            failure.reason,
            kit.now(),
            spends_attempt=failure.spends_attempt,
            title=failure.title,
            not_before=failure.try_again_at,
        )
