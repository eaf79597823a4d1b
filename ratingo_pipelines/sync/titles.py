"""Works off titles: those pending in the latest cycle, or those asked for by id.

Which titles are due is `selection`'s, how one is asked about `gather`'s, how it is stored `store`'s; here they
are put together.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic

from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import cycles, doubts, due, failures, provenance, title_changes, titles
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync import selection
from ratingo_pipelines.sync.asking import remember_batch
from ratingo_pipelines.sync.batch import Steps, run_batch
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.delisting import take_off_what_left
from ratingo_pipelines.sync.doubts import Judged, conclude
from ratingo_pipelines.sync.gather import Gathered, asking_again, gather, without_details
from ratingo_pipelines.sync.leases import kept_leases
from ratingo_pipelines.sync.outcomes import TitleOutcomes
from ratingo_pipelines.sync.report import (
    NOBODY,
    BatchReport,
    Follower,
    StopReason,
    Tally,
    TitleOutcome,
    TitleStatus,
)
from ratingo_pipelines.sync.selection import Selection
from ratingo_pipelines.sync.shared_rows import SharedRows, ukrainian_genres
from ratingo_pipelines.sync.store import CLAIM_LOST, TitleStore
from ratingo_pipelines.sync.tmdb_list import LISTED_TWICE
from ratingo_pipelines.sync.trending import as_listed
from ratingo_pipelines.sync.trust.blame import SMALL_BATCH, Question
from ratingo_pipelines.sync.witnesses import AskAgain, StoredWitnesses
from ratingo_pipelines.sync.work import ALL_STAGES, FAILURE_STAGES, STORE, Place, TitleStage, TitleWork
from ratingo_pipelines.text import counted

STAGE = "titles"


def sync_pending(
    ctx: SyncContext,
    medium: Medium,
    run_id: str,
    *,
    limit: int | None = None,
    follower: Follower = NOBODY,
) -> BatchReport:
    """Work off what is pending in the latest cycle: by rank, up to `limit` titles that no other run holds."""
    with kept_leases(ctx, run_id):
        chosen = selection.pending(ctx, medium, run_id, limit)
        report = process(ctx, medium, run_id, chosen, ALL_STAGES, follower=follower)
    return (
        replace(report, notes=(*report.notes, *take_off_what_left(ctx, medium))) if report.stopped is None else report
    )


def sync_ids(
    ctx: SyncContext,
    medium: Medium,
    run_id: str,
    tmdb_ids: Sequence[int],
    *,
    stages: Collection[TitleStage] = ALL_STAGES,
    force: bool = False,
    follower: Follower = NOBODY,
) -> BatchReport:
    """Do `stages` of these titles, named by the latest cycle or not; those done in it are fresh, unless `force`.

    A title without a place in the latest cycle keeps its watchers, score and `trending_updated_at`.
    """
    with kept_leases(ctx, run_id):
        chosen = selection.by_id(ctx, medium, run_id, tmdb_ids, force=force)
        return process(ctx, medium, run_id, chosen, frozenset(stages), follower=follower)


def process(
    ctx: SyncContext,
    medium: Medium,
    run_id: str,
    chosen: Selection,
    stages: frozenset[TitleStage],
    *,
    stage: str = STAGE,
    makes_stubs: bool = True,
    follower: Follower,
) -> BatchReport:
    """Do `stages` of the titles chosen, in a pool of threads."""
    ctx = as_listed(ctx, medium)
    tally = Tally(ctx, follower)
    fetched = len(chosen.works) + len(chosen.passed_over)
    follower.on_start(fetched, "due")
    for tmdb_id, reason in chosen.passed_over.items():
        tally.count(TitleOutcome(tmdb_id, str(tmdb_id), TitleStatus.SKIPPED, reason))
    genres, notes = ukrainian_genres(ctx, medium) if chosen.works and TitleStage.DETAILS in stages else ({}, ())
    store = TitleStore(ctx, medium, SharedRows(ctx.database, medium, genres), run_id, makes_stubs)
    stopped = run_batch(
        chosen.works,
        lambda work: _do(store, work, stages),
        stage=STORE,
        concurrency=ctx.settings.concurrency,
        witnesses=StoredWitnesses(ctx, medium, partial(_witness, ctx, medium)),
        outcomes=TitleOutcomes(ctx, medium, run_id, whole=stages >= ALL_STAGES),
        follower=tally.follower,
    )
    kept = _keep_watchers(store, chosen.works, stages) if stopped and stopped.kind is StopReason.UPSTREAM else ()
    database_is_there = stopped is None or stopped.kind is not StopReason.DATABASE
    judged = conclude(ctx, medium, store.ledger) if database_is_there else Judged()
    report = tally.report(
        medium.plural,
        stage,
        fetched=fetched,
        notes=(*chosen.notes, *notes, *kept, *judged.notes),
        problems=judged.problems,
        stopped=stopped,
    )
    if stage == STAGE:
        report = replace(report, problems=(*report.problems, *nothing_stored(report, len(chosen.works))))
    if database_is_there:
        remember_batch(ctx, medium, report)
    cycle = next((work.place.cycle for work in chosen.works if work.place), None)
    if cycle and database_is_there:
        _add_requests(ctx, cycle.id, report.requests)
    return report


@retried_transaction
def _add_requests(ctx: SyncContext, cycle_id: int, requests: Mapping[str, int]) -> None:
    with ctx.database.writing() as conn:
        cycles.add_requests(conn, cycle_id, requests)


def _keep_watchers(store: TitleStore, works: Sequence[TitleWork], stages: frozenset[TitleStage]) -> tuple[str, ...]:
    """Store what the list itself says of titles that the site lists and this batch did not come to, asking nobody.

    Who is watching now cannot be asked for later: an API that is gone for a day would leave a gap in every sparkline.
    """
    if TitleStage.SPARKLINES not in stages:
        return ()
    with store.ctx.database.reading() as conn:
        listed = titles.listed_tmdb_ids(conn, tables_of(store.medium))
    left = [work for work in works if work.place is not None and work.tmdb_id in listed]
    watchers_alone = frozenset({TitleStage.SPARKLINES})
    kept = sum(store.store(work, watchers_alone, Gathered()).status is TitleStatus.DONE for work in left)
    if not kept:
        return ()
    return (f"{counted(kept, store.medium.singular, store.medium.plural)} got the watchers of the list meanwhile",)


def nothing_stored(report: BatchReport, works: int) -> Iterator[str]:
    """A problem where there were titles to store and none was: never mind how well each of them was skipped."""
    to_store = works - report.skipped.get(CLAIM_LOST, 0)
    if to_store >= SMALL_BATCH and not report.added + report.updated and not report.failures and not report.stopped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.skipped.items())
        yield f"none of {counted(to_store, 'title')} was stored: {reasons}; see whether the sources are right"


def _do(store: TitleStore, work: TitleWork, stages: frozenset[TitleStage]) -> Steps:
    """One title: ask, then store what came."""
    began = monotonic()
    if work.place and not _still_held(store, work.place):
        return TitleOutcome(work.tmdb_id, work.title, TitleStatus.SKIPPED, CLAIM_LOST)
    gathered = yield from gather(store.ctx, store.medium, work, stages)
    if gathered.found_as is not None and work.place is not None:
        merged = _under(work, work.place, gathered.found_as)
        gathered = yield from gather(store.ctx, store.medium, merged, stages)
        if gathered.details is not None and gathered.details.imdb_id not in {None, work.imdb_id}:
            gathered = without_details(work, gathered)
        elif gathered.details is not None:
            if not _follow(store, work, work.place, merged.tmdb_id):
                return _not_listed(store, work, LISTED_TWICE)
            work = merged
    if gathered.skip is not None:
        return _not_listed(store, work, gathered.skip)
    if gathered.nothing_to_store:
        reason = gathered.failures[0].reason
        return TitleOutcome(work.tmdb_id, work.title, TitleStatus.ERROR, reason, gathered.failures)
    outcome = store.store(work, stages, gathered)
    return replace(outcome, seconds=round(monotonic() - began, 3))


def _not_listed(store: TitleStore, work: TitleWork, reason: str) -> TitleOutcome:
    store.shared.exclude(work.tmdb_id)
    return TitleOutcome(work.tmdb_id, work.title, TitleStatus.SKIPPED, reason, is_ineligible=True)


def _under(work: TitleWork, place: Place, tmdb_id: int) -> TitleWork:
    """The same title under the TMDB id that its own was merged into; failures on record of that one are cleared too."""
    return replace(
        work,
        tmdb_id=tmdb_id,
        place=replace(place, title=replace(place.title, tmdb_id=tmdb_id)),
        failed_before=True,
    )


@retried_transaction
def _follow(store: TitleStore, work: TitleWork, place: Place, tmdb_id: int) -> bool:
    """Take the title's place and row to the id that its own was merged into; False where that has a place already."""
    with store.ctx.database.writing() as conn:
        if not cycles.move(conn, place.title, store.run_id, tmdb_id):
            return False
        titles.rename(conn, tables_of(store.medium), work.tmdb_id, tmdb_id)
        provenance.move(conn, store.medium, work.tmdb_id, tmdb_id)
        title_changes.move(conn, store.medium, work.tmdb_id, tmdb_id)
        doubts.end(conn, store.medium, work.tmdb_id, [(key.part, key.region) for key in work.doubts])
        if work.due_since:
            due.done(conn, store.medium, work.tmdb_id, work.due_since)
        if work.failed_before:
            failures.clear(conn, store.medium, work.tmdb_id, FAILURE_STAGES)
    return True


def _witness(ctx: SyncContext, medium: Medium, question: Question, tmdb_id: int) -> tuple[TitleWork, AskAgain] | None:
    with ctx.database.reading() as conn:
        [work] = selection.outside(conn, ctx.settings, medium, [tmdb_id])
    ask = asking_again(ctx, medium, work, question)
    return (work, ask) if ask else None


def _still_held(store: TitleStore, place: Place) -> bool:
    """Whether the title is still this run's to do: what a newer cycle took over is not worth its requests."""
    with store.ctx.database.reading() as conn:
        return cycles.holds(conn, place.title.row_id, store.run_id)
