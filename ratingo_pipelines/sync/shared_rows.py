"""Rows that many titles share (genres, providers, stubs of related titles), made sure of before a title is stored.

Each is written in a short transaction of its own, so that two writers can neither deadlock nor collide; what a
batch has seen once is not looked up again. One instance serves one batch and all its threads.
"""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.sources.tmdb import Genre, Provider
from ratingo_pipelines.storage import ineligible, shared, titles
from ratingo_pipelines.storage.engine import Database, retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import Row

UKRAINIAN_LOCALE = "uk-UA"


def ukrainian_genres(ctx: SyncContext, medium: Medium) -> tuple[dict[int, str], tuple[str, ...]]:
    """The genres' Ukrainian names by TMDB's id, and a note where they cannot be had now: known names stay."""
    try:
        return ctx.tmdb.genre_names(medium, UKRAINIAN_LOCALE), ()
    except SourceError as error:
        if error.stops_run:
            raise
        return {}, (f"Ukrainian names of genres not refreshed: {error}",)


class SharedRows:
    """Gives our ids of what titles share, making the rows that are missing."""

    def __init__(self, database: Database, medium: Medium, ukrainian_genres: Mapping[int, str]) -> None:
        self._database = database
        self._tables = tables_of(medium)
        self._ukrainian_genres = ukrainian_genres
        self._lock = Lock()
        self._genres: dict[int, int] = {}
        self._providers: set[tuple[int, str, str | None]] = set()
        self._titles: dict[int, int] = {}
        self._ineligible: set[int] | None = None

    @retried_transaction
    def genre_ids(self, genres: Iterable[Genre]) -> Mapping[int, int]:
        """Our ids by TMDB's."""
        with self._lock:
            missing = [genre for genre in genres if genre.id not in self._genres]
            if missing:
                rows = [(genre.id, genre.name, self._ukrainian_genres.get(genre.id)) for genre in missing]
                with self._database.writing() as conn:
                    found = shared.put_genres(conn, rows)
                self._genres |= found
            return self._genres

    @retried_transaction
    def register(self, providers: Iterable[Provider]) -> None:
        """Make sure the registry knows the providers, under their present names."""
        with self._lock:
            rows = {(entry.provider_id, entry.name, entry.logo_path) for entry in providers} - self._providers
            if rows:
                with self._database.writing() as conn:
                    shared.put_providers(conn, sorted(rows, key=lambda row: row[0]))
                self._providers |= rows

    @retried_transaction
    def stub_ids(self, stubs: Sequence[Row]) -> list[int]:
        """Our ids of these titles in their order; those not yet known become rows."""
        with self._lock:
            missing = [stub for stub in stubs if stub["tmdb_id"] not in self._titles]
            if missing:
                with self._database.writing() as conn:
                    found = shared.put_stubs(conn, self._tables, missing)
                self._titles |= found
            return [self._titles[stub["tmdb_id"]] for stub in stubs]

    def exclude(self, tmdb_id: int) -> None:
        """Link to this title no more: it was found ineligible."""
        with self._lock:
            self._known_ineligible().add(tmdb_id)

    def eligible_only(self, stubs: Sequence[Row]) -> list[Row]:
        """Those of these titles that were not found ineligible: a link must not lead to what the site does not list."""
        with self._lock:
            excluded = self._known_ineligible()
            return [stub for stub in stubs if stub["tmdb_id"] not in excluded]

    def _known_ineligible(self) -> set[int]:
        if self._ineligible is None:
            with self._database.reading() as conn:
                self._ineligible = ineligible.all_ids(conn, self._tables.medium)
        return self._ineligible

    def known_only(self, stubs: Sequence[Row]) -> list[Row]:
        """Those of these titles that already have rows; makes none."""
        with self._lock:
            unseen = [stub["tmdb_id"] for stub in stubs if stub["tmdb_id"] not in self._titles]
            if unseen:
                with self._database.reading() as conn:
                    found = titles.known_ids(conn, self._tables, unseen)
                self._titles |= found
            return [stub for stub in stubs if stub["tmdb_id"] in self._titles]
