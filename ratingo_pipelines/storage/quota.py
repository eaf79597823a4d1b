"""How much of an API's quota a UTC day has used, across threads and processes.

Days are ISO dates. What the quota is lives in the settings.
"""

from sqlalchemy import Connection, select, update

from ratingo_pipelines.storage.pipeline_tables import quota
from ratingo_pipelines.storage.upsert import insert_missing


def take(conn: Connection, api: str, day: str, limit: int, reserve: int = 0) -> bool:
    """Use one call of the day's `limit`, keeping `reserve` of them for others; False when none is left."""
    _ensure(conn, api, day)
    statement = (
        update(quota)
        .where(quota.c.api == api, quota.c.day == day, quota.c.used < limit - reserve)
        .values(used=quota.c.used + 1)
    )
    return conn.execute(statement).rowcount == 1


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
