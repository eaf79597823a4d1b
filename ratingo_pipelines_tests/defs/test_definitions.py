"""What Dagster is given loads without keys, and is named, described and switched as promised."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from time import time
from typing import Any

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from ratingo_pipelines.definitions import defs
from ratingo_pipelines.defs.jobs import JOBS
from ratingo_pipelines.defs.policies import seconds_allowed, with_freshness
from ratingo_pipelines.defs.schedules import SCHEDULED, schedules
from ratingo_pipelines.defs.sensors import sensors
from ratingo_pipelines.defs.trigger_auth import TriggerAuth
from ratingo_pipelines.settings import Settings

REPOSITORY = defs.get_repository_def()
NODES: list[Any] = [REPOSITORY.asset_graph.get(key) for key in sorted(REPOSITORY.asset_graph.get_all_asset_keys())]
PROMISED = {
    *("shows_trending", "shows_sync", "shows_full_sync", "shows_omdb_backfill", "shows_meta_backfill"),
    *("shows_calendar_sync", "shows_calendar_prune"),
    *("movies_trending", "movies_sync", "movies_full_sync", "movies_omdb_backfill", "movies_meta_backfill"),
    *("shows_changes_backfill", "movies_changes_backfill"),
    *("shows_title", "movies_title", "imdb_backfill"),
}


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def test_the_code_location_loads_without_any_key(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-m", "ratingo_pipelines.definitions"],
        cwd=tmp_path,
        env={name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "All code locations passed validation" in ended.stderr + ended.stdout


def test_jobs_are_named_as_people_say_them() -> None:
    names = {job.name for job in REPOSITORY.get_all_jobs()}

    assert names >= PROMISED
    assert {*SCHEDULED} <= names


@pytest.mark.parametrize("name", sorted(job.name for job in JOBS))
def test_every_job_can_be_launched_with_its_default_config_but_those_over_one_title(name: str) -> None:
    job = defs.resolve_job_def(name)

    assert job.description
    if name.endswith("_title"):
        with pytest.raises(dg.DagsterInvalidConfigError, match="tmdb_id"):
            dg.validate_run_config(job, {})
        return
    assert dg.validate_run_config(job, {}) is not None


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.key.to_user_string())
def test_every_asset_has_an_owner_a_group_a_kind_and_a_description(node: Any) -> None:
    assert node.owners == ["team:ratingo"]
    assert node.group_name in {"shows", "movies", "months", "calendar", "imdb"}
    assert node.kinds
    assert node.description


def test_every_asset_of_the_design_is_there() -> None:
    per_medium = ("trending", "watched_monthly", "details", "ratings", "sparklines", "omdb", "sync_report")
    expected = {f"{medium}/{name}" for medium in ("shows", "movies") for name in per_medium}

    alone = {"shows/airings", "shows/stale_airings", "imdb/ratings"}
    assert {node.key.to_user_string() for node in NODES} == expected | alone


@pytest.mark.parametrize(
    ("job", "pools"),
    [
        ("shows_sync", {"shows"}),
        ("movies_sync", {"movies"}),
        ("shows_trending", {"shows"}),
        ("shows_full_sync", {"shows"}),
        ("shows_omdb_backfill", {"shows"}),
        ("shows_meta_backfill", {"shows"}),
        ("shows_retry", {"shows"}),
        ("shows_partitions_prune", {"shows"}),
        ("shows_checks", set()),
    ],
)
def test_one_sync_a_medium_runs_at_a_time_by_its_pool(job: str, pools: set[str]) -> None:
    nodes = defs.resolve_job_def(job).all_node_defs

    assert {pool for node in nodes if isinstance(node, dg.OpDefinition) for pool in node.pools} == pools


def test_cycles_go_before_retries_and_retries_before_backfills() -> None:
    def priority(name: str) -> int:
        return int(defs.resolve_job_def(name).tags["dagster/priority"])

    assert priority("shows_trending") == priority("shows_sync") > priority("shows_retry") > 0
    assert priority("shows_omdb_backfill") < 0


def test_the_schedules_are_the_sites_in_utc_and_run_by_default() -> None:
    found = {schedule.name: schedule for schedule in schedules(settings())}

    assert {name.removesuffix("_schedule"): schedule.cron_schedule for name, schedule in found.items()} == {
        "shows_trending": "0 */6 * * *",
        "shows_omdb_backfill": "10 */6 * * *",
        "shows_meta_backfill": "15 */6 * * *",
        "shows_changes_backfill": "45 3 * * *",
        "shows_calendar_sync": "20 */6 * * *",
        "shows_calendar_prune": "25 */6 * * *",
        "shows_partitions_prune": "30 3 * * *",
        "movies_trending": "0 2 * * *",
        "movies_omdb_backfill": "10 2 * * *",
        "movies_meta_backfill": "15 2 * * *",
        "movies_changes_backfill": "50 3 * * *",
        "movies_partitions_prune": "35 3 * * *",
        "imdb_backfill": "40 5 * * *",
    }
    assert {schedule.execution_timezone for schedule in found.values()} == {"UTC"}
    stopped = {name for name, each in found.items() if each.default_status is dg.DefaultScheduleStatus.STOPPED}
    assert stopped == {"imdb_backfill_schedule"}, "what asks for a dataset that is off"
    on = {each.name: each for each in schedules(settings(imdb_dataset="on"))}
    assert on["imdb_backfill_schedule"].default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_schedule_is_moved_and_switched_off_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOWS_TRENDING_CRON", "30 1-23/2 * * 1-5")
    monkeypatch.setenv("MOVIES_TRENDING_CRON", "off")

    found = {schedule.job_name: schedule for schedule in schedules(settings())}

    assert found["shows_trending"].cron_schedule == "30 1-23/2 * * 1-5"
    assert found["shows_trending"].default_status is dg.DefaultScheduleStatus.RUNNING
    # Switched on in the UI, it runs at its usual time.
    assert found["movies_trending"].cron_schedule == "0 2 * * *"
    assert found["movies_trending"].default_status is dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(
    "text", ["hourly", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "*/0 * * * *", "@daily"]
)
def test_a_time_that_is_none_is_refused_when_settings_are_read(text: str) -> None:
    with pytest.raises(ValueError, match="must be minute, hour, day"):
        settings(shows_trending_cron=text)


def computed_by_dagster(cron: str) -> bool:
    """Whether Dagster's scheduler can say when a schedule comes next, which it must at each look."""
    try:
        # The definition's own check lets through what the scheduler then cannot compute.
        dg.ScheduleDefinition(job_name="job", cron_schedule=cron)
        next(schedule_execution_time_iterator(time(), cron, "UTC"))
    except Exception:  # noqa: BLE001 - of whatever kind
        return False
    return True


def accepted(cron: str) -> bool:
    try:
        settings(shows_trending_cron=cron)
    except ValueError:
        return False
    return True


FIELDS = {
    "minute": ["*", "0", "*/7", "3,59", "5-1", "60"],
    "hour": ["*", "*/6", "1-23/2"],
    "day": ["*", "31", "30", "29", "1-7", "31,30"],
    "month": ["*", "2", "4,6,9,11", "1-12/5", "13"],
    "weekday": ["*", "1", "0,7", "8"],
}


@pytest.mark.parametrize("seed", range(6))
def test_times_are_accepted_exactly_when_dagsters_scheduler_can_compute_them(seed: int) -> None:
    draw = Random(seed)  # noqa: S311 - the same ones each time
    crons = [" ".join(draw.choice(choices) for choices in FIELDS.values()) for _ in range(15)]
    crons += ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 4 1", "0 0 29 2 *"]

    assert {cron: accepted(cron) for cron in crons} == {cron: computed_by_dagster(cron) for cron in crons}


def running(given: Settings) -> set[str]:
    found = sensors(given, JOBS)
    return {sensor.name for sensor in found if sensor.default_status is dg.DefaultSensorStatus.RUNNING}


def test_sensors_run_by_default_but_for_the_alert_that_has_nowhere_to_go() -> None:
    assert running(settings()) == {
        *("shows_cycle", "shows_retries", "shows_after_sync"),
        *("movies_cycle", "movies_retries", "movies_after_sync"),
    }


def test_a_webhook_switches_the_alert_on() -> None:
    assert "alerts" in running(settings(alert_webhook_url="https://example.org/hook"))


@pytest.mark.parametrize(("off", "left"), [("shows_cycle", 5), ("shows_cycle, movies_cycle", 4), ("all", 0)])
def test_sensors_are_switched_off_by_name(off: str, left: int) -> None:
    assert len(running(settings(sensors_off=off))) == left


def test_what_a_schedule_renews_is_expected_to_be_fresh() -> None:
    hours = {}
    for node in NODES:
        policy = node.freshness_policy
        if policy:
            hours[node.key.to_user_string()] = policy.fail_window.to_timedelta().total_seconds() / 3600

    renewed = ("trending", "sync_report", "airings", "stale_airings")
    assert hours == {**{f"shows/{name}": 8 for name in renewed}, "movies/trending": 26, "movies/sync_report": 26}


@pytest.mark.parametrize(
    ("cron", "hours"),
    [("0 2 * * *", 26), ("0 */6 * * *", 8), ("0 2 * * 1-5", 74), ("*/5 9-17 * * *", 17 + 1 / 12), ("0 0 1 * *", 746)],
)
def test_how_old_an_asset_may_become_follows_from_its_schedule(cron: str, hours: float) -> None:
    spec = with_freshness(settings(shows_trending_cron=cron), dg.AssetSpec(["shows", "trending"]))

    policy: Any = spec.freshness_policy
    assert policy.fail_window.to_timedelta() == timedelta(hours=hours)


def test_what_is_not_scheduled_never_grows_old() -> None:
    spec = with_freshness(settings(shows_trending_cron="off"), dg.AssetSpec(["shows", "trending"]))

    assert spec.freshness_policy is None


@pytest.mark.parametrize(
    ("titles", "limits", "seconds"),
    [
        (0, {}, 900),
        (100, {}, 1140),
        # Trakt's limit alone makes it 20 minutes.
        (1000, {}, 3300),
        (1000, {"trakt_rate_limit": "5000/300", "tmdb_rate_limit": "2/1"}, 1900),
    ],
)
def test_a_run_may_take_what_the_limits_make_it_take(titles: int, limits: dict[str, str], seconds: int) -> None:
    assert seconds_allowed(settings(**limits), titles) == seconds


def test_no_setting_is_a_literal_value_of_the_resource() -> None:
    resource = REPOSITORY.get_top_level_resources()["ratingo"]

    shape = resource.config_schema.config_type
    assert isinstance(shape, dg.Shape)
    assert shape.fields == {}


def test_the_secret_of_the_trigger_endpoints_is_a_resource_that_shows_its_variable_alone() -> None:
    secret = "k3y-0123456789abcdef0123456789abcdef"

    assert "trigger_auth" in REPOSITORY.get_top_level_resources()
    assert REPOSITORY.get_env_vars_by_top_level_resource()["CRON_SECRET"] == {"trigger_auth"}
    assert secret not in f"{TriggerAuth(secret=secret)!r} {TriggerAuth(secret=secret)}"
    assert TriggerAuth(secret=secret).checker().admits(secret)


@pytest.mark.parametrize("group", sorted({node.group_name for node in NODES}))
def test_each_group_can_be_materialized_and_backfilled_whole_from_its_dialog(group: str) -> None:
    """A backfill takes one kind of partitions for all its roots (`AssetBackfillData.from_asset_partitions`)."""
    keys = [node.key for node in NODES if node.group_name == group and node.is_executable]
    partitioned = [key for key in keys if REPOSITORY.asset_graph.get(key).partitions_def]
    if partitioned:
        roots = dg.AssetSelection.assets(*partitioned).roots().resolve(REPOSITORY.asset_graph)
        assert len({REPOSITORY.asset_graph.get(key).partitions_def for key in roots}) == 1
    else:
        assert keys
