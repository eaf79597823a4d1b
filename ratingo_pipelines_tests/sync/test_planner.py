"""A day that is not enough is divided in the order of the classes, and each has a part of it."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratingo_pipelines.storage.turns import Turn
from ratingo_pipelines.sync.planner import LEAST, days_until, plan

TRENDING, LISTED, NEW, OLDEST = Turn


def waiting(*counts: int) -> dict[Turn, int]:
    """So many of each class, in their order."""
    return dict(zip(Turn, counts, strict=True))


@pytest.mark.parametrize(
    ("budget", "counts", "granted"),
    [
        pytest.param(1_000, (100, 200, 300, 400), (100, 200, 300, 400), id="enough for all"),
        pytest.param(1_000, (100, 200, 3_000, 2_000), (100, 200, 650, 50), id="the last has its part"),
        pytest.param(1_000, (2_000, 2_000, 2_000, 2_000), (850, 50, 50, 50), id="each has its part"),
        pytest.param(1_000, (2_000, 0, 20, 0), (980, 0, 20, 0), id="nobody is left more than waits"),
        pytest.param(7, (0, 0, 7, 7), (0, 0, 6, 1), id="a part is one request at least"),
        pytest.param(4, (9, 9, 9, 9), (1, 1, 1, 1), id="one for each"),
        pytest.param(3, (9, 9, 9, 9), (3, 0, 0, 0), id="not one for each"),
        pytest.param(0, (9, 9, 9, 9), (0, 0, 0, 0), id="nothing"),
        pytest.param(-5, (9, 9, 9, 9), (0, 0, 0, 0), id="less than nothing"),
        pytest.param(10, (0, 0, 0, 0), (0, 0, 0, 0), id="nobody waits"),
    ],
)
def test_a_budget_is_granted_in_order_but_for_the_part_of_each(
    budget: int, counts: tuple[int, ...], granted: tuple[int, ...]
) -> None:
    assert plan(budget, waiting(*counts)) == waiting(*granted)


def test_a_class_of_which_nothing_is_said_has_nobody_who_waits() -> None:
    assert plan(10, {NEW: 3}) == waiting(0, 0, 3, 0)


COUNTS = st.tuples(*(st.integers(0, 100_000) for _ in Turn))


@given(st.integers(0, 10_000), COUNTS)
def test_no_plan_grants_more_than_there_is_or_waits_and_none_wastes_any(budget: int, counts: tuple[int, ...]) -> None:
    granted = plan(budget, waiting(*counts))

    assert all(0 <= granted[turn] <= count for turn, count in waiting(*counts).items())
    assert sum(granted.values()) == min(budget, sum(counts))
    assert all(granted[turn] >= min(budget // LEAST, count) for turn, count in waiting(*counts).items())


@pytest.mark.parametrize(
    ("budget", "counts", "days"),
    [
        pytest.param(1_000, (100, 200, 300, 400), {TRENDING: 1, LISTED: 1, NEW: 1, OLDEST: 1}, id="today"),
        # 650 + 950 + 950 + 450 new ones; 50 + 50 + 50 + 550 + 1,000 + 300 of the oldest.
        pytest.param(1_000, (100, 200, 3_000, 2_000), {TRENDING: 1, LISTED: 1, NEW: 4, OLDEST: 6}, id="in order"),
        pytest.param(1, (0, 0, 3, 1), {NEW: 3, OLDEST: 4}, id="one by one"),
        pytest.param(10, (0, 0, 0, 0), {}, id="nobody waits"),
        pytest.param(0, (0, 2, 0, 1), {LISTED: None, OLDEST: None}, id="never"),
    ],
)
def test_how_long_each_class_waits_follows_from_the_plans_of_the_days(
    budget: int, counts: tuple[int, ...], days: dict[Turn, int | None]
) -> None:
    assert days_until(budget, waiting(*counts)) == days


def day_by_day(budget: int, left: dict[Turn, int]) -> dict[Turn, int]:
    """The same, one day after the other."""
    day, found = 0, {}
    while any(left.values()):
        day += 1
        granted = plan(budget, left)
        for turn, count in left.items():
            if count and count == granted[turn]:
                found[turn] = day
        left = {turn: count - granted[turn] for turn, count in left.items()}
    return found


@pytest.mark.parametrize(("budget", "scale"), [*product([1, 4, 19, 20, 1_000], [1, 7, 40])])
def test_days_taken_at_once_are_the_days_one_by_one(budget: int, scale: int) -> None:
    counts = waiting(scale, 3 * scale, 11 * scale, 5 * scale)
    assert days_until(budget, counts) == day_by_day(budget, counts)
