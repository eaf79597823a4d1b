"""Titles that no list has named for long lose their partition, and nothing else."""

from datetime import datetime, timedelta

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import func, select, update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage.pipeline_tables import asked, cycles
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines_tests.defs.conftest import LISTED, Installation


def age(installed: Installation, cycle_id: int, **duration: float) -> None:
    """Make a cycle as old as that, its snapshots, and what was asked about its titles."""
    moment: datetime = utc_now() - timedelta(**duration)
    snapshots = tables_of(SHOWS).snapshots
    began = select(cycles.c.cycle_at).where(cycles.c.id == cycle_id).scalar_subquery()
    with installed.database.writing() as conn:
        conn.execute(update(snapshots).where(snapshots.c.created_at == began).values(created_at=moment))
        conn.execute(update(cycles).where(cycles.c.id == cycle_id).values(cycle_at=moment))
        conn.execute(update(asked).values(asked_at=moment))


@pytest.fixture
def aged(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Two cycles: one of half a year and a day ago, and one of now that names only half of its titles."""
    installed.run("shows_trending")
    installed.run("shows_sync")
    age(installed, 1, days=181)
    monkeypatch.setenv("TRENDING_LIMIT", str(LISTED // 2))
    installed.run("shows_trending")
    installed.run("shows_sync")
    return installed


def tag_summary(installed: Installation, result: dg.ExecuteInProcessResult) -> str:
    run = installed.instance.get_run_by_id(result.run_id)
    assert run is not None
    return run.tags["ratingo/headline"]


def test_titles_unnamed_for_long_lose_their_partition_and_keep_their_rows(aged: Installation) -> None:
    before = aged.partitions()

    result = aged.run("shows_partitions_prune")

    assert result.success
    assert aged.partitions() == before[: LISTED // 2]
    assert f"{LISTED // 2} of {LISTED} partitions removed" in tag_summary(aged, result)
    with aged.database.reading() as conn:
        rows = select(func.count()).select_from(tables_of(SHOWS).snapshots)
        assert conn.execute(rows).scalar_one() == LISTED + LISTED // 2
    assert before[-1] in aged.materialized("shows", "details")


def test_a_title_comes_back_with_its_next_list(aged: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    before = aged.partitions()
    aged.run("shows_partitions_prune")

    monkeypatch.setenv("TRENDING_LIMIT", str(LISTED))
    aged.run("shows_trending")

    assert sorted(aged.partitions()) == sorted(before)


def test_half_a_year_is_a_setting(aged: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITION_KEEP_DAYS", "182")

    assert "do not reach back to" in tag_summary(aged, aged.run("shows_partitions_prune"))
    assert len(aged.partitions()) == LISTED


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
@pytest.mark.parametrize(
    ("job", "assets"),
    [("shows_sync", None), ("__ASSET_JOB", frozenset({dg.AssetKey(["shows", "details"])})), ("__ASSET_JOB", None)],
)
def test_while_a_run_over_the_medium_is_queued_or_under_way_nothing_is_removed(
    aged: Installation, job: str, assets: frozenset[dg.AssetKey] | None, status: dg.DagsterRunStatus
) -> None:
    create_run_for_test(aged.instance, job_name=job, status=status, asset_selection=assets)

    result = aged.run("shows_partitions_prune")

    assert tag_summary(aged, result).startswith("nothing removed, next time: ")
    assert len(aged.partitions()) == LISTED


def test_the_other_mediums_runs_are_no_hindrance(aged: Installation) -> None:
    create_run_for_test(aged.instance, job_name="movies_sync", status=dg.DagsterRunStatus.STARTED)

    aged.run("shows_partitions_prune")

    assert len(aged.partitions()) == LISTED // 2
