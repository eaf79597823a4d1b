"""What a sync would do is what it then does, and saying it changes nothing."""

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.preview import preview_cycle, preview_pending
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.whole_lists import NoCycle
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, counts, pass_time, run_cycle


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_first_sync_does_what_was_said_of_it(ctx: SyncContext, medium: Medium) -> None:
    said = preview_cycle(ctx, medium)
    before = ctx.requests()

    trending, report = run_cycle(ctx, medium)

    assert (said.listed, said.eligible, said.skipped) == (trending.fetched, trending.eligible, trending.skipped)
    assert (said.new, said.known) == (said.eligible, 0)
    assert said.months == trending.months_fetched
    assert len(said.months) == 6
    assert report.added <= said.new
    made = {api: count - before[api] for api, count in ctx.requests().items()}
    assert 0 < made["tmdb"] <= said.requests["tmdb"] + 1, "one more for the names of genres"
    assert 0 < made["trakt"] - trending.requests["trakt"] <= said.requests["trakt"] - len(said.months)


def test_a_second_sync_finds_the_titles_known_and_asks_less(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    first = preview_cycle(ctx, SHOWS)
    _, report = run_cycle(ctx)
    pass_time(sandbox, clock, epochs=1, hours=6)

    second = preview_cycle(ctx, SHOWS)

    assert second.known + second.new == second.eligible
    assert 0 < second.known <= report.added
    assert second.months == ()
    assert sum(second.requests.values()) < sum(first.requests.values())


def test_asking_costs_the_list_alone_and_writes_nothing(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    before = counts(ctx.database)

    preview_cycle(ctx, SHOWS)

    assert counts(ctx.database) == before
    asked = {api: count["endpoints"] for api, count in sandbox.counters().items() if count["endpoints"]}
    assert {api: set(endpoints) for api, endpoints in asked.items()} == {"trakt": {"/{medium}/trending"}}


def test_a_cycle_that_would_go_on_is_told_without_asking_anybody(ctx: SyncContext) -> None:
    trending = open_trending_cycle(ctx, SHOWS, RUN)
    sync_pending(ctx, SHOWS, RUN, limit=2)
    before = ctx.requests()

    said = preview_pending(ctx, SHOWS)

    assert (said.listed, said.eligible) == (None, trending.eligible - 2)
    assert ctx.requests() == before


def test_without_a_cycle_there_is_nothing_to_go_on_with(ctx: SyncContext) -> None:
    said = preview_pending(ctx, SHOWS)

    assert said.eligible == 0
    assert said.notes == ("no shows cycle yet: `ratingo sync shows` opens one",)


def test_a_list_that_is_not_whole_is_told_as_the_sync_would_and_not_remembered(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    sandbox.faults({"kind": "list", "api": "trakt", "endpoint": "/{medium}/trending", "keep": 0})
    before = counts(ctx.database)

    with pytest.raises(NoCycle, match="no cycle was opened"):
        preview_cycle(ctx, SHOWS)

    assert counts(ctx.database) == before
