"""What a person wants to see first: the top of a cycle with its changes, a title's figures, its watchers day by day."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from ratingo_pipelines.measures.sparkline import daily_series, points
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import cycles, snapshots, titles
from ratingo_pipelines.storage.cycles import CycleTitle
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import TitleOutcome

DAYS_DRAWN = 30


@dataclass(frozen=True)
class TopEntry:
    """A line of the list. `change` is against the cycle before, None for a title that was not in it."""

    rank: int
    tmdb_id: int
    title: str
    watchers: int
    change: int | None
    poster: str | None
    """TMDB's path; None for a title that is not stored yet."""


def top_of_cycle(ctx: SyncContext, medium: Medium, limit: int) -> list[TopEntry]:
    """The first titles of the latest cycle, in the list's order; entries without a TMDB id are left out."""
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        if cycle is None:
            return []
        entries = cycles.titles_of(conn, cycle.id)[:limit]
        before = cycles.previous_watchers(conn, cycle)
        posters = titles.posters(conn, tables_of(medium), [entry.tmdb_id for entry in entries])
    return [
        TopEntry(
            rank=entry.rank,
            tmdb_id=entry.tmdb_id,
            title=entry.title or str(entry.tmdb_id),
            watchers=entry.watchers,
            change=_change(entry, before),
            poster=posters.get(entry.tmdb_id),
        )
        for entry in entries
    ]


def _change(entry: CycleTitle, before: Mapping[int, int]) -> int | None:
    """How many more are watching than in the list before; 0 where the list does not tell, None for one that is new."""
    if entry.watching is None:
        return 0
    return entry.watching - before[entry.tmdb_id] if entry.tmdb_id in before else None


def stored_outcome(ctx: SyncContext, medium: Medium, outcome: TitleOutcome) -> TitleOutcome:
    """The outcome of a title that was passed over, with what is stored of it: it goes on being shown."""
    with ctx.database.reading() as conn:
        stored = titles.figures(conn, tables_of(medium), outcome.tmdb_id)
        listed = cycles.identities(conn, medium, [outcome.tmdb_id]).get(outcome.tmdb_id)
    if stored is None:
        return outcome
    return replace(
        outcome,
        title=stored.title,
        title_uk=stored.title_uk,
        imdb_id=stored.imdb_id,
        poster=stored.poster,
        watchers=None if stored.watchers is None else int(stored.watchers),
        score=stored.score,
        trakt=(listed.trakt_id or listed.slug) if listed else None,
        distribution=stored.votes or None,
    )


def watchers_by_day(conn: Connection, t: TitleTables, tmdb_id: int, now: datetime) -> list[int | None]:
    """The last 30 days' watchers of a title, today's last; None before the first that is known."""
    title_id = titles.known_ids(conn, t, [tmdb_id]).get(tmdb_id)
    if title_id is None:
        return []
    first = now - timedelta(days=DAYS_DRAWN)
    found = [(row.created_at, row.watchers) for row in snapshots.since(conn, t, [title_id], first)]
    # A title that nobody counted for a while goes on with its last figure, also that of before the window.
    before = snapshots.previous_watchers(conn, t, title_id, first, datetime.min.replace(tzinfo=UTC))
    if before is not None:
        found.append((first - timedelta(days=1), before))
    return points(daily_series(found, now.date(), DAYS_DRAWN))
