"""Looking for a title: TMDB finds it, and what is known of it is said."""

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.search import search
from ratingo_pipelines.terminal.reports import search_lines
from ratingo_pipelines_tests.sync.syncing import run_cycle, title_rows


def test_of_each_title_that_tmdb_finds_it_is_said_whether_it_is_known(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(ctx)
    rows = title_rows(ctx.database)
    listed = next(row for row in rows.values() if row["trending_score"] is not None)
    stranger = next(e for e in sandbox.truth(SHOWS)[40:] if e["skip"] is None and e["tmdb"] not in rows)

    known = next(each for each in search(ctx, listed["title"]) if each.tmdb_id == listed["tmdb_id"])
    unknown = next(e for e in search(ctx, stranger["facts"]["row"]["title"]) if e.tmdb_id == stranger["tmdb"])

    assert (known.id, known.listed, known.medium) == (listed["id"], True, "shows")
    assert (unknown.id, unknown.listed) == (None, False)
    lines = list(search_lines([known, unknown]))
    assert lines[0].endswith(": listed")
    assert lines[-1] == f"One that is not known is fetched by `ratingo sync shows --id {unknown.tmdb_id}`."


def test_nothing_is_found_where_nothing_is_called_so(ctx: SyncContext) -> None:
    assert search(ctx, "no title is called like this") == []


def test_what_tmdb_refuses_is_told(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "revoked", "api": "tmdb"})
    with pytest.raises(SourceError, match="TMDB_ACCESS_TOKEN"):
        search(ctx, "anything")
