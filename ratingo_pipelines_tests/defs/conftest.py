"""An installation for tests of the Dagster shell: an instance, a database and the sandbox, in this process."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pytest

from ratingo_pipelines.definitions import defs
from ratingo_pipelines.defs.resources import RatingoResource
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import Settings, load_settings
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.sync.context import utc_now

LISTED = 8
"""So many titles a trending list has here, unless a test wants another number."""


@dataclass(frozen=True)
class Installation:
    """Everything of one installation; runs are real ones, in this process."""

    instance: dg.DagsterInstance
    database: Database
    sandbox: RunningSandbox

    @property
    def settings(self) -> Settings:
        """As the environment says now."""
        return load_settings()

    def run(
        self, job: str, config: dict[str, Any] | None = None, partition: int | None = None, **tags: str
    ) -> dg.ExecuteInProcessResult:
        """Run a job to its end."""
        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config={**(config or {}), "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            partition_key=None if partition is None else str(partition),
            tags={name.replace("__", "/"): value for name, value in tags.items()} or None,
            raise_on_error=False,
        )

    def over(
        self, keys: list[dg.AssetKey], first: int | str, last: int | str, config: dict[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Materialize a range of partitions in one run, as a backfill does."""
        job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(keys))
        return job.execute_in_process(
            instance=self.instance,
            run_config={**(config or {}), "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)},
            raise_on_error=False,
        )

    def one(self, keys: list[dg.AssetKey], partition: int, **tags: str) -> dg.ExecuteInProcessResult:
        """Materialize one partition, as the UI's dialog does."""
        job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(keys))
        return job.execute_in_process(
            instance=self.instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            partition_key=str(partition),
            tags={name.replace("__", "/"): value for name, value in tags.items()} or None,
            raise_on_error=False,
        )

    def sense(self, name: str, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
        """What a sensor decides now."""
        resources = {"ratingo": RatingoResource()}
        context = dg.build_sensor_context(instance=self.instance, cursor=cursor, resources=resources)
        answer = defs.resolve_sensor_def(name)(context)
        assert isinstance(answer, dg.SensorResult | dg.SkipReason)
        return answer

    def skipped(self, name: str) -> str:
        """Why a sensor launches nothing now."""
        answer = self.sense(name)
        assert isinstance(answer, dg.SkipReason), answer
        return answer.skip_message or ""

    def requested(self, name: str) -> list[dg.RunRequest]:
        """The runs a sensor asks for now."""
        answer = self.sense(name)
        assert isinstance(answer, dg.SensorResult), answer
        return list(answer.run_requests or [])

    def carry_out(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Run what a sensor asked for, as the daemon would."""
        return defs.resolve_job_def(request.job_name or "").execute_in_process(
            instance=self.instance,
            run_config={**request.run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            partition_key=request.partition_key,
            tags=dict(request.tags),
            raise_on_error=False,
        )

    def partitions(self, medium: Medium = SHOWS) -> list[int]:
        """The titles that have a partition, in their order."""
        return [int(key) for key in self.instance.get_dynamic_partitions(medium.plural)]

    def materialized(self, *path: str) -> dict[int, dict[str, Any]]:
        """The partitions of an asset that are materialized, with the metadata of the last time."""
        found: dict[int, dict[str, Any]] = {}
        for record in self.instance.fetch_materializations(dg.AssetKey(path), limit=1000).records:
            event = record.asset_materialization
            assert event is not None
            if event.partition is not None:
                found.setdefault(int(event.partition), {name: value.value for name, value in event.metadata.items()})
        return found

    def reports(self, medium: Medium = SHOWS) -> list[dict[str, Any]]:
        """The metadata of every `sync_report`, the latest first."""
        return self.last(medium.plural, "sync_report", limit=1000)

    def last(self, *path: str, limit: int = 1) -> list[dict[str, Any]]:
        """The metadata of an unpartitioned asset's last materializations."""
        records = self.instance.fetch_materializations(dg.AssetKey(path), limit=limit).records
        return [
            {name: value.value for name, value in record.asset_materialization.metadata.items()}
            for record in records
            if record.asset_materialization
        ]

    def counts(self, medium: Medium = SHOWS) -> cycles.Counts:
        """How far the latest cycle is."""
        with self.database.reading() as conn:
            cycle = cycles.latest_cycle(conn, medium)
            return cycles.counts(conn, cycle.id, utc_now()) if cycle else cycles.Counts()

    def asked(self, api: str) -> int:
        """How many requests an API got since the sandbox was reset."""
        counters = self.sandbox.counters()
        return int(counters[api]["requests"]) if api in counters else 0


class ToldFailure(NamedTuple):
    """What a failing step told people: one line, and numbers and tables beside it."""

    description: str
    metadata: Mapping[str, Any]


def failure_of(result: dg.ExecuteInProcessResult) -> ToldFailure:
    """What the failing step said."""
    [event] = [event for event in result.all_events if event.is_step_failure]
    told = event.step_failure_data.user_failure_data
    assert told is not None
    assert told.description
    return ToldFailure(told.description, {name: value.value for name, value in told.metadata.items()})


@pytest.fixture
def installed(
    sandbox: RunningSandbox,
    sqlite_url: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick_pauses: None,
) -> Iterator[Installation]:
    """An installation on SQLite with a list of 8 titles; what is configured is in this process's environment."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    url = sqlite_url()
    # Trakt's list or none, unless a test wants otherwise.
    given = {
        **sandbox.environment(),
        "TRENDING_SOURCE": "trakt",
        "DATABASE_URL": url,
        "TRENDING_LIMIT": str(LISTED),
        "HTTP_CACHE": "false",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    database = Database(url)
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Installation(instance, database, sandbox)
    database.dispose()
