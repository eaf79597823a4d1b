"""Changes in one unit a column: earlier versions put differences of months where people watching now belong.

Both columns of listed titles are computed anew from the snapshots and monthly lists that are there: `watchers_delta` is
against the title's newest older snapshot, not older than a week; `delta_3m` is three complete months against the three
before, 0 unless all six lists are kept and one of them names the title.
"""

from datetime import datetime, timedelta
from typing import Any

from alembic import op
from sqlalchemy import Connection, DateTime, TableClause, bindparam, column, func, select, table, update

from ratingo_pipelines.storage.migrations.own_schema import own_schema

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WEEK = timedelta(days=7)
_LISTED = ("id", "tmdb_id", "rating_trakt", "trending_score", "watchers_delta", "delta_3m")


def upgrade() -> None:
    """Restate both columns."""
    conn, schema = op.get_bind(), own_schema()
    for medium, one in (("shows", "show"), ("movies", "movie")):
        titles = table(medium, *map(column, _LISTED), column("trending_updated_at", DateTime()))
        listed = conn.execute(
            select(titles).where(titles.c.trending_score.is_not(None), titles.c.rating_trakt.is_not(None))
        ).all()
        months = _monthly(conn, schema, medium)
        trakt_ids = _trakt_ids(conn, schema, medium)
        rows = []
        for row in listed:
            at = row.trending_updated_at
            rows.append(
                {
                    "of_id": row.id,
                    "by_watchers": _since_before(conn, one, row.id, row.rating_trakt, at),
                    "by_months": _over_months(months, trakt_ids.get(row.tmdb_id), at),
                }
            )
        if rows:
            values: dict[str, Any] = {"watchers_delta": bindparam("by_watchers"), "delta_3m": bindparam("by_months")}
            conn.execute(update(titles).where(titles.c.id == bindparam("of_id")).values(values), rows)


def _since_before(conn: Connection, one: str, title_id: int, watchers: float, at: datetime | None) -> float:
    parent = f"{one}_id"
    snapshots: TableClause = table(
        f"{one}_watchers_snapshots", column(parent), column("watchers"), column("created_at", DateTime())
    )
    if at is None:
        return 0.0
    # All of the title's, by the index on it: asked for the newest alone, the planner may walk through everybody's.
    rows = conn.execute(select(snapshots.c.created_at, snapshots.c.watchers).where(snapshots.c[parent] == title_id))
    older = [(row.created_at, row.watchers) for row in rows if at - _WEEK <= row.created_at < at]
    return float(watchers - max(older)[1]) if older else 0.0


def _monthly(conn: Connection, schema: str | None, medium: str) -> dict[str, dict[int, int]]:
    """Watchers by Trakt id of each month whose list is kept."""
    lists = table("pipeline_monthly_lists", *map(column, ("id", "medium", "month", "found")), schema=schema)
    watched = table("pipeline_monthly_watchers", *map(column, ("list_id", "trakt_id", "watchers")), schema=schema)
    kept = conn.execute(select(lists.c.id, lists.c.month).where(lists.c.medium == medium, lists.c.found)).all()
    months: dict[str, dict[int, int]] = {}
    for list_id, month in kept:
        rows = conn.execute(select(watched.c.trakt_id, watched.c.watchers).where(watched.c.list_id == list_id))
        months[month] = {row.trakt_id: row.watchers for row in rows}
    return months


def _trakt_ids(conn: Connection, schema: str | None, medium: str) -> dict[int, int]:
    """Trakt's ids by TMDB's, as the newest list that has both says."""
    named = table("pipeline_trending", *map(column, ("cycle_id", "medium", "tmdb_id", "trakt_id")), schema=schema)
    c = named.c
    rows = conn.execute(
        select(c.tmdb_id, c.trakt_id)
        .where(c.medium == medium, c.tmdb_id.is_not(None), c.trakt_id.is_not(None))
        .group_by(c.tmdb_id, c.trakt_id)
        .order_by(func.max(c.cycle_id))
    )
    return {row.tmdb_id: row.trakt_id for row in rows}


def _over_months(months: dict[str, dict[int, int]], trakt_id: int | None, at: datetime | None) -> float:
    if trakt_id is None or at is None:
        return 0.0
    last = at.year * 12 + at.month - 2
    wanted = [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(last, last - 6, -1)]
    if not set(wanted) <= months.keys():
        return 0.0
    watchers = [months[month].get(trakt_id, 0) for month in wanted]
    return float(sum(watchers[:3]) - sum(watchers[3:]))
