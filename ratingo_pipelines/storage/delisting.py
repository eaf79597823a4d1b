"""Takes titles off the list that no trending list has named for long. Their rows, children and snapshots stay.

Titles that may not be listed at all are `ineligible`'s.
"""

from datetime import datetime

from sqlalchemy import Connection, select, update

from ratingo_pipelines.storage.cycles import Cycle
from ratingo_pipelines.storage.ineligible import LISTED_BY
from ratingo_pipelines.storage.pipeline_tables import trending
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.upsert import lock_ids


def take_off_old(conn: Connection, t: TitleTables, cycle: Cycle, before: datetime) -> int:
    """Unlist the titles that the cycle does not name and that no cycle since `before` (UTC) has named; how many."""
    c = t.titles.c
    named = select(trending.c.tmdb_id).where(trending.c.cycle_id == cycle.id, trending.c.tmdb_id.is_not(None))
    listed = c.trending_score.is_not(None) | c.rating_trakt.is_not(None)
    ids = lock_ids(conn, t.titles, listed & (c.trending_updated_at < before) & c.tmdb_id.not_in(named))
    if ids:
        conn.execute(update(t.titles).where(c.id.in_(sorted(ids))).values(dict.fromkeys(LISTED_BY)))
    return len(ids)
