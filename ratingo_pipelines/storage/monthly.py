"""Trakt's most watched titles of complete months, kept for ever once fetched. Months are `YYYY-MM`.

What is computed from them lives in the measures.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage.pipeline_tables import monthly_lists, monthly_watchers
from ratingo_pipelines.storage.titles import replace_children
from ratingo_pipelines.storage.upsert import insert_one_missing, lock_row

ASK_AGAIN_AFTER = timedelta(days=7)
"""A month that Trakt did not have is asked for again after so long."""


def missing_months(conn: Connection, medium: Medium, months: Iterable[str], now: datetime) -> list[str]:
    """Those of the months to fetch: never fetched, or not found more than a week ago."""
    statement = select(monthly_lists).where(monthly_lists.c.medium == medium.plural)
    kept = {
        row["month"]
        for row in conn.execute(statement).mappings()
        if row["found"] or row["fetched_at"] > now - ASK_AGAIN_AFTER
    }
    return [month for month in months if month not in kept]


def put_list(
    conn: Connection,
    medium: Medium,
    month: str,
    entries: Sequence[tuple[int, int | None, int]] | None,
    now: datetime,
) -> None:
    """Keep a month's list of (trakt_id, tmdb_id, watchers); None when Trakt does not have it, if none is kept."""
    where = (monthly_lists.c.medium == medium.plural, monthly_lists.c.month == month)
    state = {"found": entries is not None, "entries": len(entries or ()), "fetched_at": now}
    row = {"medium": medium.plural, "month": month, **state}
    known = lock_row(conn, monthly_lists, *where)
    if known and known["found"] and entries is None:
        return
    list_id = known["id"] if known else insert_one_missing(conn, monthly_lists, row, ["medium", "month"])
    if list_id is None:
        # Another process fetched the same month meanwhile; a complete month's list never changes.
        return
    if known:
        conn.execute(update(monthly_lists).where(*where).values(state))
    rows = [
        {"trakt_id": trakt_id, "tmdb_id": tmdb_id, "watchers": watchers}
        for trakt_id, tmdb_id, watchers in entries or ()
    ]
    replace_children(conn, monthly_watchers, {"list_id": list_id}, rows, ("trakt_id",))


def kept_titles(conn: Connection, medium: Medium, month: str) -> int | None:
    """How many titles the list of a month has; None where none is kept."""
    where = (monthly_lists.c.medium == medium.plural, monthly_lists.c.month == month, monthly_lists.c.found)
    return conn.execute(select(monthly_lists.c.entries).where(*where)).scalar()


def known_months(conn: Connection, medium: Medium, months: Collection[str]) -> list[str]:
    """Those of the months whose list is kept, empty ones among them."""
    where = (monthly_lists.c.medium == medium.plural, monthly_lists.c.found)
    statement = select(monthly_lists.c.month).where(*where, monthly_lists.c.month.in_(sorted(months)))
    return sorted(conn.execute(statement).scalars())


def watchers_rows(conn: Connection, medium: Medium, months: Collection[str]) -> list[tuple[str, int, int]]:
    """The lists kept of the months, as (month, trakt_id, watchers)."""
    statement = (
        select(monthly_lists.c.month, monthly_watchers.c.trakt_id, monthly_watchers.c.watchers)
        .join(monthly_watchers, monthly_watchers.c.list_id == monthly_lists.c.id)
        .where(monthly_lists.c.medium == medium.plural, monthly_lists.c.month.in_(sorted(months)))
        .order_by(monthly_lists.c.month, monthly_watchers.c.id)
    )
    return [(month, trakt_id, watchers) for month, trakt_id, watchers in conn.execute(statement)]
