"""Rows that a wrong clock dated ahead of now: found, and dated anew. All within the caller's transaction.

What lies ahead, and what the new times of cycles are, is decided in `sync.trust.clock`.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Column, Connection, Table, delete, exists, or_, select, update

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.storage.asked import INTERVALS
from ratingo_pipelines.storage.cycles import Cycle
from ratingo_pipelines.storage.failures import GIVEN_UP_DELAY
from ratingo_pipelines.storage.pipeline_tables import asked, cycles, failures, metadata, monthly_lists, quota, trending
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.storage.types import UtcTimestamp

_TO_COME = (failures.c.next_attempt_at, asked.c.next_at, trending.c.lease_until)
"""Times that may lie ahead; all others of this project's own tables are of what has happened."""


def is_any(conn: Connection, moment: datetime) -> bool:
    """Whether anything that has happened is dated after `moment`."""
    dated = [column for _, column in _happened()]
    for medium in MEDIA:
        dated += [tables_of(medium).titles.c.trending_updated_at, tables_of(medium).snapshots.c.created_at]
    return any(conn.execute(select(exists().where(column > moment))).scalar() for column in dated)


def redate_cycle(conn: Connection, t: TitleTables, cycle: Cycle, at: datetime) -> int:
    """Give a cycle another time, its titles and snapshots with it; how many snapshots there were."""
    # Titles go first: who stores one locks its row before all others.
    seen, taken = t.titles.c.trending_updated_at, t.snapshots.c.created_at
    conn.execute(update(t.titles).where(seen == cycle.cycle_at).values(trending_updated_at=at))
    moved = conn.execute(update(t.snapshots).where(taken == cycle.cycle_at).values(created_at=at)).rowcount
    conn.execute(update(cycles).where(cycles.c.id == cycle.id).values(cycle_at=at))
    return moved


def redate_strays(conn: Connection, t: TitleTables, moment: datetime, at: datetime) -> None:
    """Have no title named, and no snapshot taken, after `moment`: of cycles that are gone, or being worked off."""
    seen, taken = t.titles.c.trending_updated_at, t.snapshots.c.created_at
    conn.execute(update(t.titles).where(seen > moment).values(trending_updated_at=at))
    conn.execute(update(t.snapshots).where(taken > moment).values(created_at=at))


def make_due(conn: Connection, moment: datetime, now: datetime, lease: timedelta, first_delay: timedelta) -> None:
    """Have what waits since after `moment`, or longer than its longest interval, be due now."""
    c = failures.c
    # The delay between the two times is what the next one grows from.
    conn.execute(update(failures).where(c.first_failed_at > moment).values(first_failed_at=now - first_delay))
    conn.execute(
        update(failures).where(c.last_failed_at > moment).values(last_failed_at=now - first_delay, next_attempt_at=now)
    )
    conn.execute(update(failures).where(c.next_attempt_at > now + GIVEN_UP_DELAY).values(next_attempt_at=now))
    for source, interval in INTERVALS.items():
        longest = now + max(interval.answered, interval.longest)
        waits = or_(asked.c.asked_at > moment, asked.c.next_at > longest)
        conn.execute(update(asked).where(asked.c.source == source, waits).values(next_at=now))
    conn.execute(update(trending).where(trending.c.lease_until > now + lease).values(lease_until=now))


def drop_what_is_to_come(conn: Connection, today: date, last_month: str, moment: datetime) -> int:
    """Forget lists of months after `last_month` (`2026-01`), with how many there were, and what goes with them.

    So are quotas of days to come, and that a month was not found at a time after `moment`.
    """
    conn.execute(delete(quota).where(quota.c.day > (today + timedelta(days=1)).isoformat()))
    conn.execute(delete(monthly_lists).where(~monthly_lists.c.found, monthly_lists.c.fetched_at > moment))
    return conn.execute(delete(monthly_lists).where(monthly_lists.c.month > last_month)).rowcount


def redate_the_rest(conn: Connection, moment: datetime, now: datetime) -> None:
    """Date everything else that has happened after `moment` at now."""
    for table, column in _happened():
        if column is not cycles.c.cycle_at:
            conn.execute(update(table).where(column > moment).values({column.name: now}))


def _happened() -> Iterator[tuple[Table, Column[datetime]]]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, UtcTimestamp) and not any(column is each for each in _TO_COME):
                yield table, column
