"""The lists of months: kept for ever once they came whole, never replaced by less, absent only after two cycles."""

from typing import Any

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import BadPayload, SourceError
from ratingo_pipelines.storage.pipeline_tables import monthly_lists, monthly_watchers
from ratingo_pipelines.sync.asking import NotBelieved
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.monthly import fetch_month, missing_months
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, all_rows, limited

MONTH = {"api": "trakt", "endpoint": "/{medium}/watched/monthly/{date}"}


def kept(ctx: SyncContext) -> list[tuple[str, int]]:
    return [(row["month"], row["entries"]) for row in all_rows(ctx.database, monthly_lists) if row["found"]]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "list", "nulls": 1.0}, "the answer is unusable"),
        ({"kind": "list", "nulls": 0.5}, "names a title in only 125 of its 250 entries; nothing was changed"),
        ({"kind": "list", "repeat": True}, "has only 1 title in 250 entries"),
        ({"kind": "list", "zero_watchers": True}, "says of every title that nobody watched it"),
        ({"kind": "list", "keep": 10}, "is short: 10 titles, where the one kept has 250"),
        ({"kind": "types"}, "the answer is unusable"),
    ],
    ids=["nulls", "half of it nulls", "one title alone", "nobody watched", "short", "odd"],
)
def test_a_list_that_is_kept_is_not_replaced_by_less(
    ctx: SyncContext, sandbox: RunningSandbox, fault: dict[str, Any], said: str
) -> None:
    assert fetch_month(ctx, SHOWS, "2026-01") == 250
    before = all_rows(ctx.database, monthly_watchers)
    sandbox.faults({**MONTH, **fault})
    with pytest.raises((NotBelieved, BadPayload), match=said):
        fetch_month(ctx, SHOWS, "2026-01")
    assert all_rows(ctx.database, monthly_watchers) == before
    assert kept(ctx) == [("2026-01", 250)]


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 404}, {"kind": "list", "empty": True}], ids=["404", "[]"]
)
def test_nor_is_it_lost_where_trakt_says_that_it_has_none(
    ctx: SyncContext, sandbox: RunningSandbox, fault: dict[str, Any]
) -> None:
    fetch_month(ctx, SHOWS, "2026-01")
    sandbox.faults({**MONTH, **fault})
    assert fetch_month(ctx, SHOWS, "2026-01") is None
    assert kept(ctx) == [("2026-01", 250)]
    assert len(all_rows(ctx.database, monthly_watchers)) == 250


def test_that_a_month_is_absent_is_believed_in_the_second_cycle(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    few = limited(ctx, 3)
    sandbox.faults({**MONTH, "kind": "status", "status": 404})
    newest, *others = missing_months(few, SHOWS)

    first = open_trending_cycle(few, SHOWS, RUN)

    assert first.months_fetched == ()
    assert f"Trakt has no list of the most watched shows of {newest}; asked again with the next cycle" in first.notes
    # Asking by hand is no second cycle.
    assert fetch_month(few, SHOWS, newest) is None
    assert missing_months(few, SHOWS) == [newest, *others]
    sandbox.faults({**MONTH, "kind": "status", "status": 404, "endpoint": f"/shows/watched/monthly/{newest}-01"})

    second = open_trending_cycle(few, SHOWS, RUN)

    assert second.months_fetched == tuple(others)
    assert second.notes == (f"Trakt has no list of the most watched shows of {newest}; asked again in a week",)
    assert missing_months(few, SHOWS) == []
    clock.turn(days=7, seconds=1)
    assert newest in missing_months(few, SHOWS)
    sandbox.faults()
    assert fetch_month(few, SHOWS, newest) == 250


def test_lists_of_nulls_are_asked_for_in_every_cycle(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    few = limited(ctx, 3)
    sandbox.faults({**MONTH, "kind": "list", "nulls": 0.5})
    for _ in range(3):
        assert open_trending_cycle(few, SHOWS, RUN).months_fetched == ()
        assert len(missing_months(few, SHOWS)) == 6
    sandbox.faults()
    assert len(open_trending_cycle(few, SHOWS, RUN).months_fetched) == 6


def test_a_month_that_did_not_come_is_not_kept(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    sandbox.faults({**MONTH, "kind": "types"})
    with pytest.raises(SourceError):
        fetch_month(ctx, SHOWS, "2026-01")
    assert all_rows(ctx.database, monthly_lists) == []
