"""How far the cycles are and what waits for a person: a few counts, quick at any size of the database."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ratingo_pipelines.media import MEDIA
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.sources.usage import NOTHING_USED, ApiUsage, read_usage
from ratingo_pipelines.storage import attempts, cycles, doubts, failures, quota
from ratingo_pipelines.storage.attempts import TRAKT_LIST, TRENDING, Attempt
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.doubts import DoubtCount
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync.omdb_quota import API as OMDB
from ratingo_pipelines.sync.waiting import WaitingTitles, waiting_titles


@dataclass(frozen=True)
class MediumStatus:
    """The latest cycle of a medium, if there is one, its failures, and what came of asking the sources."""

    medium: str
    cycle: Cycle | None
    age_seconds: int | None
    counts: Counts
    failures: tuple[Failure, ...]
    doubts: tuple[DoubtCount, ...] = ()
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    """The newest attempt at each list and batch, by what it was."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Titles that the cycle skips, by reason."""
    skipped_before: Mapping[str, int] = field(default_factory=dict)
    """Those of the cycle before."""

    @property
    def troubles(self) -> list[Attempt]:
        """What was last asked for in vain: lists that were not believed, sources that are refused, shut or in doubt."""
        return [attempt for attempt in self.attempts.values() if not attempt.well and "/" not in attempt.what]

    @property
    def stands_in(self) -> str | None:
        """What to know where TMDB's trending list stands in for Trakt's; None where the list is as it is wanted."""
        asked = self.attempts.get(TRAKT_LIST)
        if asked is None or self.cycle is None or self.cycle.tells_watchers:
            return None
        return (
            f"Trakt gives no list of {self.medium}, so TMDB's stands in, without watchers, until it does: "
            f"{asked.reason or asked.outcome}"
        )

    @property
    def lately(self) -> dict[str, Any]:
        """What came of asking, as plain values; what does not apply is absent."""
        asked = self.attempts.get(TRENDING)
        said: dict[str, Any] = {}
        if asked is not None:
            said["list"] = {"asked_at": asked.asked_at, "outcome": asked.outcome, "reason": asked.reason}
            if asked.ahead_seconds is not None:
                said["clock_ahead_seconds"] = asked.ahead_seconds
        if self.skipped or self.skipped_before:
            said["skipped"] = {
                reason: {"now": self.skipped.get(reason, 0), "before": self.skipped_before.get(reason, 0)}
                for reason in sorted({**self.skipped, **self.skipped_before})
            }
        if self.stands_in:
            said["stands_in"] = self.stands_in
        if self.troubles:
            said["troubles"] = [
                {"what": each.what, "asked_at": each.asked_at, "outcome": each.outcome, "reason": each.reason}
                for each in self.troubles
            ]
        return said


@dataclass(frozen=True)
class SyncStatus:
    """The state of everything at one moment (UTC)."""

    at: datetime
    media: tuple[MediumStatus, ...]
    omdb_used: int
    omdb_limit: int
    give_up_after: int
    waiting: tuple[WaitingTitles, ...] = ()
    """Titles that wait for a source's day."""
    usage: ApiUsage = NOTHING_USED
    """How much of the rate limits is used just now, and who asked to be left alone."""

    @property
    def omdb_left(self) -> int:
        """What is left of OMDb's requests of this UTC day."""
        return max(self.omdb_limit - self.omdb_used, 0)

    def given_up(self, failure: Failure) -> bool:
        """Whether a title failed so often that it is tried weekly only."""
        return failure.attempts >= self.give_up_after

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "at": self.at,
            "media": {
                status.medium: {
                    "cycle": asdict(status.cycle) if status.cycle else None,
                    "age_seconds": status.age_seconds,
                    "titles": {"total": status.counts.total, **asdict(status.counts)},
                    "failures": [
                        {**asdict(failure), "given_up": self.given_up(failure)} for failure in status.failures
                    ],
                    "doubts": [asdict(count) for count in status.doubts],
                    **status.lately,
                }
                for status in self.media
            },
            "omdb": {"used": self.omdb_used, "limit": self.omdb_limit, "left": self.omdb_left},
            "waiting": [asdict(each) for each in self.waiting],
            "limits": [asdict(each) for each in self.usage.windows],
            "pauses": [asdict(each) for each in self.usage.pauses],
        }


def status(database: Database, settings: Settings, now: datetime) -> SyncStatus:
    """Read the state of everything."""
    with database.reading() as conn:
        media = _media(conn, now)
        used = quota.used(conn, OMDB, now.date().isoformat())
        waiting = waiting_titles(conn, settings, now, used)
    usage = read_usage(settings, now)
    return SyncStatus(now, media, used, settings.omdb_daily_limit, settings.give_up_after, waiting, usage)


def status_of_media(database: Database, now: datetime) -> tuple[MediumStatus, ...]:
    """Read the state of all media."""
    with database.reading() as conn:
        return _media(conn, now)


def _media(conn: Connection, now: datetime) -> tuple[MediumStatus, ...]:
    failing, doubted = failures.all_failures(conn), doubts.counts(conn)
    tried, skipped = attempts.latest(conn), cycles.skipped_by_reason(conn)
    latest, media = cycles.latest_cycles(conn), []
    for medium in MEDIA:
        cycle = latest.get(medium.plural)
        now_skipped, skipped_before = skipped.get(medium.plural, ({}, {}))
        media.append(
            MediumStatus(
                medium=medium.plural,
                cycle=cycle,
                age_seconds=int((now - cycle.cycle_at).total_seconds()) if cycle else None,
                counts=cycles.counts(conn, cycle.id, now) if cycle else Counts(),
                failures=tuple(failure for failure in failing if failure.medium == medium.plural),
                doubts=tuple(count for count in doubted if count.medium == medium.plural),
                attempts=tried.get(medium.plural, {}),
                skipped=now_skipped,
                skipped_before=skipped_before,
            )
        )
    return tuple(media)
