"""How much of an API's quota a UTC day has used, across threads and processes.

Days are ISO dates. What the quota is lives in the settings.
"""

from sqlalchemy import Connection, select, update

from ratingo_pipelines.storage.pipeline_tables import quota
from ratingo_pipelines.storage.upsert import insert_missing, lock_row


def take(conn: Connection, api: str, day: str, limit: int, wanted: int = 1, reserve: int = 0) -> int:
    """Use up to `wanted` calls of the day's `limit`, keeping `reserve` of them for others; how many there were."""
    _ensure(conn, api, day)
    row = lock_row(conn, quota, quota.c.api == api, quota.c.day == day)
    granted = min(wanted, limit - reserve - row["used"]) if row else 0
    if granted <= 0:
        return 0
    correct(conn, api, day, granted)
    return granted


def correct(conn: Connection, api: str, day: str, difference: int) -> None:
    """Count so many calls more, or fewer, of a day of which calls were taken."""
    statement = update(quota).where(quota.c.api == api, quota.c.day == day)
    conn.execute(statement.values(used=quota.c.used + difference))


def used(conn: Connection, api: str, day: str) -> int:
    """Calls used that day."""
    statement = select(quota.c.used).where(quota.c.api == api, quota.c.day == day)
    return conn.execute(statement).scalar() or 0


def exhaust(conn: Connection, api: str, day: str, limit: int) -> None:
    """The API says that the day's quota is used up, whatever was counted here."""
    _ensure(conn, api, day)
    conn.execute(update(quota).where(quota.c.api == api, quota.c.day == day, quota.c.used < limit).values(used=limit))


def _ensure(conn: Connection, api: str, day: str) -> None:
    # A short read spares the insert on all but the day's first call.
    if conn.execute(select(quota.c.used).where(quota.c.api == api, quota.c.day == day)).scalar() is None:
        insert_missing(conn, quota, [{"api": api, "day": day, "used": 0}], ["api", "day"])
