"""The asset of IMDb's dataset."""

import pytest

from ratingo_pipelines_tests.defs.conftest import Installation


def test_a_run_of_its_job_brings_the_ratings_of_all_titles_to_the_datasets(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMDB_DATASET", "on")
    assert installed.run("shows_trending").success
    assert installed.run("shows_sync").success
    installed.sandbox.control("epoch", {"advance": 1})

    result = installed.run("imdb_backfill")

    assert result.success
    [said] = installed.last("imdb", "ratings")
    assert said["updated"] > 0
    assert said["dagster/row_count"] >= said["updated"]
    assert [stage["stage"] for stage in said["report"]["stages"]] == ["imdb", "imdb"]


def test_a_file_that_is_cut_fails_the_run_with_one_line(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMDB_DATASET", "on")
    installed.sandbox.faults({"kind": "malformed", "api": "imdb"})

    result = installed.run("imdb_backfill")

    [failed] = [event for event in result.all_node_events if event.is_step_failure]
    said = failed.step_failure_data.user_failure_data
    assert said is not None
    assert "nothing was changed" in (said.description or "")
