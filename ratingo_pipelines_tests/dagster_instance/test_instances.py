"""The two dagster.yaml files: the embedded one needs nothing, production's keeps everything in PostgreSQL."""

import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from ratingo_pipelines.definitions import defs
from ratingo_pipelines.home import shipped
from ratingo_pipelines.storage.errors import StorageError

DEPLOY = Path(__file__).parents[2] / "deploy" / "dagster.yaml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def policies_of(instance: dg.DagsterInstance) -> dict[str, object]:
    return {
        "pools": instance.get_concurrency_config().pool_config.default_pool_limit,
        "freshness": instance.freshness_enabled,
        "monitoring": instance.run_monitoring_enabled,
        "max runtime": instance.run_monitoring_max_runtime_seconds,
        "telemetry": instance.telemetry_enabled,
        "queue": type(instance.run_coordinator).__name__,
    }


def test_both_instances_follow_the_same_policies(
    home: Path, postgres_url: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_DATABASE_URL", postgres_url(migrated=False))
    found = []
    for number, source in enumerate((shipped("dagster.yaml"), DEPLOY)):
        folder = home / str(number)
        folder.mkdir()
        shutil.copyfile(source, folder / "dagster.yaml")
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            found.append(policies_of(instance))

    assert found[0] == found[1]
    assert found[0] == {
        "pools": 1,
        "freshness": True,
        "monitoring": True,
        "max runtime": 900,
        "telemetry": False,
        "queue": "AttributingRunCoordinator",
    }


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_productions_instance_keeps_runs_and_partitions_in_postgresql(
    scheme: str, home: Path, postgres_url: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_url(migrated=False)
    monkeypatch.setenv("DAGSTER_DATABASE_URL", f"{scheme}://{url.partition('://')[2]}")
    shutil.copyfile(DEPLOY, home / "dagster.yaml")

    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("shows", ["1396"])
        ref = instance.get_ref()
    # Run workers are handed the reference, not the folder.
    with dg.DagsterInstance.from_ref(ref) as again:
        run = again.create_run_for_job(defs.resolve_job_def("shows_sync"))
        assert again.get_dynamic_partitions("shows") == ["1396"]
        assert again.get_run_by_id(run.run_id) is not None
        assert not again.get_ticks("none", "none")
    assert {path.name for path in home.iterdir()} <= {"dagster.yaml", "storage", "history", "schedules", ".nux"}
    assert not list(home.rglob("*.db"))


@pytest.mark.parametrize("password", ["pq7@zz8", "@", "pq7@zz8/w", "pq7@zz8?x=y", "pq7@zz8@kk9", "pq7%40@zz8"])
def test_a_password_with_an_unencoded_at_is_refused_in_a_line_that_names_the_variable_and_shows_nothing(
    password: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_DATABASE_URL", f"postgresql://someone:{password}@db.invalid:5432/dagster")
    shutil.copyfile(DEPLOY, home / "dagster.yaml")

    with pytest.raises(StorageError) as refusal, dg.DagsterInstance.from_config(str(home)):
        pass

    assert str(refusal.value).startswith("DAGSTER_DATABASE_URL cannot be read: ")
    assert "%40" in str(refusal.value)
    said = "".join(traceback.format_exception(refusal.value)).replace("%40", "").replace("as @", "")
    assert not [part for part in (*password.split("@"), "someone", "db.invalid") if len(part) > 1 and part in said]
