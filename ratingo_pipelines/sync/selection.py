"""Which titles a sync has to do, claimed for it, with what is known of each beforehand.

Working them off is `titles`'.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection

from ratingo_pipelines.measures.deltas import complete_months, monthly_frame, three_month_deltas
from ratingo_pipelines.media import Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage import asked, cycles, doubts, due, failures, ineligible, monthly, titles
from ratingo_pipelines.storage.cycles import Cycle, CycleTitle, Standing
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.eligibility import stopped_by_filter
from ratingo_pipelines.sync.leases import lease_of
from ratingo_pipelines.sync.outcomes import patience_of
from ratingo_pipelines.sync.trust.doubts import key_of
from ratingo_pipelines.sync.trust.parts import RELATED
from ratingo_pipelines.sync.work import FAILURE_STAGES, Place, TitleWork
from ratingo_pipelines.text import counted

FRESH = "fresh"
HELD = "another run is working on it"
OUTSIDE_AT_ONCE = 500
"""Titles outside the cycle that are looked up at once."""


@dataclass(frozen=True)
class Selection:
    """Titles to do and titles passed over (by TMDB id, with the reason)."""

    works: Sequence[TitleWork] = ()
    passed_over: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@retried_transaction
def pending(ctx: SyncContext, medium: Medium, run_id: str, limit: int | None) -> Selection:
    """Claim what is pending in the latest cycle: by rank, up to `limit` titles that no other run holds."""
    now = ctx.now()
    with ctx.database.writing() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        if cycle is None:
            return Selection(notes=(f"no {medium} cycle yet: fetch the trending list first",))
        failures.forget_lost(conn, tables_of(medium), now - timedelta(days=ctx.settings.partition_keep_days))
        claimed = cycles.claim(conn, cycle.id, run_id, now + lease_of(ctx), now, limit=limit)
        held = cycles.counts(conn, cycle.id, now).processing - len(claimed)
        return Selection(
            _in_cycle(conn, ctx, medium, cycle, claimed), notes=held_note(held, ctx.settings.lease_seconds)
        )


def held_note(held: int, lease_seconds: int) -> tuple[str, ...]:
    """What to know of titles that another run holds, if there are any."""
    if not held:
        return ()
    named = counted(held, "title is", "titles are")
    return (f"{named} being worked on by another run; the claims of one that died are free within {lease_seconds} s",)


@retried_transaction
def by_id(ctx: SyncContext, medium: Medium, run_id: str, tmdb_ids: Sequence[int], *, force: bool) -> Selection:
    """Claim these titles; those the latest cycle does not name are done without a place in it.

    Passed over are those done in the latest cycle (unless they failed since, or `force`) and those another run holds;
    of the latter, the failures that may be the reason to try them are put off.
    """
    now = ctx.now()
    wanted = list(dict.fromkeys(tmdb_ids))
    with ctx.database.writing() as conn:
        cycle = cycles.latest_cycle(conn, medium)
        if cycle is None:
            return Selection(outside(conn, ctx.settings, medium, wanted))
        standings = cycles.standings(conn, cycle.id, wanted, now)
        failing = failures.failing_ids(conn, medium, wanted, FAILURE_STAGES)
        passed_over = {}
        for tmdb_id, standing in standings.items():
            if standing is Standing.PROCESSING:
                passed_over[tmdb_id] = HELD
            # What failed since it was done, in a backfill or at a person's wish, is not fresh.
            elif standing is Standing.DONE and not force and tmdb_id not in failing:
                passed_over[tmdb_id] = FRESH
        wished = [tmdb_id for tmdb_id in wanted if tmdb_id not in passed_over]
        claimed = cycles.claim(conn, cycle.id, run_id, now + lease_of(ctx), now, tmdb_ids=wished, retake=True)
        inside = {entry.tmdb_id for entry in claimed}
        # A title of the cycle that could not be claimed was taken by another run this very moment.
        passed_over |= {
            i: HELD for i in wished if i not in inside and standings.get(i, Standing.SKIPPED) is not Standing.SKIPPED
        }
        works = _in_cycle(conn, ctx, medium, cycle, claimed, related_due=force)
        works += outside(conn, ctx.settings, medium, [i for i in wished if i not in inside and i not in passed_over])
        for tmdb_id in failing & {i for i, reason in passed_over.items() if reason == HELD}:
            failures.postpone(conn, medium, tmdb_id, FAILURE_STAGES, now, patience_of(ctx.settings))
    return Selection(works, passed_over)


def _in_cycle(
    conn: Connection,
    ctx: SyncContext,
    medium: Medium,
    cycle: Cycle,
    claimed: Sequence[CycleTitle],
    *,
    related_due: bool = False,
) -> list[TitleWork]:
    ids = [entry.tmdb_id for entry in claimed]
    known = titles.outlines(conn, tables_of(medium), ids)
    doubted = doubts.of_titles(conn, medium, ids)
    stopped = ineligible.reasons(conn, medium, ids)
    failing = failures.failing_ids(conn, medium, ids)
    related = set(ids) if related_due else asked.due(conn, medium, ids, asked.RELATED, ctx.now())
    changed = due.since(conn, medium, ids)
    months = complete_months(cycle.cycle_at.date())
    lists = monthly_frame(monthly.watchers_rows(conn, medium, months), monthly.known_months(conn, medium, months))
    deltas = three_month_deltas(lists, months)
    works = []
    for entry in claimed:
        row = known.get(entry.tmdb_id)
        works.append(
            TitleWork(
                tmdb_id=entry.tmdb_id,
                title=entry.title or str(entry.tmdb_id),
                trakt=entry.trakt_id or entry.slug or entry.imdb_id,
                imdb_id=entry.imdb_id,
                trakt_title=entry.trakt_title,
                place=Place(cycle, entry, deltas.get(entry.trakt_id or 0)),
                known=row is not None,
                failed_before=entry.tmdb_id in failing,
                rated=bool(entry.votes) or (row is not None and row.is_rated),
                related_due=entry.tmdb_id in related,
                stored=row is not None and not row.is_stub,
                filtered=row is not None and stopped_by_filter(ctx.settings, medium, row) is not None,
                stopped=stopped.get(entry.tmdb_id),
                doubts=tuple(key_of(doubt) for doubt in doubted.get(entry.tmdb_id, ())),
                due_since=changed.get(entry.tmdb_id),
            )
        )
    return works


def outside(
    conn: Connection, settings: Settings, medium: Medium, tmdb_ids: Sequence[int], *, related_due: bool = True
) -> list[TitleWork]:
    """Titles without a place in the latest cycle, with the identity that an earlier one or their row gives them.

    Read bit by bit, as there may be very many of them.
    """
    works: list[TitleWork] = []
    for start in range(0, len(tmdb_ids), OUTSIDE_AT_ONCE):
        works += _outside(conn, settings, medium, tmdb_ids[start : start + OUTSIDE_AT_ONCE], related_due)
    return works


def _outside(
    conn: Connection, settings: Settings, medium: Medium, tmdb_ids: Sequence[int], related_due: bool
) -> Iterator[TitleWork]:
    earlier = cycles.identities(conn, medium, tmdb_ids)
    rows = titles.outlines(conn, tables_of(medium), tmdb_ids)
    doubted = doubts.of_titles(conn, medium, tmdb_ids)
    stopped = ineligible.reasons(conn, medium, tmdb_ids)
    failing = failures.failing_ids(conn, medium, tmdb_ids)
    changed = due.since(conn, medium, tmdb_ids)
    for tmdb_id in tmdb_ids:
        entry, row = earlier.get(tmdb_id), rows.get(tmdb_id)
        keys = tuple(key_of(doubt) for doubt in doubted.get(tmdb_id, ()))
        imdb_id = (entry and entry.imdb_id) or (row and row.imdb_id) or None
        yield TitleWork(
            tmdb_id=tmdb_id,
            title=(entry and entry.title) or (row and row.title) or str(tmdb_id),
            trakt=(entry and (entry.trakt_id or entry.slug)) or imdb_id,
            imdb_id=imdb_id,
            trakt_title=entry.trakt_title if entry else None,
            known=row is not None,
            failed_before=tmdb_id in failing,
            rated=row is not None and row.is_rated,
            related_due=related_due or RELATED in keys,
            stored=row is not None and not row.is_stub,
            filtered=row is not None and stopped_by_filter(settings, medium, row) is not None,
            stopped=stopped.get(tmdb_id),
            doubts=keys,
            due_since=changed.get(tmdb_id),
        )
