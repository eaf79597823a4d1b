"""Dagster's event log in SQLite, kept open: what is logged is where Dagster itself would have it, at once."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import Queue

import dagster as dg
import pytest
from sqlalchemy.exc import DatabaseError

from ratingo_pipelines.dagster_instance.sqlite import SqliteEventLog
from ratingo_pipelines.home import shipped

KEY = dg.AssetKey(["shows", "details"])
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as the project's dagster.yaml describes it."""
    shutil.copyfile(shipped("dagster.yaml"), tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def dagsters_own(instance: dg.DagsterInstance, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """The same files, seen through Dagster's own storage."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as other:
        yield other


def _run(instance: dg.DagsterInstance, *partitions: str, watching: dg.DagsterInstance | None = None) -> str:
    seen = []

    @dg.op
    def log(context: dg.OpExecutionContext) -> None:
        for partition in partitions:
            context.log_event(dg.AssetMaterialization(KEY, partition=partition))
            if watching:
                seen.append(watching.get_materialized_partitions(KEY))

    @dg.job
    def logs() -> None:
        log()

    result = logs.execute_in_process(instance=instance, run_config=QUIET)
    if watching:
        assert seen == [set(partitions[: place + 1]) for place in range(len(partitions))]
    return result.run_id


def _logged(instance: dg.DagsterInstance, run_id: str) -> list[str | None]:
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return [event.get_dagster_event().partition for event in events]


def test_the_projects_instance_uses_it(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, SqliteEventLog)


def test_each_event_is_seen_by_others_as_soon_as_it_is_logged(
    instance: dg.DagsterInstance, dagsters_own: dg.DagsterInstance
) -> None:
    run_id = _run(instance, "1", "2", "3", watching=dagsters_own)
    assert _logged(dagsters_own, run_id) == _logged(instance, run_id) == ["1", "2", "3"]


def test_runs_after_each_other_keep_their_events_apart(
    instance: dg.DagsterInstance, dagsters_own: dg.DagsterInstance
) -> None:
    first, second = _run(instance, "1", "2"), _run(instance, "3")
    for each in (instance, dagsters_own):
        assert _logged(each, first) == ["1", "2"]
        assert _logged(each, second) == ["3"]


def test_what_others_log_meanwhile_is_seen(instance: dg.DagsterInstance, dagsters_own: dg.DagsterInstance) -> None:
    _run(instance, "1")
    run_id = _run(dagsters_own, "2")
    assert _logged(instance, run_id) == ["2"]
    assert instance.get_materialized_partitions(KEY) == {"1", "2"}


def test_a_deleted_run_is_gone_and_others_can_still_be_logged(instance: dg.DagsterInstance) -> None:
    first = _run(instance, "1")
    instance.delete_run(first)
    assert _logged(instance, first) == []
    assert _logged(instance, _run(instance, "2")) == ["2"]


def test_the_log_of_a_new_run_is_the_database_that_dagster_makes(
    instance: dg.DagsterInstance, dagsters_own: dg.DagsterInstance, tmp_path: Path
) -> None:
    logs = tmp_path / "history" / "runs"
    ours, theirs = (_contents(logs / f"{_run(each, 'a')}.db") for each in (instance, dagsters_own))

    assert ours == theirs
    assert [path.name for path in logs.iterdir() if path.suffix == ".new"] == []


@pytest.mark.parametrize("watcher", ["instance", "dagsters_own"])
def test_who_follows_a_run_hears_of_each_event_while_it_goes_on(
    instance: dg.DagsterInstance, watcher: str, request: pytest.FixtureRequest
) -> None:
    followed: dg.DagsterInstance = request.getfixturevalue(watcher)
    heard: Queue[str | None] = Queue()

    def hear(event: dg.EventLogEntry, _: str) -> None:
        if event.is_dagster_event and event.get_dagster_event().is_step_materialization:
            heard.put(event.get_dagster_event().partition)

    @dg.op
    def log(context: dg.OpExecutionContext) -> None:
        followed.watch_event_logs(context.run_id, None, hear)
        for partition in ("1", "2", "3"):
            context.log_event(dg.AssetMaterialization(KEY, partition=partition))
            # Before the next one is logged: the page of a run is live, not complete at its end.
            assert heard.get(timeout=30) == partition

    @dg.job
    def logs() -> None:
        log()

    assert logs.execute_in_process(instance=instance, run_config=QUIET).success


@pytest.mark.parametrize("from_byte", [0, 4096], ids=["whole", "later pages"])
def test_the_log_of_a_run_that_is_damaged_is_set_aside_and_begins_anew(
    instance: dg.DagsterInstance, tmp_path: Path, from_byte: int, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, other = _run(instance, "1"), _run(instance, "2")
    path = tmp_path / "history" / "runs" / f"{damaged}.db"
    content = path.read_bytes()
    path.write_bytes(content[:from_byte] + b"\xff" * (len(content) - from_byte))

    with pytest.raises(DatabaseError):
        instance.all_logs(damaged)
    instance.report_run_failed(_known(instance, damaged), "its worker is gone")

    [end] = instance.all_logs(damaged)
    assert "its worker is gone" in str(end.message)
    assert path.with_name(f"{path.name}.damaged").exists()
    assert damaged in _storage(instance).get_all_run_ids()
    [line] = [record.getMessage() for record in caplog.records if record.name == "ratingo.dagster"]
    assert str(path) in line
    assert "\n" not in line
    # What it held of assets is in the index, and other runs' logs are theirs.
    assert instance.get_materialized_partitions(KEY) == {"1", "2"}
    assert _logged(instance, other) == ["2"]


def test_a_log_that_another_process_began_anew_already_stays(
    instance: dg.DagsterInstance, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = _run(instance, "1")
    cause = sqlite3.DatabaseError("database disk image is malformed")
    cause.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    with pytest.raises(DatabaseError), _storage(instance).run_connection(run_id):
        raise DatabaseError("SELECT", {}, cause)

    assert _logged(instance, run_id) == ["1"]
    assert list(tmp_path.rglob("*.damaged")) == []
    assert caplog.messages == []


def _storage(instance: dg.DagsterInstance) -> SqliteEventLog:
    assert isinstance(instance.event_log_storage, SqliteEventLog)
    return instance.event_log_storage


def _known(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def _contents(path: Path) -> tuple[object, ...]:
    """What a database is made of, and how it is written."""
    with closing(sqlite3.connect(path)) as conn:
        schema = conn.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        return (
            schema,
            conn.execute("SELECT * FROM alembic_version").fetchall(),
            conn.execute("PRAGMA journal_mode").fetchall(),
        )
