"""An API that is gone, or wants a longer pause than a run waits for, ends the batch; what it did not tell is due."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.http import api as http
from ratingo_pipelines.storage import asked
from ratingo_pipelines.storage.pipeline_tables import failures, trending
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.report import StopReason
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import RUN, all_rows, another_kit, limited, run_cycle, title_rows

DETAILS = {"api": "tmdb", "endpoint": "/{medium}/{id}"}
RATINGS = {"api": "trakt", "endpoint": "/{medium}/{id}/ratings"}


@contextmanager
def impatient(ctx: SyncContext, **settings: Any) -> Iterator[SyncContext]:
    """As another process, which waits for no pause at all."""
    http._shared.clear()
    with another_kit(ctx, retry_after_cap_seconds=0, **settings) as other:
        yield other
    http._shared.clear()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "status", "status": 503, **DETAILS}, id="TMDB is down"),
        pytest.param({"kind": "cloudflare", "status": 429, "retry_after": 300, **DETAILS}, id="TMDB wants a pause"),
        pytest.param({"kind": "status", "status": 503, **RATINGS}, id="Trakt is down"),
    ],
)
def test_it_ends_the_batch_and_leaves_every_title_pending(
    ctx: SyncContext, sandbox: RunningSandbox, fault: dict[str, Any]
) -> None:
    wide = limited(ctx, 60)
    open_trending_cycle(wide, SHOWS, RUN)
    sandbox.faults(fault)
    with impatient(wide) as other:
        report = sync_pending(other, SHOWS, RUN)
    assert (report.ok, report.stopped_by, report.failures) == (False, StopReason.UPSTREAM, ())
    assert "try again at" in (report.stopped or "")
    assert {row["outcome"] for row in all_rows(ctx.database, trending)} == {"pending", "skipped"}
    assert all_rows(ctx.database, failures) == []
    sandbox.faults()
    with impatient(wide) as again:
        assert sync_pending(again, SHOWS, RUN).ok
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 60)) == []


def test_a_meta_backfill_whose_source_is_gone_leaves_all_titles_due(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    shows = tables_of(SHOWS)
    with ctx.database.reading() as conn:
        before = asked.incomplete_titles(conn, shows, ctx.now())
    sandbox.faults({"kind": "status", "status": 503, **DETAILS})
    sent = sandbox.counters()["tmdb"]["requests"]
    with impatient(ctx) as other:
        report = backfill_meta(other, SHOWS, RUN)
    assert len(before) > 3 * ctx.settings.concurrency
    assert (report.ok, report.stopped_by, report.failures) == (False, StopReason.UPSTREAM, ())
    assert sandbox.counters()["tmdb"]["requests"] - sent <= 4 * ctx.settings.concurrency
    with ctx.database.reading() as conn:
        assert asked.incomplete_titles(conn, shows, ctx.now()) == before


def test_while_tmdb_is_gone_titles_that_the_site_lists_get_the_watchers_of_the_list(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(limited(ctx, 6))
    before = title_rows(ctx.database)
    listed = {tmdb_id for tmdb_id, row in before.items() if row["trending_score"] is not None}
    sandbox.control("epoch", {"advance": 1})
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({"kind": "status", "status": 503, **DETAILS})
    with impatient(ctx) as other:
        report = sync_pending(other, SHOWS, RUN)
    truth = {entry["tmdb"]: entry["watchers"] for entry in sandbox.truth(SHOWS, 12) if not entry["skip"]}
    told = listed & truth.keys()
    assert report.notes[-1] == f"{len(told)} shows got the watchers of the list meanwhile"
    rows = title_rows(ctx.database)
    watched = {(one["tmdb_id"], one["watchers"]) for one in all_rows(ctx.database, tables_of(SHOWS).snapshots)}
    assert len(told) > 1
    for tmdb_id in told:
        assert rows[tmdb_id]["rating_trakt"] == truth[tmdb_id]
        assert (tmdb_id, truth[tmdb_id]) in watched
    assert {tmdb_id for tmdb_id, row in rows.items() if row["trending_score"] is not None} == listed
    sandbox.faults()
    with impatient(ctx) as again:
        assert sync_pending(again, SHOWS, RUN).ok
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []
