"""Reports as people read them: a few lines of text each."""

from collections.abc import Iterator, Mapping

from ratingo_pipelines.sync.report import BatchReport, CalendarReport, PruneReport, TrendingReport
from ratingo_pipelines.sync.status import MediumStatus, SyncStatus
from ratingo_pipelines.text import counted

FAILURES_SHOWN = 50


def trending_lines(report: TrendingReport) -> Iterator[str]:
    """A fetched list."""
    yield (
        f"{report.medium}: cycle {report.cycle_id} of {report.cycle_at:%Y-%m-%d %H:%M:%S} UTC: "
        f"{report.fetched} listed, {report.eligible} eligible{_skipped(report.skipped)}"
    )
    yield from report.notes


def batch_lines(report: BatchReport) -> Iterator[str]:
    """A batch of titles: counts, then each failure on a line."""
    yield (
        f"{report.medium} {report.stage}: {report.succeeded} done ({report.added} new), {report.failed} failed"
        f"{_skipped(report.skipped)}; {_requests(report.requests)} in {report.seconds:.1f} s"
    )
    yield from report.notes
    if report.stopped:
        yield f"ended early: {report.stopped.rstrip('.')}. What was stored is kept; the rest stays pending."
    for failure in report.failures[:FAILURES_SHOWN]:
        yield f"  failed: {failure}"
    if len(report.failures) > FAILURES_SHOWN:
        yield f"  and {len(report.failures) - FAILURES_SHOWN} more: `ratingo status` lists them all"


def calendar_lines(report: CalendarReport) -> Iterator[str]:
    """A calendar sync."""
    yield (
        f"calendar: {counted(report.processed, 'airing')} of listed shows: {report.inserted} new, "
        f"{report.updated} changed, {report.deleted} dropped; {_requests(report.requests)} in {report.seconds:.1f} s"
    )
    yield from report.notes


def prune_lines(report: PruneReport) -> Iterator[str]:
    """A prune."""
    yield f"calendar: {counted(report.deleted, 'stale airing')} removed"


def status_lines(status: SyncStatus) -> Iterator[str]:
    """The state of everything."""
    for medium in status.media:
        yield from _medium_lines(status, medium)
    yield f"OMDb: {status.omdb_left} of {counted(status.omdb_limit, 'request')} left until midnight UTC"


def _medium_lines(status: SyncStatus, medium: MediumStatus) -> Iterator[str]:
    if medium.cycle is None:
        yield f"{medium.medium}: no cycle yet: `ratingo sync {medium.medium}`"
        return
    counts = medium.counts
    hours = (medium.age_seconds or 0) / 3600
    yield (
        f"{medium.medium}: cycle {medium.cycle.id}, {hours:.1f} h old: {counted(counts.total, 'title')}: "
        f"{counts.done} done, "
        f"{counts.processing} processing, {counts.pending} pending, {counts.error} failed, {counts.skipped} skipped"
    )
    for failure in medium.failures:
        given_up = ", given up" if status.given_up(failure) else ""
        yield (
            f"  failing: {failure.tmdb_id} {failure.title or ''}: {failure.stage}: {failure.last_error} "
            f"({counted(failure.attempts, 'attempt')}{given_up}, next {failure.next_attempt_at:%Y-%m-%d %H:%M} UTC)"
        )


def _skipped(skipped: Mapping[str, int]) -> str:
    if not skipped:
        return ""
    total = sum(skipped.values())
    return f", {total} skipped (" + ", ".join(f"{count} {reason}" for reason, count in skipped.items()) + ")"


def _requests(requests: Mapping[str, int]) -> str:
    return counted(sum(requests.values()), "request")
