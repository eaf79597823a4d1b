"""The whole stack: Dagster's services, their UI and the database behind them, and what comes of a cycle in it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import dagster as dg

from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.defs.runs import NOT_OVER, reason_of
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.failures import Failure, all_failures
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines_tests.e2e.services import Services
from ratingo_pipelines_tests.installation import Found, until, variables


class Stack:
    """One installation: `services` are its processes, `ui` is what people see of it."""

    def __init__(
        self,
        folder: Path,
        sandbox: RunningSandbox,
        database_url: str,
        settings: Mapping[str, object] | None = None,
        monitoring: Mapping[str, int] | None = None,
    ) -> None:
        self.sandbox = sandbox
        self.database = Database(database_url)
        given = {
            "DATABASE_URL": database_url,
            "TRENDING_LIMIT": 30,
            "SENSORS_OFF": "shows_after_sync,movies_after_sync",
            **(settings or {}),
        }
        self.services = Services(folder, variables(sandbox, folder / "ratingo", **given), monitoring or {})
        self.ui = self.services.ui
        self.instance = self.services.instance

    def stop(self) -> None:
        """End everything."""
        self.services.stop()
        self.database.dispose()

    def until(self, look: Callable[[], Found | None], seconds: float, what: str) -> Found:
        """What `look` finds once it finds anything; a failure shows what the services said."""
        return until(look, seconds, what, self.services.logs)

    def runs(self, job: str | None = None) -> list[dg.DagsterRun]:
        """All runs, or those of a job, the newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(job_name=job)))

    def run(self, run_id: str) -> dg.DagsterRun:
        """A run as it is now."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def wait_for_run(self, run_id: str, seconds: float = 90) -> dg.DagsterRun:
        """Wait for a run's end."""
        self.until(lambda: self.run(run_id).is_finished, seconds, f"run {run_id} ends")
        return self.run(run_id)

    def cycle(self, medium: Medium = SHOWS) -> Cycle | None:
        """The latest cycle."""
        with self.database.reading() as conn:
            return cycles.latest_cycle(conn, medium)

    def counts(self, medium: Medium = SHOWS) -> Counts:
        """How far the latest cycle is."""
        with self.database.reading() as conn:
            cycle = cycles.latest_cycle(conn, medium)
            return cycles.counts(conn, cycle.id, utc_now()) if cycle else Counts()

    def cycles(self, medium: Medium = SHOWS) -> int:
        """How many cycles there are."""
        with self.database.reading() as conn:
            found, cycle = 0, cycles.latest_cycle(conn, medium)
            while cycle is not None:
                found, cycle = found + 1, cycles.cycle_before(conn, cycle)
        return found

    def open_cycle(self, medium: Medium = SHOWS) -> None:
        """Start the trending job, and wait until it has opened a cycle."""
        before = self.cycles(medium)
        self.ui.launch(f"{medium}_trending")
        self.until(lambda: self.cycles(medium) > before, 90, "a cycle is opened")

    def wait_for_cycle(self, seconds: float = 120, medium: Medium = SHOWS) -> Counts:
        """Wait until a cycle is worked off."""
        self.until(lambda: is_worked_off(self.counts(medium)), seconds, f"the cycle of {medium} is worked off")
        return self.counts(medium)

    def rest(self) -> None:
        """Wait until no run is under way or queued."""
        self.until(lambda: not self.instance.get_runs(dg.RunsFilter(statuses=NOT_OVER)), 120, "all runs are over")

    def heal(self, medium: Medium = SHOWS) -> None:
        """Fetch the titles with a failure on record: later cycles leave alone what was given up."""
        failed = sorted({failure.tmdb_id for failure in self.failures(medium)})
        if failed:
            titles = {"ids": failed, "force": True}
            self.wait_for_run(self.ui.launch(f"{medium}_sync", {"ops": {f"{medium}_sync_titles": {"config": titles}}}))
        assert self.failures(medium) == []

    def runs_of_cycle(self, medium: Medium = SHOWS) -> int:
        """How many runs worked the latest cycle off."""
        cycle = self.cycle(medium)
        return len(self.instance.get_runs(dg.RunsFilter(tags={CYCLE_TAG: str(cycle.id)}))) if cycle else 0

    def done_titles(self, medium: Medium = SHOWS) -> set[int]:
        """The titles that are done in the latest cycle."""
        cycle = self.cycle(medium)
        with self.database.reading() as conn:
            return {place.tmdb_id for place in cycles.titles_of(conn, cycle.id, cycles.DONE)} if cycle else set()

    def failures(self, medium: Medium = SHOWS) -> list[Failure]:
        """The failures on record."""
        with self.database.reading() as conn:
            return all_failures(conn, medium)

    def failure(self, run_id: str) -> str:
        """Why a run failed, as it says itself."""
        return reason_of(self.instance, self.run(run_id)).text

    def materialized(self, asset: dg.AssetKey) -> set[str]:
        """The partitions that are materialized."""
        return self.instance.get_materialized_partitions(asset)

    def skipped(self, sensor: str, since: float) -> str | None:
        """Why a sensor skipped its latest tick, if it had one since then."""
        [state] = [state for state in self.instance.all_instigator_state() if state.instigator_name == sensor]
        ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        return ticks[0].skip_reason if ticks and ticks[0].timestamp >= since else None

    def next_skip(self, sensor: str) -> str:
        """Why a sensor skips its next tick."""
        now = utc_now().timestamp()
        return self.until(lambda: self.skipped(sensor, now), 60, f"{sensor} skips") or ""

    def asked_twice(self) -> dict[str, int]:
        """What was asked more than once of all APIs: URL -> times."""
        counters = self.sandbox.counters().values()
        return {url: times for api in counters for url, times in api["repeated"].items()}


def is_worked_off(counts: Counts) -> bool:
    """Whether there is a cycle and nothing is left of it."""
    return bool(counts.total) and not counts.pending and not counts.processing
