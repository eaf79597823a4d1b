"""The meta backfill: completes titles whose metadata are incomplete, stubs of related titles among them.

One TMDB call a title. It links only to titles that are already known: it makes no stubs, or it had no end. It also asks
again about titles that are in doubt, listed or not: at Trakt as well where it is Trakt's word that is doubted.
"""

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import asked, doubts
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.completion import complete, with_ratings
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import NOBODY, BatchReport, Follower
from ratingo_pipelines.sync.selection import Selection, outside
from ratingo_pipelines.sync.trust.doubts import SECOND_ANSWER_AFTER
from ratingo_pipelines.sync.trust.parts import BUCKETS, TRAKT_VOTES

STAGE = "meta"
_RATED = {TRAKT_VOTES, BUCKETS}
"""What Trakt's ratings tell."""


def backfill_meta(
    ctx: SyncContext,
    medium: Medium,
    run_id: str,
    *,
    limit: int | None = None,
    follower: Follower = NOBODY,
) -> BatchReport:
    """Complete every title that is due; what stays incomplete is asked again only after a growing interval."""
    return complete(ctx, medium, run_id, _due(ctx, medium, limit), stage=STAGE, follower=follower)


def _due(ctx: SyncContext, medium: Medium, limit: int | None) -> Selection:
    with ctx.database.reading() as conn:
        tables, now = tables_of(medium), ctx.now()
        doubted = doubts.due(conn, tables, now - SECOND_ANSWER_AFTER, now)
        incomplete = asked.incomplete_titles(conn, tables, now, limit)
        due = [*doubted, *(tmdb_id for tmdb_id in incomplete if tmdb_id not in doubted)][:limit]
        works = outside(conn, ctx.settings, medium, due, related_due=False)
    return Selection([with_ratings(work) if _RATED & set(work.doubts) else work for work in works])
