"""How far the cycles are and what waits for a person: a few counts, quick at any size of the database."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.storage import cycles, doubts, failures, quota
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.doubts import DoubtCount
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import GIVE_UP_AFTER, Failure


@dataclass(frozen=True)
class MediumStatus:
    """The latest cycle of a medium, if there is one, its failures, and the doubts about what the sources said."""

    medium: str
    cycle: Cycle | None
    age_seconds: int | None
    counts: Counts
    failures: tuple[Failure, ...]
    doubts: tuple[DoubtCount, ...] = ()


@dataclass(frozen=True)
class SyncStatus:
    """The state of everything at one moment (UTC)."""

    at: datetime
    media: tuple[MediumStatus, ...]
    omdb_used: int
    omdb_limit: int
    give_up_after: int = GIVE_UP_AFTER

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
                }
                for status in self.media
            },
            "omdb": {"used": self.omdb_used, "limit": self.omdb_limit, "left": self.omdb_left},
        }


def status(database: Database, omdb_limit: int, now: datetime, give_up_after: int = GIVE_UP_AFTER) -> SyncStatus:
    """Read the state of all media."""
    with database.reading() as conn:
        media = tuple(_of_medium(conn, medium, now) for medium in MEDIA)
        used = quota.used(conn, "omdb", now.date().isoformat())
    return SyncStatus(now, media, used, omdb_limit, give_up_after)


def _of_medium(conn: Connection, medium: Medium, now: datetime) -> MediumStatus:
    cycle = cycles.latest_cycle(conn, medium)
    return MediumStatus(
        medium=medium.plural,
        cycle=cycle,
        age_seconds=int((now - cycle.cycle_at).total_seconds()) if cycle else None,
        counts=cycles.counts(conn, cycle.id, now) if cycle else Counts(),
        failures=tuple(failures.all_failures(conn, medium)),
        doubts=tuple(doubts.counts(conn, medium)),
    )
