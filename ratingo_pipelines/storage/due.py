"""Titles that are due to be asked about again although no cycle names them, and how far the feed of changes was read.

What a source's feed named is kept as a row until the title is stored anew. What is due by time alone is found by the
query: the intervals are `asked`'s. Reading the feed is `sync.changes`'.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, or_, select, update

from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.storage.asked import DETAILS, RATINGS, asked_of
from ratingo_pipelines.storage.cycles import SKIPPED
from ratingo_pipelines.storage.failures import backing_off
from ratingo_pipelines.storage.pipeline_tables import asked, changes_read, due_titles, trending
from ratingo_pipelines.storage.tables import TitleTables
from ratingo_pipelines.storage.titles import listed
from ratingo_pipelines.storage.upsert import in_chunks, insert_missing

FAILING = ("details", "store")
"""The stages whose failures give a title a time of its own: that of the details, and storing them."""
AIRED_LATELY = timedelta(days=7)
"""For so long TMDB may go on naming an episode that has aired as the next one; then it is due by time alone."""
CLOCK_WAS_AHEAD = timedelta(days=1)
"""A reading dated so long after now was dated by a wrong clock: runs that meet are never that far apart."""


@dataclass(frozen=True)
class DueTitle:
    """A title to ask about, and whether its ratings are to be asked for with its details."""

    tmdb_id: int
    ratings: bool


def note(conn: Connection, medium: Medium, tmdb_ids: Collection[int], now: datetime) -> None:
    """Let these titles be due since now, whether they were or not."""
    for part in in_chunks(tmdb_ids):
        of_part = (due_titles.c.medium == medium.plural, due_titles.c.tmdb_id.in_(part))
        # What is told to be there is there until this transaction ends: another run may be done with a title meanwhile.
        again = update(due_titles).where(*of_part).values(due_since=now).returning(due_titles.c.tmdb_id)
        known = set(conn.execute(again).scalars())
        rows = [{"medium": medium.plural, "tmdb_id": i, "due_since": now} for i in part if i not in known]
        insert_missing(conn, due_titles, rows, ("medium", "tmdb_id"))


def since(conn: Connection, medium: Medium, tmdb_ids: Collection[int]) -> dict[int, datetime]:
    """Since when those of the titles are due that are."""
    found: dict[int, datetime] = {}
    for part in in_chunks(tmdb_ids):
        of_part = (due_titles.c.medium == medium.plural, due_titles.c.tmdb_id.in_(part))
        found.update(conn.execute(select(due_titles.c.tmdb_id, due_titles.c.due_since).where(*of_part)).all())
    return found


def done(conn: Connection, medium: Medium, tmdb_id: int, due_since: datetime) -> None:
    """A title that was due since then has been asked about; one that became due again meanwhile still is."""
    where = (due_titles.c.medium == medium.plural, due_titles.c.tmdb_id == tmdb_id)
    conn.execute(delete(due_titles).where(*where, due_titles.c.due_since == due_since))


def read_to(conn: Connection, medium: Medium) -> datetime | None:
    """Up to when the feed of changes was read; None: never."""
    statement = select(changes_read.c.read_to).where(changes_read.c.medium == medium.plural)
    return conn.execute(statement).scalar_one_or_none()


def remember_read(conn: Connection, medium: Medium, moment: datetime) -> None:
    """Remember up to when the feed was read; an earlier moment than is known changes nothing.

    Unless that one lies ahead, where a wrong clock left it.
    """
    insert_missing(conn, changes_read, [{"medium": medium.plural, "read_to": moment}], ("medium",))
    wrong = or_(changes_read.c.read_to < moment, changes_read.c.read_to > moment + CLOCK_WAS_AHEAD)
    conn.execute(update(changes_read).where(changes_read.c.medium == medium.plural, wrong).values(read_to=moment))


def titles_due(
    conn: Connection, t: TitleTables, now: datetime, cycle_id: int | None, limit: int | None = None
) -> list[DueTitle]:
    """The titles to ask about, listed ones first, of these those that the feed named, then those asked longest ago.

    Due are those noted here, and of the listed titles that the latest cycle (`cycle_id`) does not name those whose
    details were not asked for within the interval, and the shows whose next episode has aired lately. Not due is what
    failed a moment ago: it has a time of its own.
    """
    c = t.titles.c
    details, ratings = asked.alias(), asked.alias()
    place = trending.c
    # Read once, not for each title. An entry without TMDB id would make nothing due: `NOT IN` with a NULL is unknown.
    named = (place.cycle_id == cycle_id, place.outcome != SKIPPED, place.tmdb_id.is_not(None))
    in_cycle = c.tmdb_id.in_(select(place.tmdb_id).where(*named))
    by_time = [details.c.id.is_(None), details.c.next_at <= now]
    if t.medium is SHOWS:
        air = c.next_episode_air_date
        by_time.append(and_(air >= (now - AIRED_LATELY).date().isoformat(), air < now.date().isoformat()))
    statement = (
        select(c.tmdb_id, or_(ratings.c.id.is_(None), ratings.c.next_at <= now).label("ratings"))
        .outerjoin(due_titles, and_(due_titles.c.medium == t.medium.plural, due_titles.c.tmdb_id == c.tmdb_id))
        .outerjoin(details, asked_of(t, DETAILS, details))
        .outerjoin(ratings, asked_of(t, RATINGS, ratings))
        .where(or_(due_titles.c.id.is_not(None), and_(listed(t), ~in_cycle, or_(*by_time))))
        .where(*(~backing_off(t, stage, now) for stage in FAILING))
        .order_by(~listed(t), due_titles.c.id.is_(None), details.c.asked_at.is_not(None), details.c.asked_at, c.id)
        .limit(limit)
    )
    return [DueTitle(*row) for row in conn.execute(statement)]
