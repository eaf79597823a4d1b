"""The meta backfill: completes titles whose metadata are incomplete, stubs of related titles among them.

One TMDB call a title. It links only to titles that are already known: it makes no stubs, or it had no end.
"""

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import titles
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import BatchReport, OnOutcome, OnStart, ignore_outcome, ignore_start
from ratingo_pipelines.sync.selection import Selection, outside
from ratingo_pipelines.sync.titles import process
from ratingo_pipelines.sync.work import TitleStage

STAGE = "meta"


def backfill_meta(
    ctx: SyncContext,
    medium: Medium,
    run_id: str,
    *,
    limit: int | None = None,
    on_start: OnStart = ignore_start,
    on_outcome: OnOutcome = ignore_outcome,
) -> BatchReport:
    """Complete every title that is due; what stays incomplete is asked again only after a growing interval."""
    return process(
        ctx,
        medium,
        run_id,
        _due(ctx, medium, limit),
        frozenset({TitleStage.DETAILS}),
        stage=STAGE,
        makes_stubs=False,
        on_start=on_start,
        on_outcome=on_outcome,
    )


def _due(ctx: SyncContext, medium: Medium, limit: int | None) -> Selection:
    with ctx.database.reading() as conn:
        due = titles.incomplete_titles(conn, tables_of(medium), ctx.now(), limit)
        return Selection(outside(conn, medium, due, related_due=False))
