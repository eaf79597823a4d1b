"""One title at a person's wish is whole, whether a list names it or not."""

from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.on_demand import row_id, sync_title
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import RUN, counts, run_cycle, title_rows

OF_LISTS = ("rating_trakt", "watchers_delta", "delta_3m", "trending_score", "trending_updated_at", "snapshots")
"""What only a list tells."""


def unlisted(sandbox: RunningSandbox, medium: Medium, limit: int) -> dict[str, Any]:
    """The first title that can be stored and that a list of `limit` does not name."""
    return next(entry for entry in sandbox.truth(medium)[limit:] if entry["skip"] is None)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_title_that_no_list_names_is_stored_with_all_that_the_sources_tell(
    ctx: SyncContext, sandbox: RunningSandbox, medium: Medium
) -> None:
    run_cycle(ctx, medium)
    wanted = unlisted(sandbox, medium, ctx.settings.trending_limit)

    titles, omdb = sync_title(ctx, medium, RUN, wanted["tmdb"])

    assert (titles.succeeded, titles.failed, omdb.failed) == (1, 0, 0)
    assert row_id(ctx, medium, wanted["tmdb"]) is not None
    assert differences(ctx.database, medium, [wanted], after_omdb=True, ignoring=OF_LISTS) == []
    row = title_rows(ctx.database, medium)[wanted["tmdb"]]
    assert row["trending_score"] is None, "only lists put a title on the site's list"
    assert row["rating_trakt_votes"] is not None


def test_a_listed_title_that_is_fresh_is_fetched_again(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    listed = next(e for e in sandbox.truth(SHOWS, ctx.settings.trending_limit) if e["skip"] is None)
    before = ctx.requests()

    sync_title(ctx, SHOWS, RUN, listed["tmdb"])

    made = {api: count - before[api] for api, count in ctx.requests().items()}
    assert made["tmdb"] == 1
    assert made["trakt"] == 2
    assert differences(ctx.database, SHOWS, [listed], after_omdb=True, ignoring=("snapshots",)) == []


def test_a_title_that_tmdb_does_not_know_is_not_stored_and_the_reason_is_told(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(ctx)
    unknown = next(entry for entry in sandbox.truth(SHOWS) if entry["skip"] == "unknown_to_tmdb")
    before = counts(ctx.database)["shows"]

    [report] = sync_title(ctx, SHOWS, RUN, unknown["tmdb"])

    assert report.skipped == {"unknown to TMDB": 1}
    assert row_id(ctx, SHOWS, unknown["tmdb"]) is None
    assert counts(ctx.database)["shows"] == before


def test_a_source_that_is_gone_leaves_what_is_stored(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    listed = next(e for e in sandbox.truth(SHOWS, ctx.settings.trending_limit) if e["skip"] is None)
    sandbox.faults({"kind": "revoked", "api": "tmdb"})

    [report] = sync_title(ctx, SHOWS, RUN, listed["tmdb"])

    assert report.stopped
    assert differences(ctx.database, SHOWS, [listed]) == []
