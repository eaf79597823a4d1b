"""Sensors on a real instance: what they ask for is run, and they look again."""

from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import update

from ratingo_pipelines.defs.facts import cycle_facts
from ratingo_pipelines.defs.partitions import key
from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import cycles, failures
from ratingo_pipelines.storage.pipeline_tables import attempts
from ratingo_pipelines.storage.pipeline_tables import failures as failures_table
from ratingo_pipelines.sync.checks import CHECKS
from ratingo_pipelines.sync.context import open_sync_context, utc_now
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines_tests.defs.conftest import LISTED, Installation, failure_of
from ratingo_pipelines_tests.storage.examples import PATIENCE

MINUTE = timedelta(minutes=1)


def claim_all(installed: Installation, run_id: str) -> int:
    """Claim what is pending, as a run does that then dies without a word."""
    with installed.database.writing() as conn:
        cycle = cycles.latest_cycle(conn, SHOWS)
        assert cycle is not None
        return len(cycles.claim(conn, cycle.id, run_id, utc_now() + MINUTE, utc_now()))


def run_in(
    installed: Installation, status: dg.DagsterRunStatus, job: str = "shows_sync", cycle: int | None = None, **tags: str
) -> str:
    """A run of which the instance knows no more than this."""
    named = {name.replace("__", "/"): value for name, value in tags.items()}
    named |= {} if cycle is None else {CYCLE_TAG: str(cycle)}
    run: dg.DagsterRun = create_run_for_test(installed.instance, job_name=job, status=status, tags=named)
    return run.run_id


def failing(installed: Installation, *tmdb_ids: int) -> None:
    """Have these titles fail for good, until the sandbox is told otherwise."""
    installed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": list(tmdb_ids)})


def all_are_due(installed: Installation) -> None:
    """As if the time had come to try again what failed: nobody waits for a clock, nor is at the mercy of one."""
    with installed.database.writing() as conn:
        assert conn.execute(update(failures_table).values(next_attempt_at=utc_now())).rowcount


# A cycle


def test_without_a_cycle_there_is_nothing_to_do(installed: Installation) -> None:
    assert installed.skipped("shows_cycle").startswith("no shows cycle yet: start shows_trending")


def test_a_new_cycle_gets_one_run_and_is_then_worked_off(installed: Installation) -> None:
    installed.run("shows_trending")

    [request] = installed.requested("shows_cycle")
    assert (request.job_name, request.run_key) == ("shows_sync", "shows:runs:1:0")
    assert installed.carry_out(request).success

    assert installed.skipped("shows_cycle") == f"cycle 1 is worked off: {LISTED} done, 0 failed of {LISTED}"


def test_a_deleted_run_makes_no_key_come_again_that_is_still_known(installed: Installation) -> None:
    installed.run("shows_trending")
    ended = [
        run_in(installed, dg.DagsterRunStatus.SUCCESS, cycle=1, dagster__run_key=f"shows:runs:1:{number}")
        for number in range(3)
    ]
    installed.instance.delete_run(ended[0])

    facts = cycle_facts(installed.instance, installed.database, SHOWS, utc_now())

    assert facts.next_number == 3


@pytest.mark.parametrize("job", ["shows_sync", "shows_full_sync", "shows_trending"])
@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_while_a_run_sees_to_the_cycle_no_other_is_started(
    installed: Installation, job: str, status: dg.DagsterRunStatus
) -> None:
    installed.run("shows_trending")
    run_in(installed, status, job)

    said = "is queued" if status is dg.DagsterRunStatus.NOT_STARTED else "is under way"
    assert installed.skipped("shows_cycle") == f"{job} {said}; it sees to cycle 1"


def test_a_list_that_is_not_whole_fails_its_run_and_is_asked_for_again(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.sandbox.faults({"kind": "list", "api": "trakt", "endpoint": "/{medium}/trending", "keep": 2})

    failed = installed.run("shows_trending")

    assert not failed.success
    assert "the trending list of shows is short: 2 titles of 8 asked for" in failure_of(failed).description
    [unfinished] = installed.requested("shows_cycle")
    assert (unfinished.job_name, unfinished.run_key) == ("shows_sync", "shows:runs:1:0")
    installed.carry_out(unfinished)
    assert "asked for again at" in installed.skipped("shows_cycle")
    with installed.database.writing() as conn:
        conn.execute(update(attempts).values(asked_at=utc_now() - 16 * MINUTE))
    [request] = installed.requested("shows_cycle")
    assert (request.job_name, (request.run_key or "").rpartition(":")[0]) == ("shows_trending", "shows:fetch:2")
    installed.sandbox.faults()
    assert installed.carry_out(request).success
    assert [request.run_key for request in installed.requested("shows_cycle")] == ["shows:runs:2:0"]


def test_runs_of_the_other_medium_and_of_the_calendar_hold_nothing_up(installed: Installation) -> None:
    installed.run("shows_trending")
    run_in(installed, dg.DagsterRunStatus.STARTED, "movies_sync")
    run_in(installed, dg.DagsterRunStatus.STARTED, "shows_calendar_sync")

    assert len(installed.requested("shows_cycle")) == 1


def test_what_a_dead_run_holds_is_taken_over_at_once(installed: Installation) -> None:
    installed.run("shows_trending")
    dead = run_in(installed, dg.DagsterRunStatus.FAILURE)
    assert claim_all(installed, dead) == LISTED

    [request] = installed.requested("shows_cycle")
    assert installed.carry_out(request).success

    assert installed.counts().done == LISTED


def test_titles_that_a_dead_run_stored_and_did_not_report_are_materialized_by_the_next(installed: Installation) -> None:
    installed.run("shows_trending")
    run_in(installed, dg.DagsterRunStatus.FAILURE, cycle=1)
    with open_sync_context(installed.settings) as ctx:
        sync_pending(ctx, SHOWS, "unreported", limit=3)
    unreported = installed.partitions()[:3]
    assert installed.materialized("shows", "details") == {}

    installed.run("shows_sync")

    for part in ("details", "ratings", "sparklines"):
        found = installed.materialized("shows", part)
        assert sorted(found) == sorted(installed.partitions())
        notes = [tmdb_id for tmdb_id, facts in found.items() if "notes" in facts]
        assert sorted(notes) == sorted(unreported)


def test_what_somebody_else_holds_is_left_to_them(installed: Installation) -> None:
    installed.run("shows_trending")
    claim_all(installed, "cli-0123456789ab")

    assert installed.skipped("shows_cycle") == (
        f"{LISTED} titles of cycle 1 are being worked on outside of this cycle's runs"
    )


def test_a_refused_key_makes_the_sensor_pause(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.sandbox.faults({"kind": "revoked", "api": "tmdb"})
    [request] = installed.requested("shows_cycle")
    assert not installed.carry_out(request).success

    assert installed.skipped("shows_cycle").startswith("the last run of cycle 1 ended without storing a title")


def test_a_database_that_is_away_is_said_not_raised(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    for sensor in ("shows_cycle", "shows_retries"):
        assert installed.skipped(sensor).startswith("cannot look: PostgreSQL none at 127.0.0.1:1 cannot be reached")


# Retries


@pytest.fixture
def impatient(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation that gives up after two attempts."""
    monkeypatch.setenv("GIVE_UP_AFTER", "2")
    installed.run("shows_trending")
    return installed


def test_a_title_that_failed_is_retried_alone_and_given_up_visibly(impatient: Installation) -> None:
    dead = impatient.partitions()[3]
    failing(impatient, dead)
    impatient.run("shows_sync")

    all_are_due(impatient)
    [request] = impatient.requested("shows_retries")
    assert (request.job_name, request.partition_key) == ("shows_retry", str(dead))
    assert not impatient.carry_out(request).success

    assert impatient.counts().done == LISTED - 1
    assert dead not in impatient.materialized("shows", "details")
    assert "1 of them given up after 2 attempts and tried weekly" in impatient.skipped("shows_retries")
    # Nor does the next cycle try it.
    impatient.sandbox.reset()
    impatient.run("shows_trending")
    impatient.carry_out(impatient.requested("shows_cycle")[0])
    assert impatient.counts().error == 1
    assert f"{dead} " in impatient.last("shows", "trending")[0]["notes"]


def test_a_retry_that_succeeds_ends_the_matter(impatient: Installation) -> None:
    dead = impatient.partitions()[3]
    failing(impatient, dead)
    impatient.run("shows_sync")
    impatient.sandbox.faults()

    all_are_due(impatient)
    [request] = impatient.requested("shows_retries")
    assert impatient.carry_out(request).success

    assert impatient.skipped("shows_retries") == "no shows failed"
    assert impatient.counts().done == LISTED


def test_after_an_outage_all_are_retried_by_one_run(impatient: Installation) -> None:
    broken = impatient.partitions()[:6]
    failing(impatient, *broken)
    impatient.run("shows_sync")
    impatient.sandbox.faults()

    all_are_due(impatient)
    [request] = impatient.requested("shows_retries")
    assert request.job_name == "shows_sync"
    assert sorted(request.run_config["ops"]["shows_sync_titles"]["config"]["ids"]) == sorted(broken)
    assert impatient.carry_out(request).success

    assert impatient.counts().done == LISTED


def test_a_failure_at_omdb_is_retried_at_omdb(impatient: Installation) -> None:
    impatient.run("shows_sync")
    first = impatient.partitions()[0]
    with impatient.database.writing() as conn:
        failures.record(
            conn,
            SHOWS,
            first,
            "omdb",
            "down",
            utc_now() - timedelta(hours=1),
            spends_attempt=False,
            title=None,
            policy=PATIENCE,
        )

    [request] = impatient.requested("shows_retries")

    assert (request.job_name, request.partition_key) == ("shows_omdb_retry", str(first))
    assert impatient.carry_out(request).success
    assert impatient.skipped("shows_retries") == "no shows failed"


def test_retries_wait_for_the_ui_s_backfills(impatient: Installation) -> None:
    dead = impatient.partitions()[3]
    failing(impatient, dead)
    impatient.run("shows_sync")
    all_are_due(impatient)
    create_run_for_test(
        impatient.instance,
        job_name="__ASSET_JOB",
        status=dg.DagsterRunStatus.NOT_STARTED,
        asset_selection=frozenset({dg.AssetKey(["shows", "details"]), dg.AssetKey(["shows", "ratings"])}),
    )

    assert impatient.skipped("shows_retries") == "1 failure is due, after a run over details, ratings is queued"


# Checks


def test_the_checks_run_once_after_a_sync(installed: Installation) -> None:
    assert installed.skipped("shows_after_sync") == "no sync of shows has run yet"
    installed.run("shows_trending")
    synced = installed.run("shows_sync")

    answer = installed.sense("shows_after_sync")
    assert isinstance(answer, dg.SensorResult)
    [request] = answer.run_requests or []
    result = installed.run("shows_checks")

    assert request.run_key == f"shows:checks:{synced.run_id}"
    again = installed.sense("shows_after_sync", cursor=answer.cursor)
    assert isinstance(again, dg.SkipReason)
    assert again.skip_message == f"the checks ran after shows_sync ({synced.run_id}), the last sync"
    found = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert found == dict.fromkeys([check.name for check in CHECKS], True)


def test_the_checks_wait_for_the_end_of_a_sync(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")
    run_in(installed, dg.DagsterRunStatus.STARTED)

    assert installed.skipped("shows_after_sync") == "shows_sync is under way; the checks come after"


def test_a_check_that_fails_says_so_and_its_run_succeeds(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync", {"ops": {"shows_sync_titles": {"config": {"limit": 2}}}})
    with installed.database.writing() as conn:
        conn.exec_driver_sql("UPDATE shows SET trending_score = 101")

    result = installed.run("shows_checks")

    assert result.success
    [failed] = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert failed.asset_key == dg.AssetKey(["shows", "sync_report"])
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    assert "start shows_sync with these ids and force" in (failed.description or "")


def test_no_run_over_a_titles_parts_has_checks_that_would_be_skipped(installed: Installation) -> None:
    installed.run("shows_trending")
    ids = installed.partitions()

    result = installed.over([key(SHOWS, name) for name in ("details", "ratings", "sparklines", "omdb")], ids[0], ids[2])

    kinds = {dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED}
    assert result.success
    assert installed.instance.get_records_for_run(result.run_id, of_type=kinds).records == []
