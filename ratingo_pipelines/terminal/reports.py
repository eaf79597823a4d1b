"""Reports as people read them: a few lines of text each."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from ratingo_pipelines.sources.usage import ApiUsage
from ratingo_pipelines.storage.attempts import TRENDING
from ratingo_pipelines.storage.cycles import Cycle
from ratingo_pipelines.storage.doubts import DoubtCount
from ratingo_pipelines.sync.doubts import OpenDoubts
from ratingo_pipelines.sync.preview import SyncPreview
from ratingo_pipelines.sync.report import BatchReport, CalendarReport, PruneReport, TrendingReport
from ratingo_pipelines.sync.search import FoundTitle
from ratingo_pipelines.sync.status import MediumStatus, SyncStatus
from ratingo_pipelines.sync.trust.clock import AGREES_WITHIN, agrees, in_words
from ratingo_pipelines.sync.trust.doubts import key_of
from ratingo_pipelines.sync.trust.parts import source_of
from ratingo_pipelines.text import counted

API_NAMES = {"trakt": "Trakt", "tmdb": "TMDB"}
FAILURES_SHOWN = 50
TITLES_SHOWN = 10


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
    yield from report.problems
    if report.stopped:
        yield f"ended early: {report.stopped.rstrip('.')}. What was stored is kept; the rest stays pending."
    for failure in report.failures[:FAILURES_SHOWN]:
        yield f"  failed: {failure}"
    if len(report.failures) > FAILURES_SHOWN:
        yield f"  and {len(report.failures) - FAILURES_SHOWN} more: `ratingo status` lists them all"


def preview_lines(preview: SyncPreview) -> Iterator[str]:
    """What a sync would do."""
    listed = "the latest cycle goes on" if preview.listed is None else f"{preview.listed} listed"
    yield f"{preview.medium}: {listed}: {counted(preview.eligible, 'title')} to work off{_skipped(preview.skipped)}"
    asked = ", ".join(f"{API_NAMES[api]} {count}" for api, count in preview.requests.items())
    yield f"would ask at most {_requests(preview.requests)}: {asked}"
    if preview.months:
        yield f"of these for the most watched of {', '.join(preview.months)}"
    yield (
        f"would write: {counted(preview.new, 'new title')}, {counted(preview.known, 'title')} brought up to date, "
        f"a snapshot of the watchers of each"
    )
    yield from preview.notes
    yield "Nothing was written."


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


def search_lines(found: Sequence[FoundTitle]) -> Iterator[str]:
    """The titles found, with what is known of each, and how to fetch one."""
    for each in found:
        known = "listed" if each.listed else f"known, {each.id} on the site" if each.id else "not known"
        yield f"{each.medium} {each.tmdb_id}: {each.title}{f' ({each.year})' if each.year else ''}: {known}"
    unknown = next((each for each in found if each.id is None), None)
    if unknown:
        yield f"One that is not known is fetched by `ratingo sync {unknown.medium} --id {unknown.tmdb_id}`."


def status_lines(status: SyncStatus) -> Iterator[str]:
    """The state of everything."""
    for medium in status.media:
        yield from _medium_lines(status, medium)
    yield f"OMDb: {status.omdb_left} of {counted(status.omdb_limit, 'request')} left until midnight UTC"
    for each in status.waiting:
        until = f"until {each.until:%Y-%m-%d %H:%M} UTC" if each.until else "for ever: OMDB_DAILY_LIMIT is 0"
        yield f"  waiting: {counted(each.titles, f'{each.turn} title')}, {until}"
    yield from _usage_lines(status.usage)


def _usage_lines(usage: ApiUsage) -> Iterator[str]:
    for each in usage.windows:
        if each.used:
            within = counted(each.seconds, "second")
            yield f"{each.api}: {each.used} of {counted(each.requests, 'request')} in the last {within}"
    for pause in usage.pauses:
        yield f"{pause.api}: asked to be left alone until {pause.until:%Y-%m-%d %H:%M:%S} UTC"


def _medium_lines(status: SyncStatus, medium: MediumStatus) -> Iterator[str]:
    if medium.cycle is None:
        yield f"{medium.medium}: no cycle yet: `ratingo sync {medium.medium}`"
        yield from _trouble_lines(medium)
        return
    counts = medium.counts
    yield (
        f"{medium.medium}: cycle {medium.cycle.id}{_whose(medium.cycle)}, {_age(medium.age_seconds or 0)}: "
        f"{counted(counts.total, 'title')}: {counts.done} done, "
        f"{counts.processing} processing, {counts.pending} pending, {counts.error} failed, {counts.skipped} skipped"
        f"{_beside(medium.skipped, medium.skipped_before)}{_asked(medium)}"
    )
    yield from _trouble_lines(medium)
    for failure in medium.failures:
        given_up = ", given up" if status.given_up(failure) else ""
        yield (
            f"  failing: {failure.tmdb_id} {failure.title or ''}: {failure.stage}: {failure.last_error} "
            f"({counted(failure.attempts, 'attempt')}{given_up}, next {failure.next_attempt_at:%Y-%m-%d %H:%M} UTC)"
        )

    for count in medium.doubts:
        yield f"  in doubt: {_doubt(count)}"


def _whose(cycle: Cycle) -> str:
    return "" if cycle.tells_watchers else " of TMDB's list, without watchers"


def _age(seconds: int) -> str:
    if seconds < -AGREES_WITHIN.total_seconds():
        return f"{-seconds / 3600:.1f} h ahead of this machine's clock"
    return f"{seconds / 3600:.1f} h old"


def _beside(skipped: Mapping[str, int], before: Mapping[str, int]) -> str:
    """Titles skipped by reason, beside those of the cycle before: `(2 no TMDB id, 3 before)`."""
    reasons = sorted({**skipped, **before})
    said = [
        f"{skipped.get(reason, 0)} {reason}" + (f", {before[reason]} before" if before.get(reason) else "")
        for reason in reasons
    ]
    return f" ({'; '.join(said)})" if said else ""


def _asked(medium: MediumStatus) -> str:
    asked = medium.attempts.get(TRENDING)
    return f"; list asked for at {asked.asked_at:%Y-%m-%d %H:%M} UTC" if asked else ""


def _trouble_lines(medium: MediumStatus) -> Iterator[str]:
    if medium.stands_in:
        yield f"  {medium.stands_in}"
    for attempt in medium.troubles:
        yield f"  {attempt.what}: in vain at {attempt.asked_at:%Y-%m-%d %H:%M} UTC: {attempt.reason or attempt.outcome}"
    asked = medium.attempts.get(TRENDING)
    if asked and asked.well and asked.ahead_seconds is not None and not agrees(timedelta(seconds=asked.ahead_seconds)):
        yield f"  clock: this machine's was {in_words(timedelta(seconds=asked.ahead_seconds))} then: set it"


def doubt_lines(found: Sequence[OpenDoubts]) -> Iterator[str]:
    """The open doubts, each part with the first of its titles."""
    if not found:
        yield "No doubts: what is stored is what the sources say."
    for doubts in found:
        yield f"{doubts.count.medium}: {_doubt(doubts.count)}"
        for doubt in doubts.titles[:TITLES_SHOWN]:
            reason = f", {doubt.reason}" if doubt.reason else ""
            yield f"  {doubt.tmdb_id} {doubt.title or ''} since {doubt.first_at:%Y-%m-%d %H:%M} UTC{reason}"
        if len(doubts.titles) > TITLES_SHOWN:
            yield f"  and {len(doubts.titles) - TITLES_SHOWN} more: `ratingo doubts --json` lists them all"


def _doubt(count: DoubtCount) -> str:
    key = key_of(count)
    fault = f", for {count.many} of them taken for {source_of(key.part)}'s fault" if count.many else ""
    return f"{key} of {counted(count.titles, 'title')} since {count.first_at:%Y-%m-%d %H:%M} UTC{fault}; kept"


def _skipped(skipped: Mapping[str, int]) -> str:
    if not skipped:
        return ""
    total = sum(skipped.values())
    return f", {total} skipped (" + ", ".join(f"{count} {reason}" for reason, count in skipped.items()) + ")"


def _requests(requests: Mapping[str, int]) -> str:
    return counted(sum(requests.values()), "request")
