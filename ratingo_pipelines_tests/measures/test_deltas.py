"""How watchers change, on months and snapshots worked out by hand."""

from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratingo_pipelines.measures.deltas import (
    complete_months,
    monthly_frame,
    three_month_deltas,
    watchers_delta,
)

MONTHS = ["2026-06", "2026-05", "2026-04", "2026-03", "2026-02", "2026-01"]


def rows_of(titles: dict[int, list[int | None]]) -> list[tuple[str, int, int]]:
    return [
        (month, trakt_id, count)
        for trakt_id, counts in titles.items()
        for month, count in zip(MONTHS, counts, strict=True)
        if count is not None
    ]


@pytest.mark.parametrize(
    ("today", "n", "months"),
    [
        pytest.param(date(2026, 7, 9), 6, MONTHS, id="midsummer"),
        pytest.param(date(2026, 7, 1), 2, ["2026-06", "2026-05"], id="a month is over on the first of the next"),
        pytest.param(date(2026, 6, 30), 2, ["2026-05", "2026-04"], id="and not on its own last day"),
        pytest.param(date(2026, 2, 28), 3, ["2026-01", "2025-12", "2025-11"], id="across the new year"),
        pytest.param(date(2026, 1, 1), 1, ["2025-12"], id="on New Year's Day"),
        pytest.param(date(2026, 1, 1), 13, [f"2025-{m:02}" for m in range(12, 0, -1)] + ["2024-12"], id="13"),
        pytest.param(date(2026, 1, 1), 0, [], id="none"),
    ],
)
def test_complete_months_are_those_that_are_over_newest_first(today: date, n: int, months: list[str]) -> None:
    assert complete_months(today, n) == months


def test_six_complete_months_are_the_default() -> None:
    assert complete_months(date(2026, 7, 31)) == MONTHS


def test_a_monthly_frame_has_a_row_a_title_and_a_column_a_month_newest_first() -> None:
    frame = monthly_frame([("2026-05", 1, 400), ("2026-06", 1, 500), ("2026-06", 2, 90)])

    assert frame.index.tolist() == [1, 2]
    assert frame.index.name == "trakt_id"
    assert frame.columns.tolist() == ["2026-06", "2026-05"]
    assert list(frame.loc[1]) == [500, 400]
    assert list(frame.fillna(-1).loc[2]) == [90, -1]


def test_a_title_listed_twice_in_a_month_counts_as_it_was_named_first() -> None:
    frame = monthly_frame([("2026-06", 1, 500), ("2026-06", 1, 3)])

    assert list(frame.loc[1]) == [500]


def test_a_month_whose_list_came_empty_is_a_column_all_the_same() -> None:
    frame = monthly_frame([("2026-06", 1, 500)], known=["2026-05"])

    assert frame.columns.tolist() == ["2026-06", "2026-05"]
    assert frame["2026-05"].isna().all()


@pytest.mark.parametrize(
    ("counts", "delta"),
    [
        pytest.param([500, 400, 300, 200, 100, 50], 850, id="(500+400+300) - (200+100+50) = 850"),
        pytest.param([100, 400, 300, 500, 600, 700], -1000, id="800 - 1800 = -1000"),
        pytest.param([70, 70, 70, 70, 70, 70], 0, id="no change is known to be none"),
        pytest.param([500, None, None, None, None, None], 500, id="new this month"),
        pytest.param([None, 400, None, None, None, None], 400, id="gone this month"),
        pytest.param([None, None, None, None, None, 300], -300, id="gone long ago"),
        pytest.param([500, None, 300, None, 100, None], 700, id="now and then: 800 - 100 = 700"),
        pytest.param([0, 10, 0, 0, 0, 0], 10, id="a listed 0 is known"),
    ],
)
def test_three_months_are_compared_with_the_three_before(counts: list[int | None], delta: float) -> None:
    assert three_month_deltas(monthly_frame(rows_of({7: counts}), MONTHS), MONTHS) == {7: delta}


def test_the_deltas_of_all_titles_are_worked_out_together() -> None:
    frame = monthly_frame(
        rows_of({1: [500, 400, 300, 200, 100, 50], 2: [10, 20, None, None, None, 5], 3: [None] * 5 + [8]})
    )

    assert three_month_deltas(frame, MONTHS) == {1: 850, 2: 25, 3: -8}


def test_a_title_only_in_lists_that_are_too_old_has_none() -> None:
    rows = [*rows_of({1: [1, 2, 3, 4, 5, 6]}), ("2025-12", 2, 9_000)]

    assert three_month_deltas(monthly_frame(rows), MONTHS) == {1: -9}


def test_a_list_that_is_not_known_does_not_pass_for_a_month_without_watchers() -> None:
    without_newest = [row for row in rows_of({1: [9, 9, 9, 9, 9, 9]}) if row[0] != "2026-06"]
    without_oldest = [row for row in rows_of({1: [9, 8, 9, 9, 9, 9]}) if row[0] != "2026-01"]

    assert three_month_deltas(monthly_frame(without_newest), MONTHS) == {}
    assert three_month_deltas(monthly_frame(without_oldest), MONTHS) == {}


def test_without_any_list_nothing_is_known() -> None:
    assert three_month_deltas(monthly_frame([]), MONTHS) == {}
    assert three_month_deltas(monthly_frame([], MONTHS), MONTHS) == {}


def test_three_months_take_six() -> None:
    with pytest.raises(ValueError, match="6 months, not 2"):
        three_month_deltas(monthly_frame([]), MONTHS[:2])


COUNTS = st.lists(st.one_of(st.none(), st.integers(0, 1_000_000)), min_size=6, max_size=6)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.integers(1, 500), COUNTS, max_size=12), st.randoms(use_true_random=False))
def test_a_title_has_the_same_deltas_alone_and_among_others_in_any_order(
    titles: dict[int, list[int | None]], random: Random
) -> None:
    rows = rows_of(titles)
    random.shuffle(rows)

    together = three_month_deltas(monthly_frame(rows, MONTHS), MONTHS)

    for trakt_id, counts in titles.items():
        alone = three_month_deltas(monthly_frame(rows_of({trakt_id: counts}), MONTHS), MONTHS)
        assert together.get(trakt_id) == alone.get(trakt_id)
        assert (trakt_id in together) == any(count is not None for count in counts)


@pytest.mark.parametrize(
    ("watchers", "previous", "delta"),
    [
        pytest.param(900, 500, 400.0, id="more than before"),
        pytest.param(500, 900, -400.0, id="fewer than before"),
        pytest.param(900, 0, 900.0, id="nobody watched before"),
        pytest.param(900, None, 0.0, id="nothing to compare with"),
    ],
)
def test_watchers_are_compared_with_those_of_the_snapshot_before(
    watchers: int, previous: int | None, delta: float
) -> None:
    assert watchers_delta(watchers, previous) == delta
