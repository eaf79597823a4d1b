"""Which source's value is written where several may give one: a table of precedence, and a pure decision over it.

What a source said is in hand, what is stored and who said that as well (`storage.provenance`); here it is decided what
of the first is written and whose it is from now on. The transaction is the caller's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ratingo_pipelines.storage.provenance import Origin
from ratingo_pipelines.sync.facts import Row

IMDB_DATASET, OMDB, TRAKT, TMDB = "imdb", "omdb", "trakt", "tmdb"
"""The sources, as `pipeline_provenance` calls them. Trakt passes ratings of IMDb and Metacritic on."""
IMDB_ID, TITLE, RATING_IMDB, RATING_METACRITIC = "imdb_id", "title", "rating_imdb", "rating_metacritic"
"""The values that several sources give, each named by the column that holds it."""
HELD = timedelta(days=8)
"""How long an answer keeps those of lesser sources out: a week, after which OMDb is asked again, and the day within
which its turn comes. Without that day a rating would be Trakt's for some hours of each week."""
RENEWED = timedelta(days=1)
"""An answer that says the same as the last one is noted once a day: four cycles a day would each write otherwise."""


@dataclass(frozen=True)
class Precedence:
    """Who gives a value, the best first, and which columns move with it."""

    sources: tuple[str, ...]
    columns: tuple[str, ...] = ()
    """Beside its own."""
    held: timedelta | None = HELD
    """For how long an answer keeps those of lesser sources out; None: for ever."""


PRECEDENCE: Mapping[str, Precedence] = {
    IMDB_ID: Precedence((TRAKT, TMDB)),
    TITLE: Precedence((TRAKT, TMDB), held=None),
    RATING_IMDB: Precedence((IMDB_DATASET, OMDB, TRAKT), ("imdb_votes",)),
    RATING_METACRITIC: Precedence((OMDB, TRAKT)),
}
"""IMDb's id comes first: what is known by another one is about another title."""
_BY_IMDB_ID = frozenset({RATING_IMDB, RATING_METACRITIC})


@dataclass(frozen=True)
class Settled:
    """What is to be written."""

    columns: Row
    """The answer's, without those that a better source has given."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Whose the values are, where that is not on record yet."""


def settle(
    told: Mapping[str, Any],
    said_by: Mapping[str, str],
    row: Mapping[Any, Any],
    origins: Mapping[str, Origin],
    now: datetime,
) -> Settled:
    """Decide between what was `told` and what the title's `row` holds.

    `said_by` names the source of each value that several give, `origins` those of the stored ones. Nothing told is no
    answer. A value without an origin, as earlier versions stored them, gives way to any.
    """
    columns, found = dict(told), {}
    about_another = False
    for name, precedence in PRECEDENCE.items():
        value, source = columns.get(name), said_by.get(name)
        if value is None or source is None:
            continue
        # 0 is what the old sync wrote where nobody rated.
        known = row.get(name) or None
        origin = None if known is None or (about_another and name in _BY_IMDB_ID) else origins.get(name)
        together = (name, *precedence.columns)
        same = all(columns.get(column) in (None, row.get(column)) for column in together)
        better = origin if origin is not None and _is_better(precedence, origin.source, source) else None
        # Where both say the same, the better one has said it.
        if better and (same or precedence.held is None or now - better.answered_at < precedence.held):
            columns = {column: said for column, said in columns.items() if column not in together}
            continue
        if name == IMDB_ID:
            about_another = known is not None and known != value
        if origin is None or origin.source != source or not same or now - origin.answered_at >= RENEWED:
            found[name] = Origin(source, now)
    return Settled(columns, found)


def _is_better(precedence: Precedence, source: str, other: str) -> bool:
    ranks = {name: rank for rank, name in enumerate(precedence.sources)}
    return ranks.get(source, len(ranks)) < ranks.get(other, len(ranks))
