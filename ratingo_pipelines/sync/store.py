"""Stores one title: its row and all its children in one transaction, which marks it done in its cycle as well.

What the sources said is `gather`'s, what it means for the tables is `facts`'; here lives what depends on what is
already stored: nothing known is made worse, and an older cycle never overwrites a newer one.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping

from ratingo_pipelines.measures.deltas import delta_3m, watchers_delta
from ratingo_pipelines.measures.scoring import primary_rating, trending_score
from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.trakt import TraktRatings
from ratingo_pipelines.storage import asked, cycles, failures, snapshots, titles
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.errors import UnstorableValue
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.sync import facts
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import Row
from ratingo_pipelines.sync.gather import Gathered
from ratingo_pipelines.sync.report import TitleOutcome, TitleStatus
from ratingo_pipelines.sync.shared_rows import SharedRows
from ratingo_pipelines.sync.work import ALL_STAGES, STORE, Place, TitleStage, TitleWork

SNAPSHOTS_COMPARED = 6
CLAIM_LOST = "a newer cycle or another run took the title over"
CHILD_KEYS = {
    "genres": ("genre_id",),
    "videos": ("site", "key"),
    "watch_providers": ("region", "provider_id", "category"),
    "cast": ("person_id", "character"),
    "content_ratings": ("region",),
}
"""The child tables that mirror the details' lists, and what tells their rows apart."""


@dataclass(frozen=True)
class _Related:
    source: str
    tmdb_ids: Sequence[int]
    ids: Sequence[int]


@dataclass(frozen=True)
class TitleStore:
    """Stores the titles of one batch; their places in the cycle are claimed by `run_id`."""

    ctx: SyncContext
    medium: Medium
    shared: SharedRows
    run_id: str
    makes_stubs: bool = True
    """Whether related titles not yet known become rows.

    A backfill links to known ones, or it would have no end: to TMDB's recommendations, as it does not ask Trakt, whose
    list it leaves alone.
    """

    @retried_transaction
    def store(self, work: TitleWork, stages: Set[TitleStage], gathered: Gathered) -> TitleOutcome:
        """Write what was gathered of one title; the outcome tells which stages came through.

        Nothing is written when the title's place in its cycle is no longer this run's: others write it anew.
        """
        tables = tables_of(self.medium)
        details, ratings = gathered.details, gathered.ratings
        related = self._related(work, gathered)
        children = self._children(gathered)
        place = work.place
        snapshots_wanted = TitleStage.SPARKLINES in stages and place is not None
        # Parts of a title that was done leave it done.
        done_before = place is not None and place.title.outcome == TitleStatus.DONE
        complete = (stages >= ALL_STAGES or done_before) and not gathered.failures
        written = buckets = 0
        snapshot_added = False

        with self.ctx.database.writing() as conn:
            known = titles.lock_title(conn, tables, work.tmdb_id)
            if place and not self._still_ours(conn, place, complete):
                return TitleOutcome(work.tmdb_id, work.title, TitleStatus.SKIPPED, CLAIM_LOST)
            if known is not None and not self.makes_stubs and titles.has_related(conn, tables, known["id"], "trakt"):
                related = None
            values = self._values(work, stages, gathered, related)
            if known is not None and work.trakt_title is None:
                # Trakt's title goes first, and the row may have it: from an earlier list, or as a related title.
                values.pop("title", None)
            row: dict[str, Any] = {**(known or {}), **values}
            if row.get("title") is None:
                raise UnstorableValue("neither Trakt nor TMDB gives it a title")
            if place and snapshots_wanted and known is not None:
                snapshot_added = _add_snapshot(conn, tables, known["id"], place)
            measures = _measures(row, place if _is_newest(place, known) else None)
            if place and snapshots_wanted and _is_newest(place, known):
                measures |= _trend(place, _recent(conn, tables, known, place))
                if complete:
                    measures["trending_updated_at"] = place.cycle.cycle_at
            title_id = titles.put_title(conn, tables, known, values | measures)
            if place and snapshots_wanted and known is None:
                snapshot_added = _add_snapshot(conn, tables, title_id, place)
            parent = {tables.parent_key: title_id}
            bare = known is None or not titles.has_children(conn, tables, title_id)
            replace, improve = (partial(put, bare=bare) for put in (titles.replace_children, titles.improve_children))
            for name, rows in children.items():
                if rows is not None:
                    written += replace(conn, getattr(tables, name), parent, rows, CHILD_KEYS[name]).total
            if details:
                texts = facts.translation_rows(details, self.ctx.settings.locales) or []
                written += improve(conn, tables.translations, parent, texts, ("locale",)).total
            if related:
                rows = facts.related_rows(self.medium, related.source, related.ids)
                written += replace(conn, tables.related, parent, rows, (tables.related_key,)).total
            if TitleStage.RATINGS in stages:
                buckets = _put_ratings(conn, tables, parent, ratings, row, bare)
            self._remember(conn, work, stages, gathered, related is not None, row)

        stored = {
            TitleStage.DETAILS: details is not None,
            TitleStage.RATINGS: ratings is not None,
            TitleStage.SPARKLINES: snapshots_wanted,
        }
        return TitleOutcome(
            tmdb_id=work.tmdb_id,
            title=work.title,
            status=TitleStatus.ERROR if gathered.failures else TitleStatus.DONE,
            reason=gathered.failures[0].reason if gathered.failures else None,
            failures=gathered.failures,
            stored=frozenset(stage for stage, done in stored.items() if done),
            added=_is_new(known, place),
            rows_written=1 + written + buckets + snapshot_added,
            buckets_written=buckets,
            snapshot_added=snapshot_added,
            watchers=place.title.watchers if place else None,
            score=measures.get("trending_score", row.get("trending_score")),
            trakt=work.trakt,
            imdb_id=row.get("imdb_id"),
            distribution=gathered.ratings.distribution if gathered.ratings else None,
        )

    def _still_ours(self, conn: Connection, place: Place, complete: bool) -> bool:
        """Whether the title's place is this run's; a title that will be whole is marked so at once, to save asking."""
        if complete:
            return cycles.mark(conn, place.title.row_id, self.run_id, TitleStatus.DONE)
        return cycles.holds(conn, place.title.row_id, self.run_id)

    def _related(self, work: TitleWork, gathered: Gathered) -> _Related | None:
        """The related titles with our ids, where there is news of them."""
        recommendations = gathered.details.recommendations if gathered.details else None
        found = facts.related_stubs(self.medium, gathered.related, recommendations)
        if found is None and not self.makes_stubs and recommendations is not None:
            found = "tmdb", facts.recommended_stubs(self.medium, recommendations)
        if found is None:
            return None
        source, stubs = found
        stubs = [stub for stub in stubs if stub["tmdb_id"] != work.tmdb_id]
        if not self.makes_stubs:
            stubs = self.shared.known_only(stubs)
        stubs = stubs[: facts.RELATED_SHOWN]
        return _Related(source, [stub["tmdb_id"] for stub in stubs], self.shared.stub_ids(stubs))

    def _children(self, gathered: Gathered) -> dict[str, list[Row] | None]:
        """Rows of the child tables that mirror the details' lists; None leaves a table as it is."""
        details = gathered.details
        if details is None:
            return {}
        genre_ids = self.shared.genre_ids(details.genres or [])
        self.shared.register(details.providers or [])
        return {
            "genres": facts.genre_rows(details, genre_ids),
            "videos": facts.video_rows(details),
            "watch_providers": facts.provider_rows(details),
            "cast": facts.cast_rows(details),
            "content_ratings": facts.content_rating_rows(details),
        }

    def _values(self, work: TitleWork, stages: Set[TitleStage], gathered: Gathered, related: _Related | None) -> Row:
        """The row's columns that come from the sources, those that would make it worse left out."""
        values: Row = {"tmdb_id": work.tmdb_id}
        if work.place and TitleStage.RATINGS in stages:
            # The list names average and votes as well, for titles whose ratings do not come.
            entry = work.place.title
            values |= {"rating_trakt_avg": entry.rating, "rating_trakt_votes": entry.votes}
        if gathered.ratings:
            values |= facts.improved(facts.ratings_columns(gathered.ratings))
        if gathered.details:
            values |= facts.details_columns(self.medium, gathered.details, work.trakt_title, work.imdb_id)
        if related:
            values["related"] = list(related.tmdb_ids)
        return facts.improved(values)

    def _remember(
        self,
        conn: Connection,
        work: TitleWork,
        stages: Set[TitleStage],
        gathered: Gathered,
        related_known: bool,
        row: Mapping[str, Any],
    ) -> None:
        """Note what was asked, so that it is not asked again too soon, and clear failures that are over."""
        now = self.ctx.now()
        if gathered.related is not None:
            asked.record_check(conn, self.medium, work.tmdb_id, "related", now, answered=related_known)
        metadata = titles.metadata_columns(self.medium)
        if gathered.details and any(row.get(column) is None for column in metadata):
            asked.record_check(conn, self.medium, work.tmdb_id, "meta", now, answered=False)
        if work.failed_before:
            over = {*stages, STORE} - {failure.stage for failure in gathered.failures}
            failures.clear(conn, self.medium, work.tmdb_id, over)


def _is_newest(place: Place | None, known: RowMapping | None) -> bool:
    """Whether no newer cycle has stored the title already."""
    seen: datetime | None = known["trending_updated_at"] if known is not None else None
    return place is not None and (seen is None or seen <= place.cycle.cycle_at)


def _is_new(known: RowMapping | None, place: Place | None) -> bool:
    """Whether the title is new to the site: without a row, or named by a trending list for the first time."""
    return known is None or (place is not None and known["trending_updated_at"] is None)


def _measures(row: Mapping[str, Any], place: Place | None) -> Row:
    """Scores over the row as it will be."""
    primary = primary_rating(row.get("rating_tmdb"), row.get("rating_trakt_avg"), row.get("rating_imdb"))
    measures: Row = {} if primary is None else {"primary_rating": primary}
    if place:
        watchers, most = place.title.watchers, place.cycle.max_watchers
        measures["trending_score"] = trending_score(row.get("rating_tmdb"), watchers, most)
    return measures


def _trend(place: Place, recent: Sequence[int]) -> Row:
    """Watchers and their changes; `recent` are the newest snapshots, this cycle's first."""
    watchers = place.title.watchers
    return {
        "rating_trakt": float(watchers),
        "watchers_delta": watchers_delta(place.month_delta, watchers, place.previous_watchers),
        "delta_3m": delta_3m(place.quarter_delta, recent),
    }


def _recent(conn: Connection, tables: TitleTables, known: RowMapping | None, place: Place) -> list[int]:
    if known is None:
        return [place.title.watchers]
    return snapshots.recent_watchers(conn, tables, known["id"], SNAPSHOTS_COMPARED, place.cycle.cycle_at)


def _add_snapshot(conn: Connection, tables: TitleTables, title_id: int, place: Place) -> bool:
    entry = place.title
    return snapshots.add_snapshot(conn, tables, title_id, entry.tmdb_id, entry.watchers, place.cycle.cycle_at)


def _put_ratings(
    conn: Connection,
    tables: TitleTables,
    parent: Mapping[str, int],
    ratings: TraktRatings | None,
    row: Mapping[str, Any],
    bare: bool,
) -> int:
    """Trakt's average, as the title's `row` has it, and the distribution; returns the number of buckets written."""
    figures = {"avg": row.get("rating_trakt_avg"), "votes": row.get("rating_trakt_votes")}
    if any(figure is not None for figure in figures.values()):
        stated = [{"source": "trakt", **figures}]
        titles.improve_children(conn, tables.ratings, parent, stated, ("source",), bare=bare)
    buckets = facts.bucket_rows(ratings) if ratings else None
    if buckets is None:
        return 0
    scope = {**parent, "source": "trakt"}
    key = ("source", "bucket")
    return titles.replace_children(conn, tables.rating_buckets, scope, buckets, key, bare=bare).total
