"""A trending list is whole or opens no cycle: what was asked, what goes on, and what is said of it."""

from datetime import timedelta
from typing import Any

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import attempts
from ratingo_pipelines.storage.attempts import Attempt, AttemptOutcome
from ratingo_pipelines.storage.pipeline_tables import cycles
from ratingo_pipelines.sync.checks import CHECKS, look_at
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import BatchReport
from ratingo_pipelines.sync.store import CLAIM_LOST
from ratingo_pipelines.sync.titles import nothing_stored, sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.whole_lists import NoCycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, all_rows, eligible, limited, run_cycle

TRENDING = {"kind": "list", "api": "trakt", "endpoint": "/{medium}/trending"}
SHORT = {**TRENDING, "keep": 3}


def asked(sandbox: RunningSandbox) -> int:
    """How often the trending list was asked for."""
    return int(sandbox.counters()["trakt"]["endpoints"].get("/{medium}/trending", 0))


def on_record(ctx: SyncContext) -> list[Attempt]:
    """The attempts since one went well."""
    with ctx.database.reading() as conn:
        return attempts.since_well(conn, SHOWS, attempts.TRENDING)


def refused(ctx: SyncContext) -> str:
    """What is said of a list that opens no cycle."""
    before = all_rows(ctx.database, cycles)
    with pytest.raises(NoCycle) as caught:
        open_trending_cycle(ctx, SHOWS, RUN)
    assert all_rows(ctx.database, cycles) == before
    return str(caught.value)


def test_an_interrupted_cycle_goes_on_where_a_list_of_three_came(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    first = open_trending_cycle(ctx, SHOWS, RUN)
    assert sync_pending(ctx, SHOWS, RUN, limit=2).succeeded == 2
    sandbox.faults(SHORT)
    already = asked(sandbox)

    assert refused(ctx) == (
        "Trakt: the trending list of shows is short: 3 titles of 12 asked for, where the last one had 12; no cycle was "
        "opened, and one that is unfinished goes on. `ratingo sync shows` asks again at once, Dagster by itself in "
        "15 minutes"
    )

    assert asked(sandbox) == already + 4, "it was asked for once more, each time with the page that ought to follow"
    assert sync_pending(ctx, SHOWS, RUN).succeeded == first.eligible - 2
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []
    [attempt] = on_record(ctx)
    assert (attempt.outcome, attempt.cycle_id) == (AttemptOutcome.SHORT, None)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"without_ids": 11}, "has only 1 title in 12 entries"),
        ({"repeat": True}, "has only 1 title in 12 entries"),
        ({"nulls": 0.5}, "names a title in only 6 of its 12 entries"),
        ({"zero_watchers": True}, "says of every title that nobody watches it"),
        ({"empty": True}, "is empty"),
    ],
    ids=["no TMDB ids", "one title alone", "half of it nulls", "nobody watches", "empty"],
)
def test_a_list_that_is_not_whole_opens_no_cycle_however_often_it_comes(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, fault: dict[str, Any], said: str
) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({**TRENDING, **fault})
    for _ in range(4):
        assert said in refused(ctx)
        clock.turn(minutes=30)
    assert [attempt.outcome for attempt in on_record(ctx)] == [AttemptOutcome.NOT_WHOLE] * 4
    sandbox.faults()
    assert open_trending_cycle(ctx, SHOWS, RUN).cycle_id == 2
    assert on_record(ctx) == []


@pytest.mark.parametrize("fault", [{"without_ids": 11}, {"nulls": 0.5}], ids=["no TMDB ids", "half of it nulls"])
def test_nor_does_the_first_list_of_all(ctx: SyncContext, sandbox: RunningSandbox, fault: dict[str, Any]) -> None:
    sandbox.faults({**TRENDING, **fault})
    refused(ctx)
    assert len(on_record(ctx)) == 1


def test_a_list_that_is_whole_the_second_time_opens_a_cycle(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({**SHORT, "times": 1})
    report = open_trending_cycle(ctx, SHOWS, RUN)
    assert (report.fetched, report.notes) == (12, ())
    assert on_record(ctx) == []


def test_a_list_that_stays_short_is_believed_with_the_third_time_and_an_hour(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults(SHORT)
    for minutes in (0, 20, 20, 19):
        clock.turn(minutes=minutes)
        refused(ctx)
    clock.turn(minutes=1)

    report = open_trending_cycle(ctx, SHOWS, RUN)

    assert report.eligible == 3
    assert report.notes[0] == (
        "the trending list of shows is short: 3 titles of 12 asked for, where the last one had 12; told so 5 times, it "
        "is believed"
    )
    check = next(check for check in CHECKS if check.name == "list_is_whole")
    finding = look_at(ctx.database, SHOWS, ctx.settings, check)
    assert (finding.passed, finding.numbers) == (True, {"listed": 3, "listed before": 12})
    sandbox.faults()
    assert open_trending_cycle(ctx, SHOWS, RUN).fetched == 12


def test_two_short_lists_are_not_believed_however_long_apart(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults(SHORT)
    refused(ctx)
    clock.turn(hours=6)
    refused(ctx)
    # Of another medium nothing follows.
    sandbox.faults()
    open_trending_cycle(ctx, MOVIES, RUN)
    assert [attempt.asked_at - on_record(ctx)[0].asked_at > timedelta(hours=5) for attempt in on_record(ctx)] == [
        False,
        True,
    ]


def test_a_list_that_was_asked_for_less_is_compared_in_proportion(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    assert open_trending_cycle(limited(ctx, 4), SHOWS, RUN).eligible == len(eligible(sandbox.truth(SHOWS, 4)))
    assert open_trending_cycle(ctx, SHOWS, RUN).eligible == len(eligible(sandbox.truth(SHOWS, 12)))


def test_lists_of_another_host_are_not_compared(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    with ctx.database.writing() as conn:
        conn.execute(cycles.update().values(source="api.trakt.tv"))
    sandbox.faults(SHORT)
    assert open_trending_cycle(ctx, SHOWS, RUN).eligible == 3


def test_what_a_list_took_is_kept_with_its_cycle(ctx: SyncContext) -> None:
    report = open_trending_cycle(ctx, SHOWS, RUN)
    [row] = all_rows(ctx.database, cycles)
    assert (row["asked"], row["source"], row["requests"]) == (12, "127.0.0.1", report.requests)
    assert report.requests["trakt"] == 7


def test_what_a_cycle_cost_is_kept_with_it(ctx: SyncContext) -> None:
    listed, batch = run_cycle(limited(ctx, 3))
    [row] = all_rows(ctx.database, cycles)
    assert row["requests"] == {api: listed.requests[api] + batch.requests[api] for api in batch.requests}


def test_a_batch_that_stores_nothing_is_not_green_and_a_source_in_trouble_is_remembered(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({"kind": "answer", "api": "tmdb", "endpoint": "/tv/*", "status": 404, "body": {"error": "nothing"}})
    report = sync_pending(ctx, SHOWS, RUN)
    assert (report.ok, report.succeeded) == (False, 0)
    with ctx.database.reading() as conn:
        trouble = attempts.latest_of(conn, SHOWS, "titles")
    assert trouble is not None
    assert not trouble.well
    assert "TMDB_BASE_URL" in (trouble.reason or "")
    sandbox.faults()
    assert sync_pending(ctx, SHOWS, RUN).ok
    with ctx.database.reading() as conn:
        over = attempts.latest_of(conn, SHOWS, "titles")
    assert over is not None
    assert over.well


@pytest.mark.parametrize(
    ("updated", "skipped", "told"),
    [
        (
            0,
            {"unknown to TMDB": 5},
            ["none of 5 titles was stored: 5 unknown to TMDB; see whether the sources are right"],
        ),
        (1, {"unknown to TMDB": 4}, []),
        (0, {"unknown to TMDB": 4, CLAIM_LOST: 1}, []),
    ],
)
def test_titles_of_which_none_was_stored_are_a_problem(updated: int, skipped: dict[str, int], told: list[str]) -> None:
    report = BatchReport("shows", "titles", fetched=5, updated=updated, skipped=skipped)
    assert list(nothing_stored(report, 5)) == told
