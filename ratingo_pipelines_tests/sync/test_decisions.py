"""What the sensors decide, as tables of facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ratingo_pipelines.storage.attempts import Attempt
from ratingo_pipelines.storage.cycles import Counts, Cycle
from ratingo_pipelines.storage.failures import Failure
from ratingo_pipelines.sync.decisions import (
    CycleFacts,
    FetchFacts,
    Launch,
    RetryFacts,
    Wait,
    decide_cycle,
    decide_cycle_and_fetch,
    decide_fetch,
    decide_retries,
)

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
CYCLE = Cycle(7, "shows", NOW - timedelta(minutes=5), 12_000, 100, 98)
PENDING = CycleFacts("shows", CYCLE, Counts(pending=40, done=58))


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


@pytest.mark.parametrize(
    ("facts", "run_key"),
    [
        pytest.param(PENDING, "shows:runs:7:0", id="a new cycle"),
        pytest.param(
            replace(PENDING, next_number=1, last_ended_at=ago(seconds=1)), "shows:runs:7:1", id="a run got somewhere"
        ),
        pytest.param(
            replace(PENDING, counts=Counts(processing=3, done=95)), "shows:runs:7:0", id="claims of a dead run alone"
        ),
        pytest.param(replace(PENDING, elsewhere=39), "shows:runs:7:0", id="another works on all but one"),
        pytest.param(
            replace(PENDING, next_number=1, runs_without_progress=1, last_ended_at=ago(seconds=31)),
            "shows:runs:7:1",
            id="a pause is over",
        ),
    ],
)
def test_one_run_is_launched_when_titles_are_unfinished_and_nobody_is_at_them(facts: CycleFacts, run_key: str) -> None:
    assert decide_cycle(facts, NOW) == Launch("sync", run_key, cycle_id=7)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (CycleFacts("shows", None, Counts()), "no shows cycle yet: start shows_trending, or wait for its schedule"),
        (
            replace(PENDING, counts=Counts(done=97, error=1, skipped=2)),
            "cycle 7 is worked off: 97 done, 1 failed of 98",
        ),
        (
            replace(PENDING, active_runs=["shows_sync is queued"]),
            "shows_sync is queued; it sees to cycle 7",
        ),
        (
            replace(PENDING, elsewhere=40),
            "40 titles of cycle 7 are being worked on outside of this cycle's runs",
        ),
        (
            replace(PENDING, next_number=3, runs_without_progress=3, last_ended_at=NOW),
            "the last 3 runs of cycle 7 ended without storing a title (see their errors); "
            "the next one starts at 12:02:00 UTC",
        ),
    ],
)
def test_a_sensor_that_launches_nothing_says_why(facts: CycleFacts, reason: str) -> None:
    assert decide_cycle(facts, NOW) == Wait(reason)


@pytest.mark.parametrize(
    ("runs_without_progress", "seconds"), [(1, 30), (2, 60), (3, 120), (6, 960), (7, 1800), (500, 1800)]
)
def test_runs_that_get_nowhere_are_followed_by_growing_pauses(runs_without_progress: int, seconds: int) -> None:
    facts = replace(
        PENDING, next_number=runs_without_progress, runs_without_progress=runs_without_progress, last_ended_at=NOW
    )

    assert isinstance(decide_cycle(facts, NOW + timedelta(seconds=seconds - 1)), Wait)
    assert isinstance(decide_cycle(facts, NOW + timedelta(seconds=seconds)), Launch)


def test_a_key_refused_for_six_hours_costs_a_few_runs_not_thousands() -> None:
    moment, runs, facts = NOW, 0, PENDING
    while moment < NOW + timedelta(hours=6):
        if isinstance(decide_cycle(facts, moment), Launch):
            runs += 1
            facts = replace(facts, next_number=runs, runs_without_progress=runs, last_ended_at=moment)
        moment += timedelta(seconds=5)

    assert runs < 20


def attempts(*minutes_ago: float, outcome: str = "not_whole") -> list[Attempt]:
    """Attempts at the list of shows, so long ago each, with ids from 1."""
    return [
        Attempt("shows", "trending", ago(minutes=minutes), outcome, "why", id=place)
        for place, minutes in enumerate(minutes_ago, start=1)
    ]


def fetching(*minutes_ago: float, outcome: str = "not_whole", **facts: object) -> FetchFacts:
    delay = timedelta(minutes=15)
    return FetchFacts("shows", attempts(*minutes_ago, outcome=outcome), delay, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "run_key"),
    [
        pytest.param(fetching(15), "shows:fetch:1:2026-01-31T12", id="after the delay"),
        pytest.param(fetching(60, 45, 30, 15), "shows:fetch:4:2026-01-31T12", id="for an hour"),
        pytest.param(fetching(121, 61), "shows:fetch:2:2026-01-31T12", id="then hourly"),
        pytest.param(fetching(60, outcome="denied"), "shows:fetch:1:2026-01-31T12", id="a refused key hourly"),
    ],
)
def test_a_list_that_opened_no_cycle_is_asked_for_again(facts: FetchFacts, run_key: str) -> None:
    assert decide_fetch(facts, NOW) == Launch("trending", run_key)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (fetching(), "the last list of shows opened a cycle"),
        (fetching(14), "the list of shows opened no cycle and is asked for again at 12:01:00 UTC"),
        (fetching(119, 59), "the list of shows opened no cycle and is asked for again at 12:01:00 UTC"),
        (fetching(59, outcome="denied"), "the list of shows opened no cycle and is asked for again at 12:01:00 UTC"),
        (
            fetching(20, active_runs=["shows_sync is under way"]),
            "the list of shows is asked for again after shows_sync is under way",
        ),
    ],
)
def test_a_list_that_is_not_asked_for_says_why(facts: FetchFacts, reason: str) -> None:
    assert decide_fetch(facts, NOW) == Wait(reason)


def test_a_list_that_is_asked_for_again_keeps_no_cycle_from_going_on() -> None:
    fetch, sync = Launch("trending", "shows:fetch:1:2026-01-31T12"), Launch("sync", "shows:runs:7:0", cycle_id=7)
    assert decide_cycle_and_fetch(PENDING, fetching(15), NOW) == [fetch, sync]
    assert decide_cycle_and_fetch(PENDING, fetching(14), NOW) == [sync]
    assert decide_cycle_and_fetch(replace(PENDING, counts=Counts(done=98)), fetching(15), NOW) == [fetch]
    assert decide_cycle_and_fetch(replace(PENDING, counts=Counts(done=98)), fetching(14), NOW) == Wait(
        "cycle 7 is worked off: 98 done, 0 failed of 98; "
        "the list of shows opened no cycle and is asked for again at 12:01:00 UTC"
    )
    assert decide_cycle_and_fetch(replace(PENDING, counts=Counts(done=98)), fetching(), NOW) == Wait(
        "cycle 7 is worked off: 98 done, 0 failed of 98"
    )


def failure(tmdb_id: int, *, stage: str = "details", due: bool = True, attempts: int = 1) -> Failure:
    next_at = ago(minutes=1) if due else NOW + timedelta(minutes=15)
    return Failure("shows", tmdb_id, stage, None, attempts, "it broke", ago(hours=2), ago(hours=1), next_at)


def retrying(*failures: Failure, **facts: object) -> RetryFacts:
    given = {"medium": "shows", "failures": failures, "partitions": set(range(100)), "give_up_after": 6, **facts}
    return RetryFacts(**given)  # type: ignore[arg-type]


def test_up_to_five_due_retries_are_a_run_each() -> None:
    launches = decide_retries(retrying(*(failure(tmdb_id) for tmdb_id in range(5))), NOW)

    assert isinstance(launches, list)
    assert [(launch.job, launch.partition, launch.ids) for launch in launches] == [
        ("retry", tmdb_id, ()) for tmdb_id in range(5)
    ]
    assert len({launch.run_key for launch in launches}) == 5


def test_more_than_five_are_one_run() -> None:
    [launch] = decide_retries(retrying(*(failure(tmdb_id) for tmdb_id in range(6))), NOW)  # type: ignore[misc]

    assert (launch.job, launch.ids, launch.partition) == ("sync", (0, 1, 2, 3, 4, 5), None)


def test_a_title_that_failed_in_two_stages_is_one_retry() -> None:
    [launch] = decide_retries(retrying(failure(1), failure(1, stage="ratings")), NOW)  # type: ignore[misc]

    assert (launch.job, launch.partition) == ("retry", 1)


def test_failures_at_omdb_are_retried_at_omdb() -> None:
    [one] = decide_retries(retrying(failure(1, stage="omdb")), NOW)  # type: ignore[misc]
    [many] = decide_retries(retrying(*(failure(i, stage="omdb") for i in range(6))), NOW)  # type: ignore[misc]

    assert (one.job, one.partition) == ("omdb_retry", 1)
    assert (many.job, many.partition, many.ids) == ("omdb_backfill", None, ())


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (retrying(), "no shows failed"),
        (retrying(failure(1), partitions={2}), "no shows failed"),
        (
            retrying(failure(1), active_runs=["shows_sync is under way"]),
            "1 failure is due, after shows_sync is under way",
        ),
        (retrying(failure(1), unfinished=9), "1 failure is due, after 9 titles that the cycle has yet to see"),
        (
            retrying(failure(1, due=False), failure(2, due=False, attempts=6)),
            "2 shows failed, 1 of them given up after 6 attempts and tried weekly; "
            "the next is tried at 2026-01-31 12:15:00 UTC",
        ),
    ],
)
def test_a_retry_that_has_to_wait_says_for_what(facts: RetryFacts, reason: str) -> None:
    assert decide_retries(facts, NOW) == Wait(reason)


def test_a_retry_that_ended_before_its_attempt_was_recorded_is_not_repeated_at_once() -> None:
    keys = [decide_retries(retrying(failure(1)), NOW + timedelta(seconds=30 * tick)) for tick in range(119)]

    assert len({launch.run_key for [launch] in keys}) == 1  # type: ignore[misc]
    [later] = decide_retries(retrying(failure(1)), NOW + timedelta(hours=1))  # type: ignore[misc]
    assert later.run_key != keys[0][0].run_key  # type: ignore[index]


def test_an_attempt_that_is_on_record_makes_the_next_retry_another_run() -> None:
    [first] = decide_retries(retrying(failure(1)), NOW)  # type: ignore[misc]
    [second] = decide_retries(retrying(replace(failure(1), last_failed_at=ago(minutes=2))), NOW)  # type: ignore[misc]

    assert first.run_key != second.run_key
