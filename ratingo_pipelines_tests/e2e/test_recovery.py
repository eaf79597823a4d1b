"""Processes die, databases go away, titles never work: the cycle is finished all the same."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import dagster as dg
import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sources.http.api import RETRIES
from ratingo_pipelines_tests.e2e.proxy import Proxy
from ratingo_pipelines_tests.e2e.stack import Stack
from ratingo_pipelines_tests.installation import kill_process

pytestmark = pytest.mark.e2e

IN_FLIGHT = 16
"""Titles that one run has in work at a time: CONCURRENCY."""
AWAY_SECONDS = 30
SLOW = {"kind": "latency", "api": "tmdb", "ms": 1500}
DETAILS = dg.AssetKey(["shows", "details"])


def under_way(stack: Stack, done: int) -> dg.DagsterRun:
    """Start a cycle, and wait until a run has done so many of its titles, and not all."""
    before = stack.runs("shows_sync")
    stack.open_cycle()
    stack.until(lambda: len(stack.runs("shows_sync")) > len(before), 60, "the sensor starts a run")
    run = stack.runs("shows_sync")[0]
    stack.until(lambda: stack.run(run.run_id).status is dg.DagsterRunStatus.STARTED, 60, "the run starts")
    stack.until(lambda: stack.counts().done >= done and stack.counts().processing, 60, "some titles are done")
    return run


def test_a_killed_run_worker_loses_nothing_and_another_run_does_the_rest(stack: Stack) -> None:
    stack.sandbox.faults(SLOW)
    killed = under_way(stack, done=3)

    stack.services.kill_run_worker(killed.run_id)
    counts = stack.wait_for_cycle()

    assert (counts.done, counts.error) == (counts.total, 0)
    assert stack.run(killed.run_id).status is dg.DagsterRunStatus.FAILURE
    assert stack.runs_of_cycle() == 2
    # Of the titles, only those in work when the worker died are asked about again.
    assert len([url for url in stack.asked_twice() if url.startswith("/tv/")]) <= IN_FLIGHT
    stack.rest()
    assert stack.materialized(DETAILS) == {str(tmdb_id) for tmdb_id in stack.done_titles()}


def test_of_two_triggers_at_once_one_fetches_and_one_run_works_the_cycle_off(stack: Stack) -> None:
    before = stack.cycles()

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(stack.ui.launch, ["shows_trending"] * 2))
    ended = [stack.wait_for_run(run_id) for run_id in runs]
    counts = stack.wait_for_cycle()
    stack.rest()

    assert [run.status for run in ended] == [dg.DagsterRunStatus.SUCCESS] * 2
    assert stack.cycles() == before + 1
    assert counts.done == counts.total
    assert stack.runs_of_cycle() == 1
    assert [url for url in stack.asked_twice() if not url.startswith("/genre")] == []


def test_a_database_that_is_away_fails_the_run_with_its_reason_and_the_next_one_completes(
    stack: Stack, proxy: Proxy
) -> None:
    stack.sandbox.faults(SLOW)
    cut = under_way(stack, done=1)

    proxy.cut()
    away_since = monotonic()
    ended = stack.wait_for_run(cut.run_id)
    skipped = stack.next_skip("shows_cycle")
    sleep(max(0, away_since + AWAY_SECONDS - monotonic()))
    proxy.mend()
    counts = stack.wait_for_cycle()

    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert "127.0.0.1" in stack.failure(cut.run_id)
    assert "cannot be reached" in stack.failure(cut.run_id) or "lost" in stack.failure(cut.run_id)
    assert skipped.startswith("cannot look: ")
    assert (counts.done, counts.error) == (counts.total, 0)


def test_when_code_server_and_worker_die_the_run_is_ended_by_its_time_and_the_cycle_resumes(stack: Stack) -> None:
    stack.sandbox.faults(SLOW)
    orphaned = under_way(stack, done=1)

    worker = stack.services.worker_of(orphaned.run_id)
    stack.services.kill("code_server")
    kill_process(worker)
    stack.services.start("code_server")
    still = stack.run(orphaned.run_id).status
    ended = stack.wait_for_run(orphaned.run_id, 120)
    counts = stack.wait_for_cycle()

    assert still is dg.DagsterRunStatus.STARTED
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert "maximum runtime" in stack.failure(orphaned.run_id)
    assert (counts.done, counts.error) == (counts.total, 0)


def test_a_backfill_of_scattered_titles_ends_with_the_right_status_and_counts(stack: Stack) -> None:
    stack.open_cycle()
    stack.wait_for_cycle()
    stack.rest()
    keys = stack.instance.get_dynamic_partitions("shows")
    chosen, broken = [keys[1], keys[2], keys[3], keys[7]], keys[2]
    # As often as one attempt asks: the retry that follows by itself is to succeed, and leave nothing to the next test.
    stack.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [broken], "times": 1 + RETRIES})

    backfill = stack.ui.backfill([DETAILS], chosen, {"ops": {"shows_titles": {"config": {"force": True}}}})
    ended = stack.until(lambda: stack.ui.ended_backfill(backfill), 240, "the backfill ends")

    assert ended["status"] == "COMPLETED_FAILED"
    assert ended["assetBackfillData"]["assetBackfillStatuses"] == [
        {
            "numPartitionsTargeted": 4,
            "numPartitionsMaterialized": 3,
            "numPartitionsFailed": 1,
            "numPartitionsInProgress": 0,
        }
    ]


def test_a_title_that_never_works_is_given_up_and_the_others_are_done(stack: Stack) -> None:
    broken = stack.sandbox.truth(SHOWS, 30)[4]["tmdb"]
    stack.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [broken]})
    stack.open_cycle()

    counts = stack.wait_for_cycle()
    [failure] = stack.until(lambda: [each for each in stack.failures() if each.attempts >= 2], 90, "it is given up")
    stack.rest()

    assert (counts.done, counts.error) == (counts.total - 1, 1), stack.failures()
    assert (failure.tmdb_id, failure.stage) == (broken, "details")
    assert (failure.next_attempt_at - failure.last_failed_at).days == 7
    assert stack.ui.failed_partitions("shows", "details") == {str(broken)}
    assert "1 of them given up after 2 attempts and tried weekly" in stack.next_skip("shows_retries")

    # The next list names it again, and it is left alone.
    stack.sandbox.faults()
    stack.open_cycle()
    assert stack.wait_for_cycle().error == 1


def test_a_group_is_backfilled_whole_from_its_dialog(stack: Stack) -> None:
    stack.open_cycle()
    stack.wait_for_cycle()
    stack.rest()
    chosen = stack.instance.get_dynamic_partitions("shows")[1:3]
    group = [dg.AssetKey(["shows", name]) for name in ("trending", "details", "ratings", "sparklines", "omdb")]
    before = stack.cycles()

    backfill = stack.ui.backfill(group, chosen, {})
    ended = stack.until(lambda: stack.ui.ended_backfill(backfill), 240, "the backfill ends")

    assert ended["status"] == "COMPLETED_SUCCESS"
    assert stack.cycles() == before + 1
    stack.wait_for_cycle()
    stack.rest()
