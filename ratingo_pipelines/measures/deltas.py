"""How a title's watchers change: month against month, three months against three, in pandas.

The monthly part is worked out for a whole medium at once (`monthly_frame`, `monthly_deltas`); what is chosen
for one title (`watchers_delta`, `delta_3m`) is plain arithmetic. Reading lists and snapshots is storage's.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MONTHS = 6


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


def monthly_deltas(frame: "pd.DataFrame", months: Sequence[str]) -> "pd.DataFrame":
    """Compare months for every title of a `monthly_frame`: columns `month` and `3m`, NaN where unknown.

    `months` are the six `complete_months`, newest first. `month` needs the title in both of the newest two.
    `3m` needs it in any of the six, where a list that leaves it out counts as 0; but a list that is not known
    at all would set two months against three for every title, so then `3m` is unknown for all.
    """
    import pandas as pd

    if len(months) != MONTHS:
        raise ValueError(f"monthly deltas compare {MONTHS} months, not {len(months)}")
    lists = frame.reindex(columns=list(months))
    month = lists.iloc[:, 0] - lists.iloc[:, 1]
    three = lists.iloc[:, :3].sum(axis=1) - lists.iloc[:, 3:].sum(axis=1)
    all_known = set(months) <= set(frame.columns)
    return pd.DataFrame({"month": month, "3m": three.where(lists.notna().any(axis=1) & all_known)})


def by_title(deltas: "pd.DataFrame") -> dict[int, tuple[float | None, float | None]]:
    """Turn `monthly_deltas` into {Trakt id: (month, 3m)}, `None` where unknown, for threads to look up."""
    return {
        int(trakt_id): (_known(month), _known(three))
        for trakt_id, month, three in zip(deltas.index, deltas["month"], deltas["3m"], strict=True)
    }


def watchers_delta(monthly: float | None, watchers: int, previous: int | None) -> float:
    """Return the title's change over the last complete month; else since the previous cycle; else 0.

    `monthly` is the title's `month` of `monthly_deltas`; `watchers` are those of this cycle, `previous` those
    of the one before (`None` when the title was not in it).
    """
    if (known := _known(monthly)) is not None:
        return known
    return 0.0 if previous is None else float(watchers - previous)


def delta_3m(monthly: float | None, recent: Sequence[int]) -> float:
    """Return the title's change over three months; else of the newest three snapshots; else 0.

    `monthly` is the title's `3m` of `monthly_deltas`; `recent` are the watchers of its snapshots, newest
    first, this cycle's included: the newest three minus the three before, which takes all six.
    """
    if (known := _known(monthly)) is not None:
        return known
    return float(sum(recent[:3]) - sum(recent[3:6])) if len(recent) >= 6 else 0.0


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
