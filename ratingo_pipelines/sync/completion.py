"""Completes stored titles that no cycle asks about: TMDB's details of each, and of some Trakt's word as well.

What Trakt is asked comes after all of TMDB's, in batches of its own: a Trakt that refuses or is gone ends those alone.
Which titles are due is said by who calls (`meta`, `changes`); one batch is `titles`'.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import BatchReport, Follower, StopReason
from ratingo_pipelines.sync.selection import Selection
from ratingo_pipelines.sync.titles import process
from ratingo_pipelines.sync.trending import as_listed
from ratingo_pipelines.sync.work import TitleStage, TitleWork


def with_ratings(work: TitleWork) -> TitleWork:
    """The same title, to be asked about at Trakt too, where it is known there."""
    return replace(work, ratings_due=work.trakt is not None)


def complete(
    ctx: SyncContext, medium: Medium, run_id: str, chosen: Selection, *, stage: str, follower: Follower
) -> BatchReport:
    """Ask about the titles chosen; none of them gets stubs. Each counts once, by what came of its details.

    Titles whose related list is in doubt are asked about after the others, ratings that are due after all details.
    """

    def batch(works: Sequence[TitleWork], part: TitleStage, name: str) -> BatchReport:
        todo = Selection(works, notes=chosen.notes if name == stage else ())
        heard = follower if name == stage else replace(follower, on_start=told_of_trakt)
        stages = frozenset({part})
        return process(ctx, medium, run_id, todo, stages, stage=name, makes_stubs=False, follower=heard)

    def told_of_trakt(total: int, word: str) -> None:
        follower.on_start(total, f"{word} at Trakt")

    at_trakt = f"{stage}/trakt"
    report = batch([work for work in chosen.works if not work.related_due], TitleStage.DETAILS, stage)
    doubted = [work for work in chosen.works if work.related_due]
    if doubted and report.stopped_by is not StopReason.DATABASE:
        report = _with_titles(report, batch(doubted, TitleStage.DETAILS, at_trakt))
    rated = [work for work in chosen.works if work.ratings_due]
    # Nobody else could answer.
    if rated and report.stopped_by is not StopReason.DATABASE and as_listed(ctx, medium).trakt is not None:
        report = _with_ratings(report, batch(rated, TitleStage.RATINGS, at_trakt))
    return report


def _with_titles(report: BatchReport, more: BatchReport) -> BatchReport:
    """The report of more titles beside these."""
    return replace(
        _with_words(report, more),
        fetched=report.fetched + more.fetched,
        added=report.added + more.added,
        updated=report.updated + more.updated,
        succeeded=report.succeeded + more.succeeded,
        skipped=dict(Counter(report.skipped) + Counter(more.skipped)),
    )


def _with_ratings(report: BatchReport, ratings: BatchReport) -> BatchReport:
    """The report of titles whose ratings were asked for after their details."""
    failed = {failure.tmdb_id for failure in ratings.failures} - {failure.tmdb_id for failure in report.failures}
    return replace(
        _with_words(report, ratings),
        succeeded=report.succeeded - len(failed),
        ratings=ratings.ratings,
        buckets=ratings.buckets,
    )


def _with_words(report: BatchReport, later: BatchReport) -> BatchReport:
    """What failed, what is to be said, and what it cost, of both."""
    first = report if report.stopped else later
    return replace(
        report,
        failures=(*report.failures, *later.failures),
        notes=(*report.notes, *later.notes),
        problems=(*report.problems, *later.problems),
        stopped=first.stopped,
        stopped_by=first.stopped_by,
        requests={api: count + later.requests.get(api, 0) for api, count in report.requests.items()},
        seconds=round(report.seconds + later.seconds, 3),
    )
