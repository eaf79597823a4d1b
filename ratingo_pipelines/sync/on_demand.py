"""One title at a person's wish: fetched whole, whether a list names it or not.

It is fetched again though it is fresh. Where no list ever named it, Trakt is asked by the IMDb id that TMDB tells.
"""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import titles
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.backfill import WITH_ASSET
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import NOBODY, BatchReport, Follower
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.work import TitleStage

Follow = Callable[[Collection[str]], AbstractContextManager[Follower]]
"""Opens a follower for a batch that fills these assets of the title: `details`, `omdb`."""


def sync_title(
    ctx: SyncContext, medium: Medium, run_id: str, tmdb_id: int, follow: Follow = lambda _: nullcontext(NOBODY)
) -> list[BatchReport]:
    """Fetch details, ratings and, of a listed title, watchers; then what completes a stored title.

    A report a stage. A title that is not stored, as TMDB does not know it or the anime filter stops it, has the first
    alone, with the reason.
    """
    with follow([stage.value for stage in TitleStage]) as follower:
        reports = [sync_ids(ctx, medium, run_id, [tmdb_id], force=True, follower=follower)]
    if reports[0].stopped or row_id(ctx, medium, tmdb_id) is None:
        return reports
    for backfill in WITH_ASSET:
        if backfill.ask_about_ids:
            with follow({backfill.asset}) as follower:
                reports.append(backfill.ask_about_ids(ctx, medium, [tmdb_id], force=True, follower=follower))
    return reports


def row_id(ctx: SyncContext, medium: Medium, tmdb_id: int) -> int | None:
    """The site's id of the title; None where it is not stored."""
    with ctx.database.reading() as conn:
        return titles.known_ids(conn, tables_of(medium), [tmdb_id]).get(tmdb_id)
