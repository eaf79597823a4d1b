"""What the database says of the latest cycle: how far it is, which of its titles wait, which failed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from ratingo_pipelines.gateway.api.models import TitleError
from ratingo_pipelines.media import Medium
from ratingo_pipelines.storage import cycles, failures, ineligible, titles
from ratingo_pipelines.storage.cycles import Counts, Cycle, Standing
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines.sync.status import MediumStatus, status_of_media


@dataclass(frozen=True)
class Waiting:
    """The titles of a cycle that have not ended, in the list's order, and how many of them each run has claimed."""

    cycle: Cycle
    tmdb_ids: tuple[int, ...]
    holders: Mapping[str, int]


@dataclass(frozen=True)
class Ended:
    """What became of titles that were waiting; those that a newer cycle superseded are in none of the lists."""

    done: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()
    left: int = 0
    """Still waiting."""

    @property
    def total(self) -> int:
        """All that ended."""
        return len(self.done) + len(self.failed) + len(self.skipped)


@dataclass(frozen=True)
class TitleStanding:
    """What a title that was asked for has become."""

    tmdb_id: int
    row_id: int | None
    """The site's id; None where it is not stored."""
    ineligible: str | None
    """Why it is not to be listed, if it was found so."""


class Progress:
    """Reads of a medium's latest cycle. Each raises StorageError when the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, medium: Medium) -> Waiting | None:
        """The titles of the latest cycle that have not ended; None without a cycle."""
        with self._database.reading() as conn:
            cycle = cycles.latest_cycle(conn, medium)
            if cycle is None:
                return None
            ids = tuple(title.tmdb_id for title in cycles.titles_of(conn, cycle.id, cycles.PENDING))
            return Waiting(cycle, ids, cycles.holders(conn, cycle.id, utc_now()))

    def ended(self, waiting: Waiting) -> Ended:
        """What became of the titles that were waiting, in the list's order."""
        with self._database.reading() as conn:
            standings = cycles.standings(conn, waiting.cycle.id, waiting.tmdb_ids, utc_now())
            skipped = cycles.titles_of(conn, waiting.cycle.id, cycles.SKIPPED)
        superseded = {title.tmdb_id for title in skipped if title.reason == cycles.SUPERSEDED}
        by_standing: dict[Standing, list[int]] = {standing: [] for standing in Standing}
        for tmdb_id in waiting.tmdb_ids:
            by_standing[standings[tmdb_id]].append(tmdb_id)
        return Ended(
            done=tuple(by_standing[Standing.DONE]),
            failed=tuple(by_standing[Standing.ERROR]),
            skipped=tuple(i for i in by_standing[Standing.SKIPPED] if i not in superseded),
            left=len(by_standing[Standing.PENDING]) + len(by_standing[Standing.PROCESSING]),
        )

    def status(self, medium: Medium) -> tuple[Cycle | None, Counts, datetime | None, list[Failure]]:
        """The latest cycle, its counts, when a title of it last ended, and the failures on record."""
        with self._database.reading() as conn:
            cycle = cycles.latest_cycle(conn, medium)
            on_record = failures.all_failures(conn, medium)
            if cycle is None:
                return None, Counts(), None, on_record
            counts = cycles.counts(conn, cycle.id, utc_now())
            return cycle, counts, cycles.last_settled(conn, cycle.id), on_record

    def title(self, medium: Medium, tmdb_id: int) -> TitleStanding:
        """Whether and under which id the title is stored, and why not."""
        with self._database.reading() as conn:
            row_id = titles.known_ids(conn, tables_of(medium), [tmdb_id]).get(tmdb_id)
            return TitleStanding(tmdb_id, row_id, ineligible.reasons(conn, medium, [tmdb_id]).get(tmdb_id))

    def overview(self) -> tuple[MediumStatus, ...]:
        """How far all media are and what came of asking the sources."""
        return status_of_media(self._database, utc_now())

    def failed_between(self, medium: Medium, since: datetime, until: datetime) -> list[Failure]:
        """Failures on record that last happened in that time."""
        with self._database.reading() as conn:
            return [each for each in failures.all_failures(conn, medium) if since <= each.last_failed_at <= until]

    def failures_of(self, medium: Medium, tmdb_ids: Collection[int]) -> list[Failure]:
        """The failures on record of these titles."""
        wanted = set(tmdb_ids)
        with self._database.reading() as conn:
            return [each for each in failures.all_failures(conn, medium) if each.tmdb_id in wanted]


def listed(failures: Collection[Failure]) -> list[TitleError]:
    """Failures as answers list them."""
    return [
        TitleError(
            tmdb_id=failure.tmdb_id,
            title=failure.title,
            stage=failure.stage,
            error=failure.last_error,
            attempts=failure.attempts,
            next_attempt_at=stamp(failure.next_attempt_at),
        )
        for failure in failures
    ]


def stamp(moment: datetime | None) -> str | None:
    """A time as the site writes it: `2025-01-31T06:00:00.000Z`."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
