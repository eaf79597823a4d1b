"""Stores one title: its row and all its children in one transaction, which marks it done in its cycle as well.

What the sources said is `gather`'s, what it means for the tables `facts`', what of it is written `merge`'s; here lives
the transaction: what it reads, in which order it writes, and that an older cycle never overwrites a newer one.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from ratingo_pipelines.measures.deltas import OLDEST_COMPARED, watchers_delta
from ratingo_pipelines.measures.scoring import primary_rating, trending_score
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import (
    asked,
    candidates,
    cycles,
    doubts,
    due,
    failures,
    ineligible,
    provenance,
    snapshots,
    title_changes,
    titles,
)
from ratingo_pipelines.storage.candidates import Candidates
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.errors import UnstorableValue
from ratingo_pipelines.storage.provenance import Origin
from ratingo_pipelines.storage.tables import TitleTables, tables_of
from ratingo_pipelines.storage.title_changes import ChangedTitle, TitleChange
from ratingo_pipelines.sync import facts
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.facts import Row
from ratingo_pipelines.sync.gather import Gathered
from ratingo_pipelines.sync.merge import (
    CHILD_KEYS,
    DETAILS_TABLES,
    IN_ORDER,
    TMDB,
    TRAKT,
    Known,
    Merged,
    RelatedTitles,
    Told,
    merge,
)
from ratingo_pipelines.sync.precedence import IMDB_ID, RATING_IMDB, RATING_METACRITIC, TITLE, settle
from ratingo_pipelines.sync.report import TitleOutcome, TitleStatus
from ratingo_pipelines.sync.shared_rows import SharedRows
from ratingo_pipelines.sync.title_changes import (
    COLUMNS,
    JOINED,
    changes_of_certifications,
    changes_of_offers,
    changes_of_row,
)
from ratingo_pipelines.sync.trust.doubts import Ledger
from ratingo_pipelines.sync.trust.entries import AskedFor, is_stub
from ratingo_pipelines.sync.trust.parts import UNKNOWN
from ratingo_pipelines.sync.work import ALL_STAGES, STORE, Place, TitleStage, TitleWork

CLAIM_LOST = "a newer cycle or another run took the title over"


@dataclass(frozen=True)
class TitleStore:
    """Stores the titles of one batch; their places in the cycle are claimed by `run_id`."""

    ctx: SyncContext
    medium: Medium
    shared: SharedRows
    run_id: str
    makes_stubs: bool = True
    """Whether related titles not yet known become rows.

    A backfill links to known ones, or it would have no end: to TMDB's recommendations where it does not ask Trakt,
    whose list it then leaves alone.
    """
    ledger: Ledger = field(default_factory=Ledger)
    """What the batch's answers would empty."""

    @retried_transaction
    def store(self, work: TitleWork, stages: Set[TitleStage], gathered: Gathered) -> TitleOutcome:
        """Write what was gathered of one title; the outcome tells which stages came through.

        Nothing is written when the title's place in its cycle is no longer this run's: others write it anew. Raises
        `UnstorableValue` for one that cannot be stored truthfully, `StorageError` for what the database does.
        """
        tables = tables_of(self.medium)
        told = self._told(work, gathered)
        place = work.place
        rated = TitleStage.RATINGS in stages
        listed_anew = TitleStage.SPARKLINES in stages and place is not None
        # TMDB's list does not tell who is watching, which is nothing to be drawn.
        snapshots_wanted = listed_anew and place is not None and place.cycle.tells_watchers
        snapshot_added = False

        with self.ctx.database.writing() as conn:
            before = titles.lock_title(conn, tables, work.tmdb_id)
            if place and not self._settled(conn, place, self._outcome(conn, work, stages, gathered, before)):
                return TitleOutcome(work.tmdb_id, work.title, TitleStatus.SKIPPED, CLAIM_LOST)
            known = self._known(conn, tables, work, told, before)
            told = self._without_doubled_links(gathered, told, known)
            merged = merge(self._asked, work, told, known, self.ctx.now().date(), rated=rated)
            values = dict(merged.columns)
            origins = self._origins(conn, work) if before is not None else {}
            was_listed = before is not None and before["trending_updated_at"] is not None
            if was_listed and work.trakt_title is None and TITLE not in origins:
                # Trakt's title goes first, and the row has it from an earlier list that an adopted database knew.
                values.pop("title", None)
            settled = settle(values, _said_by(work, told), before or {}, origins, self.ctx.now())
            values = settled.columns
            row: dict[str, Any] = {**(before or {}), **values}
            if row.get("title") is None:
                raise UnstorableValue("neither Trakt nor TMDB gives it a title")
            if place and snapshots_wanted and before is not None:
                snapshot_added = _add_snapshot(conn, tables, before["id"], place)
            measures = _measures(row, place if _is_newest(place, before) else None)
            if place and listed_anew and _is_newest(place, before):
                measures |= _trend(place, *_counted(conn, tables, before, place))
            title_id = titles.put_title(conn, tables, before, values | measures)
            provenance.record(conn, self.medium, work.tmdb_id, settled.origins, origins)
            if place and snapshots_wanted and before is None:
                snapshot_added = _add_snapshot(conn, tables, title_id, place)
            written = self._put_children(conn, tables, title_id, merged)
            self._keep_candidates(conn, work, told, merged)
            if rated:
                written["ratings"] = _put_votes(conn, tables, title_id, row, bare=not known.has_children)
            self._remember_checks(conn, work, gathered, told, merged, row, before)
            self._remember(conn, work, stages, gathered, merged)
            # Nothing is written after these: see `title_changes.record`.
            changes = self._changes(tables, work, gathered, merged, before, values, origins)
            changed = [ChangedTitle(work.tmdb_id, row["title"], change) for change in changes]
            cycle_id = place.cycle.id if place else None
            title_changes.record(conn, self.medium, changed, self.ctx.now(), cycle_id)
        self.ledger.note(work.tmdb_id, merged.had, merged.doubted)

        stored = {
            TitleStage.DETAILS: gathered.details is not None,
            TitleStage.RATINGS: gathered.ratings is not None,
            TitleStage.SPARKLINES: snapshots_wanted,
        }
        return TitleOutcome(
            tmdb_id=work.tmdb_id,
            title=work.title,
            status=TitleStatus.ERROR if gathered.failures else TitleStatus.DONE,
            reason=_reason(gathered),
            failures=gathered.failures,
            stored=frozenset(stage for stage, done in stored.items() if done),
            added=_is_new(before, place),
            rows_written=1 + sum(written.values()) + snapshot_added,
            row_counts=_row_counts(tables, merged),
            title_uk=row.get("title_uk"),
            poster=row.get("poster_uk") or row.get("poster"),
            buckets_written=written.get("rating_buckets", 0),
            snapshot_added=snapshot_added,
            watchers=place.title.watching if place else None,
            score=measures.get("trending_score", row.get("trending_score")),
            trakt=work.trakt,
            imdb_id=row.get("imdb_id"),
            distribution=gathered.ratings.distribution if gathered.ratings else None,
        )

    @property
    def _asked(self) -> AskedFor:
        return AskedFor(self.medium, self.ctx.settings.regions, self.ctx.settings.locales)

    def _outcome(
        self,
        conn: Connection,
        work: TitleWork,
        stages: Set[TitleStage],
        gathered: Gathered,
        before: RowMapping | None,
    ) -> TitleStatus | None:
        """What a title's place comes to once these stages are stored; None where that is not said, or not yet."""
        if gathered.failures or work.place is None:
            return None
        earlier, cycle = work.place.title.outcome, work.place.cycle
        if stages >= ALL_STAGES or earlier == TitleStatus.DONE:
            return TitleStatus.DONE
        if earlier != TitleStatus.ERROR:
            return None
        # It was tried whole, so that each part is there that did not fail; the list's own is told by the row.
        if failures.failing_ids(conn, self.medium, [work.tmdb_id], ALL_STAGES - stages):
            return TitleStatus.ERROR
        is_drawn = before is not None and before["trending_updated_at"] == cycle.cycle_at
        return TitleStatus.DONE if is_drawn or TitleStage.SPARKLINES in stages else None

    def _settled(self, conn: Connection, place: Place, outcome: TitleStatus | None) -> bool:
        """Whether the title's place is this run's; one whose outcome is known gets it at once, to save asking."""
        if outcome is None:
            return cycles.holds(conn, place.title.row_id, self.run_id)
        reason = None if outcome is TitleStatus.DONE else place.title.reason
        return cycles.mark(conn, place.title.row_id, self.run_id, outcome, reason)

    def _origins(self, conn: Connection, work: TitleWork) -> Mapping[str, Origin]:
        return provenance.origins_of(conn, self.medium, [work.tmdb_id]).get(work.tmdb_id, {})

    def _told(self, work: TitleWork, gathered: Gathered) -> Told:
        """What the sources said; the rows that titles share are made before the title's own transaction."""
        details = gathered.details
        genre_ids: Mapping[int, int] = {}
        if details is not None:
            genre_ids = self.shared.genre_ids(details.genres or [])
            self.shared.register(details.providers or [])
        return Told(details, genre_ids, gathered.ratings, self._related(work, gathered), gathered.doubts)

    def _related(self, work: TitleWork, gathered: Gathered) -> RelatedTitles | None:
        """The related titles with our ids, where there is news of them."""
        recommendations = gathered.details.recommendations if gathered.details else None
        found = facts.related_stubs(self.medium, gathered.related, recommendations)
        asks_trakt = self.makes_stubs and self.ctx.trakt is not None
        if found is None and not asks_trakt and recommendations is not None:
            found = TMDB, facts.recommended_stubs(self.medium, recommendations)
        if found is None:
            return None
        source, named = found
        stubs = [stub for stub in named if stub["tmdb_id"] != work.tmdb_id]
        if not self.makes_stubs:
            stubs = self.shared.known_only(stubs)
        asked_for = stubs[: facts.RELATED_ASKED]
        # All of them get rows: one that turns out not to be eligible is replaced by the next.
        ids = dict(zip((stub["tmdb_id"] for stub in asked_for), self.shared.stub_ids(asked_for), strict=True))
        eligible = self.shared.eligible_only(asked_for)
        linked = [stub["tmdb_id"] for stub in eligible[: facts.RELATED_SHOWN]]
        return RelatedTitles(
            source,
            linked,
            [ids[tmdb_id] for tmdb_id in linked],
            told=len(named),
            candidates=tuple(ids),
            trakt_has_none=gathered.related is not None and source == TMDB,
        )

    def _known(
        self, conn: Connection, tables: TitleTables, work: TitleWork, told: Told, row: RowMapping | None
    ) -> Known:
        """What is stored of the title, as far as it was asked about."""
        if row is None or not titles.has_children(conn, tables, row["id"]):
            return Known(row, {}, work.doubts)
        names = list(DETAILS_TABLES) if told.details else []
        names += ["related"] if told.related else []
        names += ["rating_buckets"] if told.ratings else []
        parent = {tables.parent_key: row["id"]}
        children = {name: titles.children_of(conn, getattr(tables, name), parent) for name in names}
        return Known(row, children, work.doubts, has_children=True)

    def _without_doubled_links(self, gathered: Gathered, told: Told, known: Known) -> Told:
        """Who did not ask Trakt leaves Trakt's links alone."""
        from_trakt = any(link["source"] == TRAKT for link in known.children.get("related", ()))
        return replace(told, related=None) if from_trakt and gathered.related is None else told

    def _put_children(self, conn: Connection, tables: TitleTables, title_id: int, merged: Merged) -> dict[str, int]:
        """Write the child tables; how many rows were touched, by the table's role."""
        parent = {tables.parent_key: title_id}
        written = {}
        for name, rows in merged.children.items():
            table, key = getattr(tables, name), CHILD_KEYS.get(name, (tables.related_key,))
            known = merged.known.get(name, ())
            written[name] = titles.replace_children(
                conn, table, parent, rows, key, known=known, exact=name == "translations", ordered=name in IN_ORDER
            ).total
        return written

    def _changes(
        self,
        tables: TitleTables,
        work: TitleWork,
        gathered: Gathered,
        merged: Merged,
        before: RowMapping | None,
        values: Mapping[str, Any],
        origins: Mapping[str, Origin],
    ) -> list[TitleChange]:
        """What people want to hear of."""
        found: list[TitleChange] = []
        if work.stopped and gathered.details and work.place:
            # It was skipped in the lists that named it so far.
            found.append(JOINED)
        # Whose these are is on record of every title whose details were stored here; of a stub, of an adopted
        # database's, and of those from before that was kept it is not.
        if gathered.details is None or before is None or not {TITLE, IMDB_ID} & origins.keys():
            return found
        told = {name: values[name] for name in COLUMNS if name in values}
        found += changes_of_row(before, titles.as_stored(tables, told))
        regions = self._asked.regions
        for name, compare in (("watch_providers", changes_of_offers), ("content_ratings", changes_of_certifications)):
            if name in merged.children:
                found += compare(merged.known.get(name, ()), merged.children[name], regions)
        return found

    def _keep_candidates(self, conn: Connection, work: TitleWork, told: Told, merged: Merged) -> None:
        if told.related is not None and "related" in merged.children:
            found = Candidates(told.related.source, told.related.candidates)
            candidates.keep(conn, self.medium, work.tmdb_id, found)

    def _remember_checks(
        self,
        conn: Connection,
        work: TitleWork,
        gathered: Gathered,
        told: Told,
        merged: Merged,
        row: Mapping[str, Any],
        before: RowMapping | None,
    ) -> None:
        """Note what was asked, so that it is not asked again too soon; what is in doubt is due again anyway."""
        if before is not None and before["imdb_id"] and before["imdb_id"] != row.get("imdb_id"):
            # What OMDb said was about another title.
            asked.forget(conn, self.medium, work.tmdb_id, asked.OMDB)
        checks: dict[str, bool] = {}
        if gathered.related is not None and merged.related_is_believed:
            checks[asked.RELATED] = told.related is not None
        metadata = titles.metadata_columns(self.medium)
        lacking = gathered.details and any(row.get(column) is None for column in metadata)
        if lacking or UNKNOWN in gathered.doubts:
            checks[asked.META] = False
        if gathered.details and self._are_lists_asked_again(conn, work, row, before):
            checks[asked.EMPTY] = False
        if work.place is None and (gathered.details or UNKNOWN in gathered.doubts):
            checks[asked.DETAILS] = True
        if work.place is None and gathered.ratings:
            checks[asked.RATINGS] = True
        asked.record_title(conn, self.medium, work.tmdb_id, checks, self.ctx.now(), is_new=before is None)

    def _are_lists_asked_again(
        self, conn: Connection, work: TitleWork, row: Mapping[str, Any], before: RowMapping | None
    ) -> bool:
        """A list that came empty for a new title has nothing to be compared with: the meta backfill asks twice more."""
        if not any(row.get(column) == [] for column in titles.LIST_COLUMNS):
            return False
        if before is None or is_stub(before):
            return True
        return not self.makes_stubs and bool(asked.due(conn, self.medium, [work.tmdb_id], asked.EMPTY, self.ctx.now()))

    def _remember(
        self, conn: Connection, work: TitleWork, stages: Set[TitleStage], gathered: Gathered, merged: Merged
    ) -> None:
        """Keep what is doubted, and clear doubts and failures that are over."""
        if merged.doubted:
            found = {(str(key.part), key.region): reason for key, reason in merged.doubted.items()}
            doubts.record(conn, self.medium, work.tmdb_id, found, self.ctx.now())
        doubts.end(conn, self.medium, work.tmdb_id, [(key.part, key.region) for key in merged.ended])
        if work.due_since and (gathered.details or UNKNOWN in gathered.doubts):
            due.done(conn, self.medium, work.tmdb_id, work.due_since)
        if work.stopped and gathered.details:
            ineligible.clear(conn, self.medium, work.tmdb_id)
        if work.failed_before:
            over = {*stages, STORE} - {failure.stage for failure in gathered.failures}
            failures.clear(conn, self.medium, work.tmdb_id, over)


def _reason(gathered: Gathered) -> str | None:
    """Why not all of a title is stored, if it is not."""
    if gathered.failures:
        return gathered.failures[0].reason
    doubted = next(iter(gathered.doubts.values()), None)
    return f"{doubted}, it is said; the title is kept until another answer says the same" if doubted else None


def _said_by(work: TitleWork, told: Told) -> dict[str, str]:
    """Whose the values are that several sources may give."""
    said_by = {}
    if told.details is not None:
        said_by[TITLE] = TRAKT if work.trakt_title else TMDB
        said_by[IMDB_ID] = TRAKT if work.place and work.place.title.imdb_id else TMDB
    if told.ratings is not None:
        said_by |= dict.fromkeys((RATING_IMDB, RATING_METACRITIC), TRAKT)
    return said_by


def _row_counts(tables: TitleTables, merged: Merged) -> dict[str, int]:
    """How many rows each stage has of a title, its own row with the details."""
    counts: dict[str, int] = {TitleStage.DETAILS: 1, TitleStage.RATINGS: 1, TitleStage.SPARKLINES: 1}
    for name, rows in (dict(merged.known) | dict(merged.children)).items():
        key = CHILD_KEYS.get(name, (tables.related_key,))
        stage = TitleStage.RATINGS if name == "rating_buckets" else TitleStage.DETAILS
        counts[stage] += len({tuple(row[column] for column in key) for row in rows})
    return counts


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
    measures: Row = {"primary_rating": primary}
    if place:
        share: tuple[float, float] = (place.title.watchers, place.cycle.max_watchers)
        if not place.cycle.tells_watchers:
            share = (place.title.popularity or 0, place.cycle.max_popularity or 1)
        measures["trending_score"] = trending_score(row.get("rating_tmdb"), *share)
    return measures


def _trend(place: Place, watchers: int, previous: int | None) -> Row:
    """Watchers, their changes, and the cycle that lists the title; `previous` are those of the snapshot before."""
    return {
        "rating_trakt": float(watchers),
        "watchers_delta": watchers_delta(watchers, previous),
        "delta_3m": place.quarter_delta or 0.0,
        "trending_updated_at": place.cycle.cycle_at,
    }


def _counted(conn: Connection, tables: TitleTables, known: RowMapping | None, place: Place) -> tuple[int, int | None]:
    """A title's watchers, and those that they are compared with.

    Where the list does not tell, the figure is that of the last one that did, which has not changed; 0 of a title that
    none named.
    """
    at = place.cycle.cycle_at
    if not place.cycle.tells_watchers:
        last = known["rating_trakt"] if known is not None else None
        if last is None and known is not None:
            last = snapshots.previous_watchers(conn, tables, known["id"], at, datetime.min.replace(tzinfo=UTC))
        return int(last or 0), None
    if known is None:
        return place.title.watchers, None
    previous = snapshots.previous_watchers(conn, tables, known["id"], at, at - OLDEST_COMPARED)
    return place.title.watchers, previous


def _add_snapshot(conn: Connection, tables: TitleTables, title_id: int, place: Place) -> bool:
    entry = place.title
    return snapshots.add_snapshot(conn, tables, title_id, entry.tmdb_id, entry.watchers, place.cycle.cycle_at)


def _put_votes(conn: Connection, tables: TitleTables, title_id: int, row: Mapping[str, Any], *, bare: bool) -> int:
    """Trakt's average and votes as the title's `row` has them; how many rows were touched."""
    figures = {"avg": row.get("rating_trakt_avg"), "votes": row.get("rating_trakt_votes")}
    if all(figure is None for figure in figures.values()):
        return 0
    scope, stated = {tables.parent_key: title_id, "source": TRAKT}, [{"source": TRAKT, **figures}]
    known: Sequence[RowMapping] | None = () if bare else None
    return titles.replace_children(conn, tables.ratings, scope, stated, ("source",), known=known, exact=True).total
