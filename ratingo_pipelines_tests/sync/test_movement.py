"""How the list moves between two cycles."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage.cycles import Cycle, CycleTitle
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.movement import Movement, TitleMove, UnknownCycle, moved, movement
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.sync.syncing import RUN, limited

BEFORE = Cycle(1, "shows", datetime(2026, 3, 1, tzinfo=UTC), 100, 5, 5, asked=5)
NOW = replace(BEFORE, id=2, cycle_at=datetime(2026, 3, 2, tzinfo=UTC))


def place(rank: int, tmdb_id: int, outcome: str = "done") -> CycleTitle:
    return CycleTitle(
        rank, 1, rank, tmdb_id, None, None, None, f"Title {tmdb_id}", 2020, 10 * tmdb_id, 7, 9, outcome, None
    )


def titles(*tmdb_ids: int) -> list[CycleTitle]:
    return [place(rank, tmdb_id) for rank, tmdb_id in enumerate(tmdb_ids, start=1)]


def ids(moves: Sequence[TitleMove]) -> list[int]:
    return [move.tmdb_id for move in moves]


def named(found: Movement) -> dict[str, list[int]]:
    kinds = ("new", "gone", "risen", "fallen", "unmoved")
    return {kind: moves for kind in kinds if (moves := ids(getattr(found, kind)))}


def test_each_title_moved_in_one_way() -> None:
    found = moved(BEFORE, NOW, titles(1, 2, 3, 4, 5), titles(1, 5, 3, 2, 6))
    assert named(found) == {"new": [6], "gone": [4], "risen": [5], "fallen": [2], "unmoved": [1, 3]}
    [risen] = found.risen
    assert (risen.rank_before, risen.rank, risen.places) == (5, 2, 3)
    assert (found.gone[0].rank_before, found.gone[0].rank, found.gone[0].places) == (4, None, 0)


def test_those_that_moved_most_come_first() -> None:
    found = moved(BEFORE, NOW, titles(1, 2, 3, 4, 5), titles(5, 4, 3, 2, 1))
    assert named(found) == {"risen": [5, 4], "fallen": [1, 2], "unmoved": [3]}


def test_with_one_cycle_all_is_new() -> None:
    assert named(moved(None, NOW, [], titles(1, 2))) == {"new": [1, 2]}


def test_what_is_skipped_has_no_place_and_what_is_listed_twice_has_its_first() -> None:
    found = moved(BEFORE, NOW, [place(1, 7), place(2, 8)], [place(1, 7, "skipped"), place(2, 8), place(3, 8)])
    assert named(found) == {"gone": [7], "unmoved": [8]}


def test_places_that_one_list_was_not_asked_for_are_not_compared() -> None:
    long, short = replace(NOW, asked=5), replace(BEFORE, asked=2)
    found = moved(short, long, titles(1, 2), titles(2, 3, 1, 4, 5))
    assert found.depth == 2
    assert named(found) == {"new": [3], "gone": [1], "risen": [2]}


@pytest.mark.parametrize("before", [None, replace(BEFORE, asked=5)], ids=["the first list", "asked for alike"])
def test_lists_that_were_asked_for_alike_are_compared_whole(before: Cycle | None) -> None:
    assert moved(before, replace(NOW, asked=5), titles(1, 2), titles(2, 1)).depth is None


def test_the_latest_two_cycles_are_compared_or_those_named_in_the_order_of_time(ctx: SyncContext) -> None:
    few = limited(ctx, 5)
    cycle_ids = [open_trending_cycle(few, SHOWS, RUN).cycle_id for _ in range(3)]
    found = movement(ctx.database, SHOWS)
    assert found.before is not None
    assert [found.before.id, found.cycle.id] == cycle_ids[1:]
    assert found.unmoved
    chosen = movement(ctx.database, SHOWS, (cycle_ids[2], cycle_ids[0]))
    assert chosen.before is not None
    assert [chosen.before.id, chosen.cycle.id] == [cycle_ids[0], cycle_ids[2]]


def test_a_cycle_that_is_not_there_is_named(ctx: SyncContext) -> None:
    with pytest.raises(UnknownCycle, match="there is no cycle of movies yet: `ratingo sync movies`"):
        movement(ctx.database, MOVIES)
    cycle_id = open_trending_cycle(limited(ctx, 3), SHOWS, RUN).cycle_id
    assert movement(ctx.database, SHOWS).before is None
    with pytest.raises(UnknownCycle, match="there is no cycle 99 of shows"):
        movement(ctx.database, SHOWS, (cycle_id, 99))
