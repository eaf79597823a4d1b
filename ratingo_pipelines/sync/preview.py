"""What a sync would ask and write, without doing it. Only the trending list is asked for; nothing is written.

Numbers of requests are the most that there can be: a title that TMDB does not know, or that the anime filter stops,
costs Trakt none, and what fails is asked again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import asked, cycles, titles
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.eligibility import spare_stored
from ratingo_pipelines.sync.monthly import missing_months
from ratingo_pipelines.sync.report import TitleStatus
from ratingo_pipelines.sync.trending import as_listed, leave_out_given_up, whole_list, why_tmdb


@dataclass(frozen=True)
class SyncPreview:
    """What a sync of a medium would come to."""

    medium: str
    listed: int | None
    """Entries of the trending list; None where an unfinished cycle would go on."""
    skipped: Mapping[str, int]
    """Entries that would not be asked about, by reason."""
    new: int
    """Titles that would be added."""
    known: int
    """Titles that would be brought up to date."""
    requests: Mapping[str, int]
    """By API, at most; the list not counted, which was just asked for."""
    months: tuple[str, ...] = ()
    """Monthly lists (`2026-10`) that would be fetched first, each a request to Trakt."""
    notes: tuple[str, ...] = field(default=())

    @property
    def eligible(self) -> int:
        """Titles that would be worked off."""
        return self.new + self.known

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "eligible": self.eligible}


def preview_cycle(ctx: SyncContext, medium: Medium) -> SyncPreview:
    """What a sync would do that opens a cycle.

    Raises `NoCycle` where the list is not whole, and other `SourceError`s where Trakt does not give it.
    """
    whole = whole_list(ctx, medium)
    if whole.source == cycles.TMDB:
        ctx = replace(ctx, trakt=None)
    months = tuple(missing_months(ctx, medium)) if ctx.trakt else ()
    with ctx.database.reading() as conn:
        found = spare_stored(conn, ctx, medium, whole.places)
        entries, given_up = leave_out_given_up(conn, ctx, medium, found)
        due = [each.tmdb_id for each in entries if each.outcome == cycles.PENDING and each.tmdb_id is not None]
        skipped = Counter(each.reason or "" for each in entries if each.outcome == TitleStatus.SKIPPED)
        notes = (*why_tmdb(ctx, whole), *([whole.said] if whole.said else []), *given_up)
        return _preview(conn, ctx, medium, due, listed=len(whole.places), skipped=skipped, months=months, notes=notes)


def preview_pending(ctx: SyncContext, medium: Medium) -> SyncPreview:
    """What a sync would do that goes on with the latest cycle; nobody is asked."""
    ctx = as_listed(ctx, medium)
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        pending = cycles.titles_of(conn, cycle.id, cycles.PENDING) if cycle else []
        notes = () if cycle else (f"no {medium} cycle yet: `ratingo sync {medium}` opens one",)
        return _preview(conn, ctx, medium, [title.tmdb_id for title in pending], notes=notes)


def _preview(
    conn: Connection,
    ctx: SyncContext,
    medium: Medium,
    due: Sequence[int],
    *,
    listed: int | None = None,
    skipped: Mapping[str, int] | None = None,
    months: tuple[str, ...] = (),
    notes: Iterable[str] = (),
) -> SyncPreview:
    known = len(titles.outlines(conn, tables_of(medium), due))
    related = len(asked.due(conn, medium, due, asked.RELATED, ctx.now()))
    of_trakt = {"trakt": len(due) + related + len(months)} if ctx.trakt else {}
    return SyncPreview(
        medium=medium.plural,
        listed=listed,
        skipped=dict(skipped or {}),
        new=len(due) - known,
        known=known,
        requests={**of_trakt, "tmdb": len(due)},
        months=months,
        notes=tuple(notes),
    )
