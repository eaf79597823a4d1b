"""The OMDb backfill: what it adds, what it remembers, and how it spends a day's requests."""

from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, update

from ratingo_pipelines.media import MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import quota
from ratingo_pipelines.storage.pipeline_tables import asked, failures
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.batch import AHEAD
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.omdb import backfill_omdb, backfill_omdb_ids, needless_at_omdb
from ratingo_pipelines.sync.omdb_quota import fair_share
from ratingo_pipelines.sync.report import Follower, StopReason, TitleOutcome
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    altered,
    another_kit,
    days_until,
    eligible,
    limited,
    run_cycle,
    title_rows,
)

TODAY = "%Y-%m-%d"
DETAILS = [TitleStage.DETAILS]


def used(ctx: SyncContext) -> int:
    with ctx.database.reading() as conn:
        return quota.used(conn, "omdb", ctx.now().strftime(TODAY))


def odd(sandbox: RunningSandbox, name: str) -> list[int]:
    return [title["tmdb"] for title in sandbox.control("oddities")[name]["shows"]]


def test_every_fact_is_right_once_omdb_was_asked(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ctx = limited(ctx, 40)
    run_cycle(ctx)
    backfill_omdb(ctx, SHOWS, limit=40)
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 40), after_omdb=True) == []


def test_a_second_backfill_asks_nothing(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(limited(ctx, 3))
    first, second = backfill_omdb(ctx, SHOWS), backfill_omdb(ctx, SHOWS)
    assert first.succeeded > 20
    assert (second.fetched, second.requests["omdb"]) == (0, 0)
    assert sandbox.counters()["omdb"]["requests"] == first.requests["omdb"] == used(ctx)


@pytest.mark.parametrize("oddity", ["omdb_na", "omdb_not_found"])
def test_no_answer_is_an_answer_and_asked_for_again_ever_later(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock, oddity: str
) -> None:
    tmdb_id = odd(sandbox, oddity)[0]
    sync_ids(ctx, SHOWS, RUN, [tmdb_id], stages=DETAILS)
    waited = []
    for _ in range(5):
        waited.append(days_until(clock, lambda: backfill_omdb_ids(ctx, SHOWS, [tmdb_id]).succeeded > 0))
    assert waited == [0, 3, 6, 12, 24]
    assert title_rows(ctx.database)[tmdb_id]["rating_imdb"] is None


def test_a_body_that_is_no_json_is_that_titles_failure_alone(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    broken, sound = odd(sandbox, "omdb_invalid_json")[:2], odd(sandbox, "imdb_only_at_omdb")
    sync_ids(ctx, SHOWS, RUN, [*broken, *sound], stages=DETAILS)
    report = backfill_omdb_ids(ctx, SHOWS, [*broken, *sound])
    assert {failure.tmdb_id for failure in report.failures} == set(broken)
    assert report.succeeded == len(sound)
    assert {row["tmdb_id"]: row["stage"] for row in all_rows(ctx.database, failures)} == dict.fromkeys(broken, "omdb")
    # A later success of the title's other parts is none of OMDb's, and it goes on waiting.
    sync_ids(ctx, SHOWS, RUN, broken, stages=DETAILS)
    assert len(all_rows(ctx.database, failures)) == len(broken)
    assert not {row for row in broken if row in backfill_fetched(ctx)}


def backfill_fetched(ctx: SyncContext) -> set[int]:
    reached: set[int] = set()
    backfill_omdb(ctx, SHOWS, follower=Follower(on_outcome=lambda outcome: reached.add(outcome.tmdb_id)))
    return reached


def test_without_a_key_it_is_skipped_and_said_so(ctx: SyncContext) -> None:
    run_cycle(limited(ctx, 3))
    report = backfill_omdb(replace(ctx, omdb=None), SHOWS)
    assert report.ok
    assert "OMDB_API_KEY is not set" in report.notes[0]
    assert (report.fetched, report.succeeded, report.skipped) == (0, 0, {})


def test_our_own_daily_limit_ends_a_backfill_without_a_failure(ctx: SyncContext, clock: Clock) -> None:
    run_cycle(ctx)
    little = altered(ctx, omdb_daily_limit=30, concurrency=1)
    first = backfill_omdb(little, SHOWS)
    # One in five is left to titles of the cycles to come.
    assert first.succeeded + first.failed == 24
    assert used(ctx) == first.requests["omdb"]
    assert first.stopped_by is StopReason.QUOTA
    assert "OMDB_DAILY_LIMIT" in (first.stopped or "")
    assert backfill_omdb(little, SHOWS).requests["omdb"] == 0
    clock.turn(days=1)
    assert backfill_omdb(little, SHOWS).succeeded >= 23


def test_what_is_left_to_the_latest_cycle_is_spent_on_its_titles(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    spent = backfill_omdb(altered(ctx, omdb_daily_limit=30, concurrency=1), SHOWS).requests["omdb"]
    rows = title_rows(ctx.database)
    listed = [tmdb_id for tmdb_id in eligible(sandbox.truth(SHOWS, 12)) if rows[tmdb_id]["imdb_id"]]
    with another_kit(ctx, http_cache=False, omdb_daily_limit=30) as fresh:
        report = backfill_omdb_ids(fresh, SHOWS, listed, force=True)
    assert spent < 30
    assert report.requests["omdb"] == report.succeeded == 30 - spent
    assert used(ctx) == 30


def test_omdbs_own_limit_in_the_middle_ends_the_backfill_until_the_next_day(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    ctx = altered(ctx, omdb_daily_limit=1000, concurrency=4)
    run_cycle(ctx)
    sandbox.faults({"kind": "omdb_limit", "limit": 10})
    report = backfill_omdb(ctx, SHOWS)
    assert (report.ok, report.stopped_by) == (True, StopReason.QUOTA)
    # One answer may have been a body that is no JSON, which was asked for once more.
    assert report.succeeded in {9, 10}
    assert "Request limit reached" in (report.stopped or "")
    assert report.failures == ()
    assert used(ctx) == 1000
    assert backfill_omdb(ctx, SHOWS).requests["omdb"] == 0
    assert len([row for row in all_rows(ctx.database, asked) if row["source"] == "omdb"]) == report.succeeded
    sandbox.faults()
    clock.turn(days=1)
    backfill_omdb(ctx, SHOWS)
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12), after_omdb=True) == []


def test_requests_that_were_repeated_are_counted_and_kept_answers_are_not(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    tmdb_ids = odd(sandbox, "imdb_only_at_omdb")
    sync_ids(ctx, SHOWS, RUN, tmdb_ids, stages=DETAILS)
    sandbox.faults({"kind": "status", "api": "omdb", "status": 503, "times": 3})
    backfill_omdb_ids(ctx, SHOWS, tmdb_ids)
    assert used(ctx) == sandbox.counters()["omdb"]["requests"] == len(tmdb_ids) + 3
    clock.turn(days=7, minutes=1)
    assert backfill_omdb_ids(ctx, SHOWS, tmdb_ids).succeeded == len(tmdb_ids)
    assert used(ctx) == 0


def test_a_refused_key_stops_the_backfill_at_once_with_what_to_do(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    with another_kit(ctx, omdb_api_key=SecretStr("wrong")) as other:
        report = backfill_omdb(other, SHOWS)
    assert (report.ok, report.stopped_by, report.succeeded, report.failures) == (False, StopReason.ACCESS, 0, ())
    assert "OMDB_API_KEY" in (report.stopped or "")
    assert sandbox.counters()["omdb"]["requests"] <= ctx.settings.concurrency


@pytest.mark.parametrize(
    ("load", "others", "asked_today", "share"),
    [
        pytest.param(700, 100, 0, None, id="enough for all"),
        pytest.param(7_000, 500, 0, 747, id="the many"),
        pytest.param(500, 7_000, 0, 54, id="the few"),
        pytest.param(7_000, 500, 700, 47, id="what was asked since midnight counts"),
        pytest.param(7_000, 500, 800, 0, id="more than its share"),
        pytest.param(7_000, 0, 0, 800, id="nobody else"),
        pytest.param(0, 7_000, 0, 0, id="nothing due"),
    ],
)
def test_a_day_that_is_too_short_is_shared_by_what_is_due(
    load: int, others: int, asked_today: int, share: int | None
) -> None:
    assert fair_share(1_000, load, others, asked_today) == share


def put_stubs(ctx: SyncContext, medium: Medium, count: int, first: int) -> None:
    rows = [{"tmdb_id": first + n, "title": "A stub", "imdb_id": f"tt{first + n:08}"} for n in range(count)]
    with ctx.database.writing() as conn:
        conn.execute(insert(tables_of(medium).titles), rows)


def test_no_medium_waits_longer_than_the_other(ctx: SyncContext, clock: Clock) -> None:
    little = altered(ctx, omdb_daily_limit=10, concurrency=1)
    put_stubs(ctx, SHOWS, 28, 90_000_000)
    put_stubs(ctx, MOVIES, 4, 91_000_000)
    clock.turn(hours=24 - clock().hour)
    asked_on: dict[str, list[int]] = {"shows": [], "movies": []}
    for _ in range(4):
        for medium in (SHOWS, SHOWS, MOVIES, SHOWS):
            asked_on[medium.plural].append(backfill_omdb(little, medium).succeeded)
        clock.turn(days=1)
    shows = [sum(asked_on["shows"][day * 3 : day * 3 + 3]) for day in range(4)]
    assert (shows, asked_on["movies"]) == ([7, 7, 7, 7], [1, 1, 1, 1])
    # On the fourth day some are due again: one of them has its turn, though some were never asked about.
    of_shows = [row["empty_streak"] for row in all_rows(ctx.database, asked) if row["medium"] == "shows"]
    assert (len(of_shows), of_shows.count(2)) == (27, 1)
    assert len(all_rows(ctx.database, asked)) == 27 + 4


def test_what_waits_for_another_day_is_said(ctx: SyncContext) -> None:
    put_stubs(ctx, SHOWS, 28, 90_000_000)
    put_stubs(ctx, MOVIES, 4, 91_000_000)
    report = backfill_omdb(altered(ctx, omdb_daily_limit=10), MOVIES)
    assert (report.ok, report.fetched) == (True, 1)
    assert report.notes == (
        "3 movies wait for another day: OMDb's 10 requests a day (OMDB_DAILY_LIMIT) are shared with shows "
        "by what is due",
    )


def test_a_call_is_booked_on_the_day_it_was_made(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> None:
    put_stubs(ctx, SHOWS, 60, 90_000_000)
    little = altered(ctx, omdb_daily_limit=1_000, concurrency=1)
    today = clock().strftime(TODAY)
    told = 0

    def turn_after_ten(outcome: TitleOutcome) -> None:
        nonlocal told
        told += 1
        if told == 10:
            clock.turn(days=1)

    report = backfill_omdb(little, SHOWS, follower=Follower(on_outcome=turn_after_ten))
    with ctx.database.reading() as conn:
        before, after = quota.used(conn, "omdb", today), quota.used(conn, "omdb", clock().strftime(TODAY))
    assert report.succeeded == 60
    assert before + after == report.requests["omdb"] == sandbox.counters()["omdb"]["requests"]
    assert 10 <= before <= 10 + AHEAD + 1


def test_a_title_that_lacks_nothing_is_not_asked_about_by_its_id_unless_forced(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(ctx)
    whole, lacking = eligible(sandbox.truth(SHOWS, 12))[:2]
    titles = tables_of(SHOWS).titles
    complete = {"imdb_id": "tt0000001", "rating_imdb": 7.5, "imdb_votes": 100, "rating_metacritic": 80.0}
    with ctx.database.writing() as conn:
        conn.execute(update(titles).where(titles.c.tmdb_id == whole).values(**complete))

    report = backfill_omdb_ids(ctx, SHOWS, [whole, lacking])

    assert report.skipped == {"nothing lacking": 1}
    assert report.succeeded == 1
    assert needless_at_omdb(ctx, SHOWS, [whole, lacking]) == {whole: "nothing lacking"}
    assert backfill_omdb_ids(ctx, SHOWS, [whole], force=True).fetched == 1
