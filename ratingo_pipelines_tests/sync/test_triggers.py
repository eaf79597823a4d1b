"""Two triggers at once are one cycle, and titles that were given up are left alone until they are due."""

from datetime import timedelta

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import cycles, failures
from ratingo_pipelines.sync.context import SyncContext, utc_now
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.storage.examples import PATIENCE
from ratingo_pipelines_tests.sync.syncing import Clock, altered


def test_a_cycle_opened_since_a_trigger_was_pulled_answers_it(ctx: SyncContext) -> None:
    pulled_at = utc_now()
    first = open_trending_cycle(ctx, SHOWS, "first", pulled_at)
    asked = ctx.requests()["trakt"]

    second = open_trending_cycle(ctx, SHOWS, "second", pulled_at + timedelta(milliseconds=1))

    assert (first.reused, second.reused) == (False, True)
    assert (second.cycle_id, second.fetched, second.eligible) == (first.cycle_id, first.fetched, first.eligible)
    assert ctx.requests()["trakt"] == asked


def test_a_trigger_pulled_after_the_cycle_was_opened_opens_another(ctx: SyncContext) -> None:
    first = open_trending_cycle(ctx, SHOWS, "first", utc_now())

    second = open_trending_cycle(ctx, SHOWS, "second", utc_now())

    assert not second.reused
    assert second.cycle_id > first.cycle_id


def give_up(ctx: SyncContext, tmdb_id: int, attempts: int = 6, stage: str = "details") -> None:
    for _ in range(attempts):
        with ctx.database.writing() as conn:
            failures.record(
                conn, SHOWS, tmdb_id, stage, "it broke", ctx.now(), spends_attempt=True, title="Gone", policy=PATIENCE
            )


def outcomes(ctx: SyncContext, cycle_id: int) -> dict[int, tuple[str, str | None]]:
    with ctx.database.reading() as conn:
        return {entry.tmdb_id: (entry.outcome, entry.reason) for entry in cycles.titles_of(conn, cycle_id)}


def test_a_title_that_was_given_up_enters_a_cycle_as_failed_with_the_reason(ctx: SyncContext) -> None:
    [dead, *_] = outcomes(ctx, open_trending_cycle(ctx, SHOWS).cycle_id)
    give_up(ctx, dead)

    report = open_trending_cycle(ctx, SHOWS)

    outcome, reason = outcomes(ctx, report.cycle_id)[dead]
    assert outcome == "error"
    assert reason is not None
    assert reason.startswith("given up after 6 attempts (details: it broke); next try ")
    assert any(note.startswith(f"{dead} ") for note in report.notes)


def test_after_a_week_it_is_pending_again(ctx: SyncContext, clock: Clock) -> None:
    [dead, *_] = outcomes(ctx, open_trending_cycle(ctx, SHOWS).cycle_id)
    give_up(ctx, dead)

    clock.turn(days=7, seconds=1)

    assert outcomes(ctx, open_trending_cycle(ctx, SHOWS).cycle_id)[dead] == ("pending", None)


def test_neither_fewer_attempts_nor_omdbs_failures_keep_a_title_out(ctx: SyncContext) -> None:
    [one, other, *_] = outcomes(ctx, open_trending_cycle(ctx, SHOWS).cycle_id)
    give_up(ctx, one, attempts=5)
    give_up(ctx, other, stage="omdb")

    found = outcomes(ctx, open_trending_cycle(ctx, SHOWS).cycle_id)

    assert (found[one][0], found[other][0]) == ("pending", "pending")


def test_how_many_attempts_a_title_has_is_configured(ctx: SyncContext) -> None:
    [dead, *_] = outcomes(ctx, open_trending_cycle(ctx, SHOWS).cycle_id)
    patient = altered(ctx, give_up_after=2)
    give_up(patient, dead, attempts=2)
    # Two attempts wait half an hour, not a week; of whom gives up after two, so much is known already.
    assert outcomes(ctx, open_trending_cycle(patient, SHOWS).cycle_id)[dead][0] == "error"
