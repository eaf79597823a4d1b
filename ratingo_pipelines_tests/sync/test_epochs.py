"""Time moves: who is listed, how many watch, what airs next, where a title can be watched."""

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    eligible,
    limited,
    pass_time,
    run_cycle,
    title_rows,
)

pytestmark = pytest.mark.long

LISTED = 40
NEXT = "next_episode_number"
LISTED_BY = ("rating_trakt", "trending_score", "watchers_delta", "delta_3m")


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_every_fact_is_right_again_after_time_has_moved(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, medium: Medium
) -> None:
    ctx = limited(ctx, LISTED)
    run_cycle(ctx, medium)
    before = title_rows(ctx.database, medium)
    first = set(eligible(sandbox.truth(medium, LISTED)))
    pass_time(sandbox, clock, epochs=9, weeks=9)
    run_cycle(ctx, medium)
    # What is gone altogether is believed with the second answer.
    pass_time(sandbox, clock, hours=6)
    run_cycle(ctx, medium)
    truth = sandbox.truth(medium, LISTED)
    assert differences(ctx.database, medium, truth) == []
    after, second = title_rows(ctx.database, medium), set(eligible(truth))
    left, entered = first - second, second - first
    assert left
    assert entered
    for tmdb_id in left:
        assert [after[tmdb_id][name] for name in LISTED_BY] == [None] * len(LISTED_BY), "nine weeks are too long"
        assert after[tmdb_id]["trending_updated_at"] == before[tmdb_id]["trending_updated_at"]
    gone = "watch_providers"
    lost = [i for i in first & second if len(after[i][gone]) < len(before[i][gone])]
    assert lost, "the sandbox moves providers, and none was seen to go"


def test_a_show_whose_season_ended_has_no_next_episode_any_more(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    ctx = limited(ctx, LISTED)
    coming = {
        e["tmdb"] for e in sandbox.truth(SHOWS, LISTED) if not e["skip"] and e["facts"]["row"]["next_episode_number"]
    }
    sandbox.control("epoch", {"epoch": 8})
    later = {e["tmdb"]: e["facts"]["row"] for e in sandbox.truth(SHOWS, LISTED) if not e["skip"]}
    ended = next(i for i in sorted(coming & later.keys()) if later[i]["next_episode_number"] is None)
    sandbox.control("epoch", {"epoch": 0})
    sync_ids(ctx, SHOWS, RUN, [ended])
    assert title_rows(ctx.database)[ended]["next_episode_air_date"] is not None
    sandbox.control("epoch", {"epoch": 8})
    sync_ids(ctx, SHOWS, RUN, [ended])
    assert title_rows(ctx.database)[ended]["next_episode_air_date"] is not None, "the episode has yet to air"
    clock.turn(hours=5)
    sync_ids(ctx, SHOWS, RUN, [ended])
    row = title_rows(ctx.database)[ended]
    assert [row[f"next_episode_{name}"] for name in ("season", "number", "air_date")] == [None] * 3
    assert row["last_episode_number"] == later[ended]["last_episode_number"]


def test_without_monthly_lists_the_cycles_before_tell_the_change_of_watchers_alone(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    ctx = limited(ctx, 100)
    entry = next(one for one in sandbox.truth(SHOWS, 100) if "not_watched_monthly" in one["oddities"])
    watched: list[int] = []
    for epoch in range(6):
        sandbox.control("epoch", {"epoch": epoch})
        open_trending_cycle(ctx, SHOWS, RUN)
        sync_ids(ctx, SHOWS, RUN, [entry["tmdb"]])
        row = title_rows(ctx.database)[entry["tmdb"]]
        now = next(one["watchers"] for one in sandbox.truth(SHOWS, 100) if one["tmdb"] == entry["tmdb"])
        assert row["watchers_delta"] == (now - watched[-1] if watched else 0)
        watched.append(now)
        assert row["delta_3m"] == 0, "months and cycles are not of one unit"
    snapshots = all_rows(ctx.database, tables_of(SHOWS).snapshots)
    assert [row["watchers"] for row in snapshots] == watched
    assert len({row["created_at"] for row in snapshots}) == 6


def test_a_score_counts_the_whole_list_and_not_the_batch(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    truth = [entry for entry in sandbox.truth(SHOWS, 12) if not entry["skip"]]
    sync_ids(ctx, SHOWS, RUN, [truth[-1]["tmdb"]])
    row = title_rows(ctx.database)[truth[-1]["tmdb"]]
    assert row["trending_score"] == truth[-1]["facts"]["row"]["trending_score"]
    assert truth[0]["watchers"] > 10_000
