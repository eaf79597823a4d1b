"""What the site asks of the database, as the site asks it: the list of titles, and one title whole.

Its other questions are `snapshots.last_snapshots` and `airings.next_airings`.

The tests hold these queries to their results and to the contract's indexes.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, exists, select

from ratingo_pipelines.storage.tables import TitleTables, genres
from ratingo_pipelines.storage.titles import listed

LISTED_RELATED = 12


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


def title_page(conn: Connection, t: TitleTables, tmdb_id: int) -> dict[str, Any] | None:
    """One title with everything: its row under `title`, and the rows of each child table under the table's role.

    Genres come with their names, related titles (at most 12) with their own rows.
    """
    title = conn.execute(select(t.titles).where(t.titles.c.tmdb_id == tmdb_id)).mappings().one_or_none()
    if title is None:
        return None
    title_id = title["id"]
    page: dict[str, Any] = {"title": title}
    roles = {
        "ratings": (t.ratings, "source"),
        "rating_buckets": (t.rating_buckets, "bucket"),
        "translations": (t.translations, "locale"),
        "videos": (t.videos, "id"),
        "watch_providers": (t.watch_providers, "rank"),
        "cast": (t.cast, "order"),
        "content_ratings": (t.content_ratings, "region"),
        "snapshots": (t.snapshots, "created_at"),
    }
    for role, (table, order) in roles.items():
        rows = select(table).where(table.c[t.parent_key] == title_id).order_by(table.c[order], table.c.id)
        page[role] = conn.execute(rows).mappings().all()
    page["genres"] = (
        conn.execute(
            select(genres)
            .join(t.genres, t.genres.c.genre_id == genres.c.id)
            .where(t.genres.c[t.parent_key] == title_id)
            .order_by(t.genres.c.id)
        )
        .mappings()
        .all()
    )
    page["related"] = (
        conn.execute(
            select(t.titles, t.related.c.rank, t.related.c.source)
            .join(t.related, t.related.c[t.related_key] == t.titles.c.id)
            .where(t.related.c[t.parent_key] == title_id)
            .order_by(t.related.c.rank)
            .limit(LISTED_RELATED)
        )
        .mappings()
        .all()
    )
    return page
