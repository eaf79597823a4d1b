"""Materializations stored together are what they are one by one, on both of Dagster's storages."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ratingo_pipelines.dagster_instance.together import stored_together
from ratingo_pipelines.home import shipped

DETAILS, RATINGS = dg.AssetKey(["shows", "details"]), dg.AssetKey(["shows", "ratings"])
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
ROOT = Path(__file__).parents[2]
Log = Callable[[dg.OpExecutionContext], None]


@pytest.fixture(params=["sqlite", "postgresql"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance of each of the two files that the project has."""
    source = shipped("dagster.yaml")
    if request.param == "postgresql":
        source = ROOT / "deploy" / "dagster.yaml"
        monkeypatch.setenv("DAGSTER_DATABASE_URL", request.getfixturevalue("postgres_url")(migrated=False))
    shutil.copyfile(source, tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def _run(instance: dg.DagsterInstance, log: Log, succeeds: bool = True) -> str:
    @dg.op
    def logging_op(context: dg.OpExecutionContext) -> None:
        log(context)

    @dg.job
    def logging_job() -> None:
        logging_op()

    result = logging_job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
    assert result.success is succeeds
    return result.run_id


def _tell(context: dg.OpExecutionContext, partitions: str) -> None:
    for partition in partitions:
        for key in (DETAILS, RATINGS):
            metadata: dict[str, Any] = {"title": partition, "rows written": 3}
            tags = {"dagster/data_version": partition}
            context.log_event(dg.AssetMaterialization(key, partition=partition, metadata=metadata, tags=tags))


def _one_by_one(context: dg.OpExecutionContext) -> None:
    _tell(context, "abc")


def _together(context: dg.OpExecutionContext) -> None:
    with stored_together(context.instance):
        _tell(context, "abc")


def _seen(instance: dg.DagsterInstance, run_id: str) -> dict[str, Any]:
    """All that Dagster tells of the materializations of a run and of the assets, but for times and ids."""
    logged = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    seen: dict[str, Any] = {"log": [(e.step_key, e.get_dagster_event().message) for e in logged]}
    for key in (DETAILS, RATINGS):
        records = instance.fetch_materializations(key, limit=10).records
        [asset] = instance.get_asset_records([key])
        last = asset.asset_entry.last_materialization_record
        assert last is not None
        assert last.storage_id == records[0].storage_id
        seen[key.to_user_string()] = {
            "index": [(r.partition_key, r.run_id == run_id, r.asset_materialization) for r in records],
            "last": last.asset_materialization,
            "last run": asset.asset_entry.last_run_id == run_id,
            "partitions": instance.get_materialized_partitions(key),
            "latest": sorted(
                instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
            ),
            "tags": sorted(tag for tags in instance.get_event_tags_for_asset(key) for tag in tags.items()),
        }
    return seen


def test_what_is_stored_together_reads_as_what_is_stored_one_by_one(instance: dg.DagsterInstance) -> None:
    one_by_one = _seen(instance, _run(instance, _one_by_one))
    for key in (DETAILS, RATINGS):
        instance.wipe_assets([key])

    together = _seen(instance, _run(instance, _together))

    assert together == one_by_one
    assert len(together["log"]) == 6


def test_nothing_is_seen_before_the_end_of_the_block_and_all_of_it_afterwards(instance: dg.DagsterInstance) -> None:
    seen = []

    def log(context: dg.OpExecutionContext) -> None:
        with stored_together(instance):
            _tell(context, "ab")
            seen.append(instance.get_materialized_partitions(DETAILS))
        seen.append(instance.get_materialized_partitions(DETAILS))
        _tell(context, "c")
        seen.append(instance.get_materialized_partitions(DETAILS))

    _run(instance, log)

    assert seen == [set(), {"a", "b"}, {"a", "b", "c"}]


def test_other_events_are_not_held_back(instance: dg.DagsterInstance) -> None:
    said: list[str] = []

    def log(context: dg.OpExecutionContext) -> None:
        with stored_together(instance):
            context.log.info("half of it")
            said.extend(event.user_message for event in instance.all_logs(context.run_id))

    _run(instance, log)

    assert "half of it" in said


def test_what_was_logged_before_an_error_is_stored(instance: dg.DagsterInstance) -> None:
    def log(context: dg.OpExecutionContext) -> None:
        with stored_together(instance):
            _tell(context, "a")
            raise ValueError("the second title")

    _run(instance, log, succeeds=False)

    assert instance.get_materialized_partitions(DETAILS) == {"a"}


def test_a_storage_that_is_not_ours_stores_each_at_once() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = _run(instance, _together)

        assert len(_seen(instance, run_id)["log"]) == 6
