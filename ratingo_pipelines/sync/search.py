"""Looks for titles by words of their names: TMDB says which there are, the database which of them are known."""

from dataclasses import dataclass

from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.storage import titles
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext


@dataclass(frozen=True)
class FoundTitle:
    """A title that TMDB finds."""

    medium: str
    tmdb_id: int
    title: str
    year: int | None
    id: int | None
    """The site's id; None where the title is not stored."""
    listed: bool
    """Whether the site lists it."""


def search(ctx: SyncContext, words: str) -> list[FoundTitle]:
    """Shows, then movies, each in the order in which TMDB finds them. Raises `SourceError`s."""
    return [found for medium in MEDIA for found in _search(ctx, medium, words)]


def _search(ctx: SyncContext, medium: Medium, words: str) -> list[FoundTitle]:
    found = {entry.id: entry for entry in ctx.tmdb.search(medium, words) if entry.id is not None}
    tables = tables_of(medium)
    with ctx.database.reading() as conn:
        known = titles.known_ids(conn, tables, list(found))
        listed = titles.listed_tmdb_ids(conn, tables)
    return [
        FoundTitle(
            medium=medium.plural,
            tmdb_id=tmdb_id,
            title=entry.name or str(tmdb_id),
            year=int(entry.released[:4]) if entry.released else None,
            id=known.get(tmdb_id),
            listed=tmdb_id in listed,
        )
        for tmdb_id, entry in found.items()
    ]
