"""What is stored, set beside the anime filter as it is configured now: what our own settings stop goes at once.

What an answer means is decided in `trust.eligibility`.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from ratingo_pipelines.measures.anime import ANIME_FILTER, anime_reason
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import candidates, cycles, ineligible, titles
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.storage.titles import Outline
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import RELATED_SHOWN
from ratingo_pipelines.text import counted


def stopped_by_filter(settings: Settings, medium: Medium, row: Outline) -> str | None:
    """The anime filter's reason to stop a title by what is stored of it."""
    if medium.plural not in settings.anime_media:
        return None
    return anime_reason([row.title, row.title_uk], row.genre_ids, settings.anime_keywords, settings.anime_genre_ids)


def take_filtered_off(conn: Connection, ctx: SyncContext, medium: Medium) -> list[str]:
    """Take off the list what our settings stop by what is stored of it; a note if there is any. Locks titles."""
    if medium.plural not in ctx.settings.anime_media:
        return []
    tables = tables_of(medium)
    listed = titles.outlines(conn, tables, titles.listed_tmdb_ids(conn, tables))
    found = {row.tmdb_id: reason for row in listed.values() if (reason := stopped_by_filter(ctx.settings, medium, row))}
    if not found:
        return []
    for tmdb_id, reason in sorted(found.items()):
        ineligible.record(conn, medium, tmdb_id, reason, ctx.now())
    candidates.replace_ineligible(conn, tables, found, RELATED_SHOWN)
    named = counted(len(found), f"{medium.singular} was", f"{medium.plural} were")
    return [f"{named} taken off the list: the anime filter stops them as it is configured now"]


def spare_stored(conn: Connection, ctx: SyncContext, medium: Medium, entries: Sequence[Entry]) -> list[Entry]:
    """Keep pending what the filter stops by Trakt's title alone, where what is stored passes it: that is a doubt."""
    caught = [entry.tmdb_id for entry in entries if _is_caught(entry) and entry.tmdb_id is not None]
    if not caught:
        return list(entries)
    stopped = ineligible.reasons(conn, medium, caught)
    spared = {
        row.tmdb_id
        for row in titles.outlines(conn, tables_of(medium), caught).values()
        if not row.is_stub and row.tmdb_id not in stopped and stopped_by_filter(ctx.settings, medium, row) is None
    }
    return [
        replace(entry, outcome=cycles.PENDING, reason=None) if _is_caught(entry) and entry.tmdb_id in spared else entry
        for entry in entries
    ]


def _is_caught(entry: Entry) -> bool:
    return entry.outcome == cycles.SKIPPED and (entry.reason or "").startswith(ANIME_FILTER)
