"""What a use case tells its caller: typed counts and failures, the same for logs, JSON and Dagster's metadata."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import Any, Self

from ratingo_pipelines.sources.errors import QuotaExhausted, SourceError
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.trust.blame import OURS, Kind
from ratingo_pipelines.text import visible


class TitleStatus(StrEnum):
    """How one title ended."""

    DONE = "done"
    SKIPPED = "skipped"
    ERROR = "error"


class StopReason(StrEnum):
    """What can end a batch early; the titles it did not come to stay pending."""

    ACCESS = "access"
    """An API refuses its key."""
    DATABASE = "database"
    UPSTREAM = "upstream"
    """An API that the whole stage needs does not answer, or asks for a longer pause than a run waits for."""
    SOURCE = "source"
    """An API answers, but wrongly and all titles alike."""
    QUOTA = "quota"
    """The day's requests are spent, as happens on any busy day: nothing went wrong."""


class BatchStopped(Exception):
    """Going on is pointless for every title of the batch; the message says why and what to do."""

    def __init__(self, message: str, kind: StopReason) -> None:
        super().__init__(message)
        self.kind = kind

    @classmethod
    def by(cls, error: SourceError) -> Self:
        """What ends a batch where an error says that its API is of no use for the next title either."""
        if isinstance(error, QuotaExhausted):
            return cls(str(error), StopReason.QUOTA)
        return cls(str(error), StopReason.ACCESS if error.stops_run else StopReason.UPSTREAM)


@dataclass(frozen=True)
class TitleFailure:
    """One title that failed, in which stage and why."""

    tmdb_id: int
    title: str
    stage: str
    reason: str
    source: str = OURS
    """Who was asked, as messages call it; `OURS` where a step of our own failed."""
    kind: Kind | None = None
    """In which way it failed; None where the title lacks what the stage needs, whoever answers what."""
    spends_attempt: bool = False
    """Whether the title itself is to blame, as was judged when it was recorded."""

    def __str__(self) -> str:
        """One line for people."""
        return visible(f"{self.tmdb_id} {self.title}: {self.stage}: {self.reason}")


@dataclass(frozen=True)
class TitleOutcome:
    """How one title went: what was stored of it, and what it is now."""

    tmdb_id: int
    title: str
    status: TitleStatus
    reason: str | None = None
    failures: tuple[TitleFailure, ...] = ()
    is_ineligible: bool = False
    """Whether it is skipped because it must not be listed: the anime filter, or unknown to TMDB."""
    stored: frozenset[str] = frozenset()
    """The stages that were stored: `details`, `ratings`, `sparklines`, `omdb`; some may be though others failed."""
    added: bool = False
    rows_written: int = 0
    row_counts: Mapping[str, int] = field(default_factory=dict)
    """Rows that each stage has in the database now, where it was stored."""
    title_uk: str | None = None
    poster: str | None = None
    """TMDB's path of it."""
    buckets_written: int = 0
    snapshot_added: bool = False
    watchers: int | None = None
    score: float | None = None
    trakt: int | str | None = None
    """Trakt's id or slug, for links."""
    imdb_id: str | None = None
    distribution: Mapping[int, int] | None = None
    """Votes at Trakt by rating, 1 to 10, where they came."""
    seconds: float | None = None
    """From the first request to the last row."""


@dataclass(frozen=True)
class StageCounts:
    """A batch's counts alone, without the failures themselves: small, however much failed."""

    stage: str
    fetched: int = 0
    added: int = 0
    updated: int = 0
    succeeded: int = 0
    skipped: int = 0
    failed: int = 0
    ratings: int = 0
    buckets: int = 0
    snapshots: int = 0
    snapshots_unchanged: int = 0
    requests: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    stopped: str | None = None
    """Why the stage ended early, if it did."""


@dataclass(frozen=True)
class BatchReport:
    """The counts of a batch of titles."""

    medium: str
    stage: str
    fetched: int = 0
    """Titles that were due when the batch began."""
    added: int = 0
    updated: int = 0
    succeeded: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Titles passed over, by reason."""
    failures: tuple[TitleFailure, ...] = ()
    ratings: int = 0
    buckets: int = 0
    snapshots: int = 0
    snapshots_unchanged: int = 0
    notes: tuple[str, ...] = ()
    """What a person should know although nothing failed."""
    problems: tuple[str, ...] = ()
    """What a source says of so many titles that it is not believed; what is known is kept."""
    stopped: str | None = None
    """Why the batch ended early, if it did."""
    stopped_by: StopReason | None = None
    requests: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        """Titles that failed; one title may fail in several stages."""
        return len({failure.tmdb_id for failure in self.failures})

    @property
    def counts(self) -> StageCounts:
        """The numbers alone."""
        return StageCounts(
            stage=self.stage,
            fetched=self.fetched,
            added=self.added,
            updated=self.updated,
            succeeded=self.succeeded,
            skipped=sum(self.skipped.values()),
            failed=self.failed,
            ratings=self.ratings,
            buckets=self.buckets,
            snapshots=self.snapshots,
            snapshots_unchanged=self.snapshots_unchanged,
            requests=sum(self.requests.values()),
            seconds=self.seconds,
            notes=(*self.notes, *self.problems),
            stopped=self.stopped,
        )

    @property
    def ok(self) -> bool:
        """Whether all that could be done is done."""
        return not self.failures and not self.problems and self.stopped_by in {None, StopReason.QUOTA}

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"ok": self.ok, "failed": self.failed, **asdict(self)}


@dataclass(frozen=True)
class TrendingReport:
    """What a fetch of the trending list found and which cycle it opened."""

    medium: str
    cycle_id: int
    cycle_at: datetime
    fetched: int
    eligible: int
    skipped: Mapping[str, int]
    max_watchers: int
    source: str | None = None
    """Who gave the list: Trakt's host, or `tmdb`."""
    months_fetched: tuple[str, ...] = ()
    reused: bool = False
    """Whether another run opened this very cycle after this one was asked for, so that nothing was fetched."""
    notes: tuple[str, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class CalendarReport:
    """What a calendar sync wrote, and of which days nothing was told."""

    processed: int
    inserted: int
    updated: int
    deleted: int
    days_missing: tuple[str, ...] = ()
    """`2026-01-31 to 2026-02-04`: what is known of these days stays as it was."""
    nothing_came: bool = False
    """Whether no day came at all."""
    notes: tuple[str, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether all days came."""
        return not self.days_missing

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"ok": self.ok, **asdict(self)}


@dataclass(frozen=True)
class PruneReport:
    """What pruning the calendar removed."""

    deleted: int
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def _ignore(*_: object) -> None:
    """For those who only want the report."""


@dataclass(frozen=True)
class Follower:
    """Who hears of a batch while it goes on, in the caller's own thread."""

    on_start: Callable[[int, str], None] = _ignore
    """Told how many titles there are to do, and the word for it (`due`), before the first of a batch is begun.

    A use case may have more batches than one."""
    on_outcome: Callable[[TitleOutcome], None] = _ignore
    """Told of each title once, as soon as it ended."""
    on_pause: Callable[[], None] = _ignore
    """Called now and then while no title ends."""


NOBODY = Follower()


class Meter:
    """Measures what a use case cost: seconds and requests since it was made."""

    def __init__(self, ctx: SyncContext) -> None:
        self._ctx = ctx
        self._began = monotonic()
        self._before = ctx.requests()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return round(monotonic() - self._began, 3)

    @property
    def requests(self) -> dict[str, int]:
        """Requests so far, by API."""
        return {name: count - self._before[name] for name, count in self._ctx.requests().items()}


class Tally:
    """Counts the outcomes of a batch as they come, and hands them on; it keeps none, as there may be very many."""

    def __init__(self, ctx: SyncContext, follower: Follower) -> None:
        self._meter = Meter(ctx)
        self._follower = follower
        self._counts: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._failures: list[TitleFailure] = []

    @property
    def follower(self) -> Follower:
        """Who counts what he hears before he hands it on."""
        return replace(self._follower, on_outcome=self.count)

    def count(self, outcome: TitleOutcome) -> None:
        """Count one outcome, and tell the follower."""
        counts = self._counts
        if outcome.stored:
            counts["added" if outcome.added else "updated"] += 1
        if "sparklines" in outcome.stored:
            counts["snapshots" if outcome.snapshot_added else "snapshots_unchanged"] += 1
        counts["succeeded"] += outcome.status is TitleStatus.DONE
        counts["ratings"] += "ratings" in outcome.stored
        counts["buckets"] += outcome.buckets_written
        if outcome.status is TitleStatus.SKIPPED:
            self._skipped[outcome.reason or ""] += 1
        self._failures += outcome.failures
        self._follower.on_outcome(outcome)

    def report(
        self,
        medium: str,
        stage: str,
        *,
        fetched: int,
        notes: tuple[str, ...] = (),
        problems: tuple[str, ...] = (),
        stopped: BatchStopped | None = None,
    ) -> BatchReport:
        """The counts so far, and what they cost."""
        return BatchReport(
            medium=medium,
            stage=stage,
            fetched=fetched,
            skipped=dict(self._skipped),
            failures=tuple(self._failures),
            notes=notes,
            problems=problems,
            stopped=str(stopped) if stopped else None,
            stopped_by=stopped.kind if stopped else None,
            requests=self._meter.requests,
            seconds=self._meter.seconds,
            **self._counts,
        )
