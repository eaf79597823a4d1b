"""What a title costs: statements."""

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.statements import counted
from ratingo_pipelines_tests.sync.syncing import RUN, altered, eligible, limited

NEW, AGAIN = 30, 24
"""Statements a title may cost, with its share of what a batch asks once."""


def test_a_title_costs_a_bounded_number_of_statements(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ctx = altered(limited(ctx, 30), concurrency=4)
    ids = eligible(sandbox.truth(SHOWS, 30))
    open_trending_cycle(ctx, SHOWS, RUN)
    # Genres, providers and common stubs are made by the first titles.
    sync_ids(ctx, SHOWS, RUN, ids[:10])
    with counted(ctx.database) as new:
        sync_ids(ctx, SHOWS, RUN, ids[10:])
    open_trending_cycle(ctx, SHOWS, RUN)
    with counted(ctx.database) as again:
        sync_ids(ctx, SHOWS, RUN, ids)
    print(f"statements a title: {len(new) / len(ids[10:]):.1f} new, {len(again) / len(ids):.1f} again")  # noqa: T201
    assert len(new) / len(ids[10:]) <= NEW
    assert len(again) / len(ids) <= AGAIN
