"""A title's watchers as a series a day, and small drawings of numbers: block characters and inline SVG.

Reading the snapshots is storage's; where a drawing is shown is the caller's.
"""

import base64
import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

BLOCKS = "▁▂▃▄▅▆▇█"
COLOUR = "#6366f1"
"""Readable on the white and on the dark page of Dagster's UI."""
_FAINT = "#94a3b8"
_MARGIN = 3
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Snapshot = tuple[datetime, int]
"""When (timezone-aware) and how many watchers."""


def daily_series(snapshots: Sequence[Snapshot], today: date, days: int = 30) -> "pd.DataFrame":
    """Return a row a UTC day, `today` last: columns `day` (date), `watchers` (Int64), `carried` (bool).

    A day's value is its last snapshot. A day without one carries the last value forward, also from before the
    window, and is marked; days before the first known value are NA. Snapshots may come in any order.
    """
    # The commands that only draw start without pandas.
    import pandas as pd

    last_of_day = {when.astimezone(UTC).date(): watchers for when, watchers in _in_order(snapshots)}
    window = [today - timedelta(days=age) for age in reversed(range(days))]
    earlier = [watchers for day, watchers in last_of_day.items() if day <= today - timedelta(days=days)]
    value = earlier[-1] if earlier else None
    rows: list[tuple[date, int | None, bool]] = []
    for day in window:
        value = last_of_day.get(day, value)
        rows.append((day, value, value is not None and day not in last_of_day))
    return pd.DataFrame(
        {
            "day": pd.Series([day for day, _, _ in rows], dtype="object"),
            "watchers": pd.Series([watchers for _, watchers, _ in rows], dtype="Int64"),
            "carried": pd.Series([carried for _, _, carried in rows], dtype="bool"),
        }
    )


def points(series: "pd.DataFrame") -> list[int | None]:
    """Return the watchers of a `daily_series` as the drawings take them: `None` for NA."""
    column = series["watchers"]
    return [int(value) if known else None for value, known in zip(column, column.notna(), strict=True)]


def blocks(values: Sequence[float | None], width: int | None = None) -> str:
    """Draw values with ▁▂▃▄▅▆▇█, lowest to highest; unknown ones are spaces, a flat series is in the middle.

    More values than `width` are averaged in `width` groups of neighbours.
    """
    known = _averaged([_finite(value) for value in values], width)
    level = _levels(known, len(BLOCKS) - 1, flat=(len(BLOCKS) - 1) // 2)
    return "".join(" " if value is None else BLOCKS[math.floor(level(value) + 0.5)] for value in known)


def svg(values: Sequence[float | None], width: int = 240, height: int = 48, *, label: str) -> str:
    """Draw values as a line, left to right, as one self-contained SVG; it breaks where they are unknown.

    `label` is what a screen reader says.
    """
    known = [_finite(value) for value in values]
    level = _levels(known, height - 2 * _MARGIN, flat=(height - 2 * _MARGIN) / 2)
    step = (width - 2 * _MARGIN) / max(len(known) - 1, 1)
    places = [
        None if value is None else (_MARGIN + index * step, height - _MARGIN - level(value))
        for index, value in enumerate(known)
    ]
    shapes = []
    for _, stretch in groupby(places, key=lambda place: place is None):
        if line := [f"{x:.1f},{y:.1f}" for x, y in filter(None, stretch)]:
            # With round ends, a value that stands alone shows as a dot once its line leads to itself.
            shapes.append(
                f'<polyline points="{" ".join(line if len(line) > 1 else line * 2)}" fill="none" '
                f'stroke="{COLOUR}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>'
            )
    shapes += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{COLOUR}"/>' for x, y in list(filter(None, places))[-1:]
    ]
    return _document(width, height, label, shapes)


def histogram_svg(counts: Mapping[int, int], width: int = 240, height: int = 64, *, label: str | None = None) -> str:
    """Draw a distribution of ratings as ten bars, 1 to 10, the tallest full height; missing counts are 0.

    Without a `label` a screen reader says the counts.
    """
    votes = {rating: max(counts.get(rating, 0), 0) for rating in range(1, 11)}
    most = max(votes.values())
    slot = (width - 2 * _MARGIN) / len(votes)
    floor = height - 12
    shapes = []
    for rating, count in votes.items():
        x = _MARGIN + (rating - 1) * slot
        bar = count / most * (floor - _MARGIN) if most else 0
        shapes.append(
            f'<rect x="{x + 1:.1f}" y="{floor - bar:.1f}" width="{slot - 2:.1f}" height="{bar:.1f}" '
            f'fill="{COLOUR}"/><text x="{x + slot / 2:.1f}" y="{height - 2}" font-family="sans-serif" '
            f'font-size="9" text-anchor="middle" fill="{_FAINT}">{rating}</text>'
        )
    spoken = "Votes by rating: " + ", ".join(f"{rating}: {count}" for rating, count in votes.items())
    return _document(width, height, spoken if label is None else label, shapes)


def as_markdown_image(drawing: str, alt: str) -> str:
    """Wrap an SVG as a Markdown image that needs no file: a `data:` URI."""
    text = re.sub(r"([\\\[\]`*_<>!&])", r"\\\1", " ".join(alt.split()))
    return f"![{text}](data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()})"


def _in_order(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    return sorted(snapshots, key=lambda snapshot: snapshot[0])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _averaged(values: list[float | None], width: int | None) -> list[float | None]:
    count = len(values)
    if width is None or count <= width:
        return values
    groups = [values[at * count // width : (at + 1) * count // width] for at in range(width)]
    averages: list[float | None] = []
    for group in groups:
        known = [value for value in group if value is not None]
        averages.append(sum(known) / len(known) if known else None)
    return averages


def _levels(values: Sequence[float | None], top: float, flat: float) -> Callable[[float], float]:
    """Return the map of values to heights 0..top, or to `flat` when all are the same."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0), max(known, default=0)
    if low == high:
        return lambda _: flat
    return lambda value: (value - low) / (high - low) * top


def _document(width: int, height: int, label: str, shapes: Sequence[str]) -> str:
    spoken = html.escape(_UNPRINTABLE.sub("", label))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{spoken}"><title>{spoken}</title>'
        f"{''.join(shapes)}</svg>"
    )
