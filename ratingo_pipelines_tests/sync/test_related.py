"""Related titles as the site shows them: no card leads to an empty page."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import candidates
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import RELATED_SHOWN
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines_tests.sync.syncing import RUN, eligible, limited, run_cycle, title_rows

LISTED = 6


def links(database: Database, medium: Medium, tmdb_id: int) -> list[int]:
    """What the cards of a title lead to (TMDB ids), as the site reads them: without ORDER BY, by their ids."""
    t = tables_of(medium)
    parent, other = t.titles, t.titles.alias()
    statement = (
        select(other.c.tmdb_id)
        .join(t.related, t.related.c[t.related_key] == other.c.id)
        .join(parent, t.related.c[t.parent_key] == parent.c.id)
        .where(parent.c.tmdb_id == tmdb_id)
        .order_by(t.related.c.id)
    )
    with database.reading() as conn:
        return list(conn.execute(statement).scalars())


def stop(sandbox: RunningSandbox, medium: Medium, stubs: Sequence[int]) -> set[int]:
    """Let TMDB not know the first of the stubs, and the second, of shows, be anime."""
    unknown, anime = stubs[:2]
    lie: dict[str, Any] = {"kind": "lie", "name": "unknown_to_tmdb", "ids": [unknown]}
    if medium is not SHOWS:
        sandbox.faults(lie)
        return {unknown}
    genres = [{"id": 16, "name": "Animation"}]
    sandbox.faults(lie, {"kind": "edit", "api": "tmdb", "ids": [anime], "set": {"genres": genres}})
    return {unknown, anime}


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_once_the_backfill_is_through_no_card_of_a_listed_title_leads_to_an_empty_page(
    ctx: SyncContext, sandbox: RunningSandbox, medium: Medium
) -> None:
    ctx = limited(ctx, LISTED)
    run_cycle(ctx, medium)
    listed = eligible(sandbox.truth(medium, LISTED))
    with ctx.database.reading() as conn:
        kept = candidates.of_titles(conn, medium, listed)
    most = max(kept, key=lambda tmdb_id: len(kept[tmdb_id].tmdb_ids))
    before = links(ctx.database, medium, most)
    assert len(before) == RELATED_SHOWN < len(kept[most].tmdb_ids)
    stubs = [tmdb_id for tmdb_id in before if tmdb_id not in listed]
    assert len(stubs) > 2
    stopped = stop(sandbox, medium, stubs)

    backfill_meta(ctx, medium, RUN)

    rows = title_rows(ctx.database, medium)
    for tmdb_id in listed:
        shown = links(ctx.database, medium, tmdb_id)
        named = kept[tmdb_id].tmdb_ids if tmdb_id in kept else ()
        assert shown == [one for one in named if one not in stopped][:RELATED_SHOWN]
        assert rows[tmdb_id]["related"] == shown
        for one in shown:
            truth = sandbox.control(f"truth/{medium.plural}/{one}")["row"]
            assert (rows[one]["poster"], rows[one]["title_uk"]) == (truth["poster"], truth["title_uk"])
            assert rows[one]["genres"]
    # The next candidates moved up, with all of their details.
    after = links(ctx.database, medium, most)
    assert after[: RELATED_SHOWN - len(stopped)] == [one for one in before if one not in stopped]
    assert len(after) > RELATED_SHOWN - len(stopped)
