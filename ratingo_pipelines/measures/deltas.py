"""How a title's watchers change: month against month, three months against three, in pandas.

The monthly part is worked out for a whole medium at once (`monthly_frame`, `monthly_deltas`); what is chosen
for one title (`watchers_delta`, `delta_3m`) is plain arithmetic. Reading lists and snapshots is storage's.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MONTHS = 6
OLDEST_COMPARED = timedelta(days=7)
"""A snapshot older than this says nothing of how a title's watchers change now."""


def complete_months(today: date, n: int = MONTHS) -> list[str]:
    """Return the last `n` calendar months that are over on `today` (a UTC day), newest first: `YYYY-MM`."""
    newest = today.year * 12 + today.month - 2
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(newest, newest - n, -1)]


def monthly_frame(rows: Iterable[tuple[str, int, int]], known: Iterable[str] = ()) -> "pd.DataFrame":
    """Turn rows (month `YYYY-MM`, Trakt id, watchers) into a row a title and a column a month, newest first.

    Missing is NaN. A column says that the month's list is known: `known` adds those that came empty. A title
    that a list names twice counts as it was named first.
    """
    # pandas takes longer to load than most commands to run.
    import pandas as pd

    table = pd.DataFrame(list(rows), columns=["month", "trakt_id", "watchers"])
    wide = table.drop_duplicates(["month", "trakt_id"]).pivot(index="trakt_id", columns="month", values="watchers")
    months = sorted({*wide.columns, *known}, reverse=True)
    return wide.reindex(columns=months).astype("float64").rename_axis(columns=None)


def three_month_deltas(frame: "pd.DataFrame", months: Sequence[str]) -> dict[int, float]:
    """The last three months minus the three before, for every title (Trakt id) of a `monthly_frame`.

    `months` are the six `complete_months`, newest first. A list that leaves a title out counts as 0 for it. Titles that
    none of the six names are left out; so are all of them while fewer than six lists are known, as two months against
    three say nothing. Raises `ValueError` for other than six months.
    """
    if len(months) != MONTHS:
        raise ValueError(f"deltas compare {MONTHS} months, not {len(months)}")
    if not set(months) <= set(frame.columns):
        return {}
    lists = frame.reindex(columns=list(months)).dropna(how="all")
    three = lists.iloc[:, :3].sum(axis=1) - lists.iloc[:, 3:].sum(axis=1)
    return {int(trakt_id): float(delta) for trakt_id, delta in zip(three.index, three, strict=True)}


def watchers_delta(watchers: int, previous: int | None) -> float:
    """People watching now minus those of the title's previous snapshot; 0 for a title without one.

    One unit a column: the site prints it as a share of the people watching now, and monthly figures are ten to a
    hundred times larger.
    """
    return 0.0 if previous is None else float(watchers - previous)
