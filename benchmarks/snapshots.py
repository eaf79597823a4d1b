"""The newest snapshots of a title among 10,000,000: 10,000 shows in 1,000 cycles, and one show seen for the first time.

What a plain statement takes for the new show, beside it: it walks back through all of them in time. Times are of the
whole call; SQLite is recorded beside PostgreSQL.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from time import monotonic

from sqlalchemy import Connection, func, select, text

from benchmarks.common import REPEATS, back_ends, opened
from benchmarks.figures import Figure
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.snapshots import add_snapshot, last_snapshots, previous_watchers, since
from ratingo_pipelines.storage.tables import tables_of

SHOW = tables_of(SHOWS)
TITLES, CYCLES = 10_000, 1_000
NEW_TITLE = TITLES + 1
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
CYCLE = timedelta(hours=6)
NOW = BEGAN + CYCLES * CYCLE
DRAWN, LISTED = 10, 50
LIMIT = 5
"""Milliseconds, on PostgreSQL, of what a sync asks for each title it stores."""
PAGE_LIMIT, LIST_LIMIT = 50, 1_000
"""Of what a person waits for: a title's page, a list."""
_FILL = {
    "postgresql": "INSERT INTO show_watchers_snapshots (show_id, tmdb_id, watchers, created_at) "
    "SELECT 1 + n % :titles, 1 + n % :titles, n % 997, timestamp '2025-01-01' + n / :titles * interval '6 hours' "
    "FROM generate_series(0, :last) AS n",
    "sqlite": "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last) "
    "INSERT INTO show_watchers_snapshots (show_id, tmdb_id, watchers, created_at) "
    "SELECT 1 + n % :titles, 1 + n % :titles, n % 997, "
    "strftime('%Y-%m-%d %H:%M:%S.000000', '2025-01-01', (n / :titles * 6) || ' hours') FROM numbers",
}
Query = Callable[[Connection], object]


def run() -> Iterator[Figure]:
    """Each query, on both back ends."""
    with back_ends() as makers:
        for name, make in makers.items():
            with opened(make()) as database:
                _fill(database)
                with database.reading() as conn:
                    for what, (query, limit) in _queries().items():
                        bound = limit if name == "PostgreSQL" else None
                        yield Figure(f"{name}: {what}", _median(conn, query), "ms", limit=bound)


def _queries() -> dict[str, tuple[Query, float | None]]:
    previous = partial(previous_watchers, t=SHOW, before=NOW, not_before=BEGAN)
    ids = range(1, LISTED + 1)
    month = NOW - timedelta(days=30)
    return {
        "the one before of the new show": (partial(previous, title_id=NEW_TITLE), LIMIT),
        "the one before of the new show, by a plain statement": (_plain, None),
        f"the one before of a show with {CYCLES:,}": (partial(previous, title_id=7), LIMIT),
        "30 days of the new show": (partial(since, t=SHOW, title_ids=[NEW_TITLE], start=month), PAGE_LIMIT),
        f"30 days of a show with {CYCLES:,}": (partial(since, t=SHOW, title_ids=[7], start=month), PAGE_LIMIT),
        f"the last {DRAWN} of {LISTED} shows": (partial(last_snapshots, t=SHOW, title_ids=ids, n=DRAWN), LIST_LIMIT),
    }


def _plain(conn: Connection) -> object:
    c = SHOW.snapshots.c
    newest = select(func.max(c.watchers)).where(c.show_id == NEW_TITLE, c.created_at <= NOW)
    return conn.execute(newest.group_by(c.created_at).order_by(c.created_at.desc()).limit(1)).all()


def _fill(database: Database) -> None:
    """In the order of time, as cycles write them. Indexes are made afterwards: that is quicker."""
    indexes = list(SHOW.snapshots.indexes)
    with database.writing() as conn:
        for index in indexes:
            index.drop(conn)
        conn.execute(text(_FILL[database.dialect]), {"titles": TITLES, "last": TITLES * CYCLES - 1})
        # Seen in the first cycle only: nothing of it is near the end, where a walk back in time begins.
        add_snapshot(conn, SHOW, NEW_TITLE, NEW_TITLE, 100, BEGAN)
        for index in indexes:
            index.create(conn)
    with database.writing() as conn:
        conn.exec_driver_sql("ANALYZE")


def _median(conn: Connection, query: Query) -> float:
    """Milliseconds, after one call that fills the caches."""
    query(conn)
    took = []
    for _ in range(REPEATS):
        began = monotonic()
        query(conn)
        took.append(1000 * (monotonic() - began))
    return median(took)
