"""The daily series and the small drawings."""

import base64
import re
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratingo_pipelines.measures.sparkline import (
    Snapshot,
    as_markdown_image,
    blocks,
    daily_series,
    histogram_svg,
    points,
    svg,
)

TODAY = date(2026, 7, 9)
SVG = "{http://www.w3.org/2000/svg}"


def at(day: int, hour: int, watchers: int, month: int = 7) -> Snapshot:
    return datetime(2026, month, day, hour, tzinfo=UTC), watchers


def rows(series: pd.DataFrame) -> list[tuple[int, int | None, bool]]:
    return [
        (day.day, value, carried)
        for day, value, carried in zip(series["day"], points(series), series["carried"], strict=True)
    ]


def test_a_day_has_the_value_of_its_last_snapshot() -> None:
    series = daily_series([at(8, 0, 10), at(8, 18, 30), at(8, 6, 20), at(9, 0, 40)], TODAY, days=2)

    assert rows(series) == [(8, 30, False), (9, 40, False)]


def test_a_day_without_a_snapshot_carries_the_last_value_forward_and_is_marked() -> None:
    series = daily_series([at(5, 12, 50), at(8, 12, 80)], TODAY, days=5)

    assert rows(series) == [(5, 50, False), (6, 50, True), (7, 50, True), (8, 80, False), (9, 80, True)]


def test_days_before_the_first_snapshot_are_unknown() -> None:
    series = daily_series([at(8, 12, 80)], TODAY, days=3)

    assert rows(series) == [(7, None, False), (8, 80, False), (9, 80, True)]


def test_a_snapshot_from_before_the_window_is_carried_into_it() -> None:
    series = daily_series([at(6, 23, 61), at(6, 1, 60), at(1, 5, 10, month=3)], TODAY, days=3)

    assert rows(series) == [(7, 61, True), (8, 61, True), (9, 61, True)]


def test_a_snapshot_from_after_today_is_left_out() -> None:
    series = daily_series([at(10, 0, 99)], TODAY, days=2)

    assert rows(series) == [(8, None, False), (9, None, False)]


def test_days_are_days_of_utc() -> None:
    kyiv = timezone(timedelta(hours=3))
    snapshots = [(datetime(2026, 7, 9, 2, 59, tzinfo=kyiv), 7), (datetime(2026, 7, 9, 3, 0, tzinfo=kyiv), 8)]

    assert rows(daily_series(snapshots, TODAY, days=2)) == [(8, 7, False), (9, 8, False)]


def test_nobody_watching_is_a_value() -> None:
    assert rows(daily_series([at(8, 0, 0)], TODAY, days=2)) == [(8, 0, False), (9, 0, True)]


def test_a_title_without_snapshots_has_a_series_of_unknown_days() -> None:
    series = daily_series([], TODAY)

    assert series["day"].tolist() == [date(2026, 6, 10) + timedelta(days=day) for day in range(30)]
    assert points(series) == [None] * 30
    assert not series["carried"].any()


def test_the_columns_keep_their_types_whatever_is_known() -> None:
    for snapshots in ([], [at(9, 0, 1)]):
        series = daily_series(snapshots, TODAY)
        assert series.dtypes.astype(str).to_dict() == {
            "day": "object",
            "watchers": "Int64",
            "carried": "bool",
        }


SNAPSHOTS = st.lists(
    st.tuples(
        st.datetimes(datetime(2026, 5, 1), datetime(2026, 7, 20), timezones=st.just(UTC)),
        st.integers(0, 90_000),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(SNAPSHOTS, st.integers(0, 60), st.randoms(use_true_random=False))
def test_a_series_has_every_day_of_the_window_once_and_each_value_was_seen(
    snapshots: list[Snapshot], days: int, random: Random
) -> None:
    series = daily_series(snapshots, TODAY, days)
    values = points(series)

    assert len(series) == days
    assert series["day"].tolist() == [TODAY - timedelta(days=age) for age in range(days - 1, -1, -1)]
    assert {value for value in values if value is not None} <= {watchers for _, watchers in snapshots}
    # Once known, always known: what is unknown comes first.
    assert not any(before is not None and after is None for before, after in pairwise(values))
    seen = {when.date() for when, _ in snapshots}
    for day, value, carried in zip(series["day"], values, series["carried"], strict=True):
        assert carried == (value is not None and day not in seen)
    if len({when for when, _ in snapshots}) == len(snapshots):
        random.shuffle(snapshots)
        pd.testing.assert_frame_equal(daily_series(snapshots, TODAY, days), series)


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        pytest.param([0, 1, 2, 3, 4, 5, 6, 7], None, "▁▂▃▄▅▆▇█", id="every height"),
        pytest.param([700, 0, 350], None, "█▁▅", id="halfway is rounded up"),
        pytest.param([10, 10.4, 10.6, 17], None, "▁▁▂█", id="to the nearest height"),
        pytest.param([-7, 0], None, "▁█", id="below zero"),
        pytest.param([5, 5, 5], None, "▄▄▄", id="a flat series is in the middle"),
        pytest.param([5], None, "▄", id="as is a single value"),
        pytest.param([None, None, 1, None, 8], None, "  ▁ █", id="unknown values are spaces"),
        pytest.param([float("nan"), 1, 8], None, " ▁█", id="NaN is unknown"),
        pytest.param([None, None], None, "  ", id="nothing known"),
        pytest.param([], None, "", id="nothing"),
        pytest.param([0, 2, 6, 8], 2, "▁█", id="neighbours are averaged: 1 and 7"),
        pytest.param([0, None, None, None, 6, 8], 3, "▁ █", id="of the known ones, where any is"),
        pytest.param([0, 0, 1, 1, 7, 7, 7], 3, "▁▂█", id="in groups of 2, 2 and 3"),
        pytest.param([1, 8], 10, "▁█", id="few values are not stretched"),
        pytest.param([1, 8], 0, "", id="no room"),
    ],
)
def test_blocks_reach_from_the_lowest_value_to_the_highest(
    values: list[float | None], width: int | None, drawn: str
) -> None:
    assert blocks(values, width) == drawn


VALUES = st.lists(st.one_of(st.none(), st.integers(0, 10**9)), max_size=80)


@given(VALUES, st.integers(1, 40))
def test_blocks_are_as_many_as_the_values_or_as_fit(values: list[float | None], width: int) -> None:
    assert len(blocks(values)) == len(values)
    assert len(blocks(values, width)) == min(len(values), width)
    assert [drawn == " " for drawn in blocks(values)] == [value is None for value in values]


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314


def places(line: ET.Element) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (place.split(",") for place in line.attrib["points"].split(" "))]


def test_a_line_runs_from_left_to_right_and_is_higher_for_more() -> None:
    drawing = parsed(svg([0, 100, 50], width=106, height=46, label="Watchers"))

    (line,) = drawing.findall(f"{SVG}polyline")
    # A margin of 3 leaves 100 x 40.
    assert places(line) == [(3, 43), (53, 3), (103, 23)]
    (newest,) = drawing.findall(f"{SVG}circle")
    assert (newest.attrib["cx"], newest.attrib["cy"]) == ("103.0", "23.0")


def test_a_line_breaks_where_values_are_unknown() -> None:
    drawing = parsed(svg([None, 1, 2, None, 5, None], width=106, height=46, label="Watchers"))

    assert [places(line) for line in drawing.findall(f"{SVG}polyline")] == [
        [(23, 43), (43, 33)],
        [(83, 3), (83, 3)],
    ]


def test_a_flat_line_runs_through_the_middle() -> None:
    drawing = parsed(svg([4, 4], width=106, height=46, label="Watchers"))

    assert places(drawing.findall(f"{SVG}polyline")[0]) == [(3, 23), (103, 23)]


def test_a_drawing_of_nothing_is_empty_and_still_says_what_it_is() -> None:
    drawing = parsed(svg([None, None], label="No snapshots yet"))

    assert [child.tag for child in drawing] == [f"{SVG}title"]
    assert drawing.attrib["aria-label"] == "No snapshots yet"


@settings(deadline=None)
@given(VALUES, st.text())
def test_a_drawing_is_valid_accessible_and_stays_within_its_frame(values: list[float | None], label: str) -> None:
    text = svg(values, width=100, height=40, label=label)
    drawing = parsed(text)

    assert drawing.attrib["role"] == "img"
    title = drawing.find(f"{SVG}title")
    assert title is not None
    assert {element.tag for element in drawing} <= {f"{SVG}{tag}" for tag in ("title", "polyline", "circle")}
    for line in drawing.findall(f"{SVG}polyline"):
        assert all(0 <= x <= 100 and 0 <= y <= 40 for x, y in places(line))
    assert as_markdown_image(text, label).startswith("![")


def test_a_label_cannot_become_markup() -> None:
    drawing = parsed(svg([1], label='<script>alert("1")</script> & \x00Кіт'))

    assert drawing.attrib["aria-label"] == '<script>alert("1")</script> & Кіт'
    assert drawing.findall(f".//{SVG}script") == []


def test_a_histogram_has_ten_bars_the_tallest_of_full_height() -> None:
    drawing = parsed(histogram_svg({1: 5, 8: 40, 10: 20}, width=206, height=55))

    bars = drawing.findall(f"{SVG}rect")
    # 55 high, less 12 for the numbers and a margin of 3: 40 for 40 votes.
    assert [float(bar.attrib["height"]) for bar in bars] == [5, 0, 0, 0, 0, 0, 0, 40, 0, 20]
    assert {float(bar.attrib["y"]) + float(bar.attrib["height"]) for bar in bars} == {43}
    assert [text.text for text in drawing.findall(f"{SVG}text")] == [str(rating) for rating in range(1, 11)]


def test_the_bars_of_a_histogram_stand_side_by_side_above_their_numbers() -> None:
    drawing = parsed(histogram_svg({1: 5, 8: 40}, width=206, height=55))

    bars = [(float(bar.attrib["x"]), float(bar.attrib["width"])) for bar in drawing.findall(f"{SVG}rect")]
    # 206 wide, less a margin of 3 on each side: 20 a bar, of which 1 on each side stays free.
    assert bars == [(4 + 20 * place, 18) for place in range(10)]
    numbers = [float(text.attrib["x"]) for text in drawing.findall(f"{SVG}text")]
    assert numbers == [13 + 20 * place for place in range(10)]


def test_a_histogram_says_its_counts_unless_it_has_a_label() -> None:
    spoken = parsed(histogram_svg({1: 5, 10: 20, 11: 7})).attrib["aria-label"]
    labelled = parsed(histogram_svg({1: 5}, label="Trakt")).attrib["aria-label"]

    assert spoken == "Votes by rating: 1: 5, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: 0, 10: 20"
    assert labelled == "Trakt"


def test_a_histogram_of_a_title_that_nobody_rated_has_no_heights() -> None:
    for counts in ({}, dict.fromkeys(range(1, 11), 0)):
        drawing = parsed(histogram_svg(counts))
        assert {float(bar.attrib["height"]) for bar in drawing.findall(f"{SVG}rect")} == {0}


def test_a_markdown_image_carries_the_drawing_itself() -> None:
    drawing = svg([1, 2], label="Кіт")

    image = as_markdown_image(drawing, "30 days")

    match = re.fullmatch(r"!\[30 days\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", image)
    assert match is not None
    assert base64.b64decode(match[1]).decode() == drawing


def test_an_alternative_text_cannot_end_its_image() -> None:
    image = as_markdown_image("<svg/>", "a](https://example.com)\n\n# [b")

    assert image.startswith(r"![a\](https://example.com) # \[b](data:")
