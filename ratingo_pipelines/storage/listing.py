"""What the site asks of the database, as the site asks it: the list of titles.

Its other questions are `snapshots.last_snapshots` and `airings.next_airings`.

The tests hold these queries to their results and to the contract's indexes.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, exists, select

from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.titles import listed


class Sort(StrEnum):
    """What the list is sorted by: the column's name."""

    SCORE = "trending_score"
    WATCHERS = "rating_trakt"
    DELTA = "watchers_delta"
    DELTA_3M = "delta_3m"


def trending_list(
    conn: Connection,
    t: TitleTables,
    sort: Sort = Sort.SCORE,
    descending: bool = True,
    region: str | None = None,
    provider: int | str | None = None,
    category: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> Sequence[RowMapping]:
    """Titles that the site lists, sorted; filtered by where they can be watched.

    `provider` is TMDB's id or a name. All three filters hold for one and the same offer. A title that lacks the value
    sorted by has no place in that order.
    """
    statement = trending_statement(t, sort, descending, region, provider, category)
    return conn.execute(statement.limit(limit).offset(offset)).mappings().all()


def trending_statement(
    t: TitleTables,
    sort: Sort,
    descending: bool,
    region: str | None = None,
    provider: int | str | None = None,
    category: str | None = None,
) -> Select[*tuple[Any, ...]]:
    """The statement of `trending_list`, whose plan the tests look at."""
    by = t.titles.c[sort.value]
    # Without `NULLS LAST`, which no index has: what is sorted by is never null here.
    order = (by.desc(), t.titles.c.id) if descending else (by, t.titles.c.id)
    statement = select(t.titles).where(listed(t), by.is_not(None)).order_by(*order)
    offers = t.watch_providers.c
    wanted: list[ColumnElement[bool]] = []
    if region is not None:
        wanted.append(offers.region == region)
    if category is not None:
        wanted.append(offers.category == category)
    if isinstance(provider, int):
        wanted.append(offers.provider_id == provider)
    elif provider is not None:
        wanted.append(offers.provider_name == provider)
    if not wanted:
        return statement
    return statement.where(exists().where(offers[t.parent_key] == t.titles.c.id, *wanted))
