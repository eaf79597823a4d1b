"""What a title costs: statements, and memory however long the list."""

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sync.batch import run_batch
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import TitleOutcome, TitleStatus
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.work import TitleWork
from ratingo_pipelines_tests.statements import counted
from ratingo_pipelines_tests.sync.syncing import RUN, altered, eligible, limited

NEW, AGAIN = 30, 24
"""Statements a title may cost, with its share of what a batch asks once."""


def test_a_title_costs_a_bounded_number_of_statements(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ctx = altered(limited(ctx, 30), concurrency=4)
    ids = eligible(sandbox.truth(SHOWS, 30))
    open_trending_cycle(ctx, SHOWS, RUN)
    # Genres, providers and common stubs are made by the first titles.
    sync_ids(ctx, SHOWS, RUN, ids[:10])
    with counted(ctx.database) as new:
        sync_ids(ctx, SHOWS, RUN, ids[10:])
    open_trending_cycle(ctx, SHOWS, RUN)
    with counted(ctx.database) as again:
        sync_ids(ctx, SHOWS, RUN, ids)
    print(f"statements a title: {len(new) / len(ids[10:]):.1f} new, {len(again) / len(ids):.1f} again")  # noqa: T201
    assert len(new) / len(ids[10:]) <= NEW
    assert len(again) / len(ids) <= AGAIN


def test_ten_thousand_titles_are_a_batch_like_any_other() -> None:
    works = [TitleWork(number, f"Title {number}") for number in range(10_000)]
    told: list[int] = []
    run_batch(
        works,
        lambda work: TitleOutcome(work.tmdb_id, work.title, TitleStatus.DONE),
        stage="test",
        concurrency=16,
        record_outcome=lambda work, outcome: None,
        on_outcome=lambda outcome: told.append(outcome.tmdb_id),
    )
    assert len(told) == len(set(told)) == len(works)


def test_an_unexpected_error_is_that_titles_failure_in_one_line() -> None:
    def work(title: TitleWork) -> TitleOutcome:
        if title.tmdb_id == 2:
            raise KeyError("first line\nsecond line")
        return TitleOutcome(title.tmdb_id, title.title, TitleStatus.DONE)

    settled: list[TitleOutcome] = []
    stopped = run_batch(
        [TitleWork(1, "One"), TitleWork(2, "Two"), TitleWork(3, "Three")],
        work,
        stage="store",
        concurrency=2,
        record_outcome=lambda _, outcome: settled.append(outcome),
        on_outcome=lambda outcome: None,
    )
    assert stopped is None
    [failed] = [outcome for outcome in settled if outcome.status is TitleStatus.ERROR]
    [failure] = failed.failures
    assert (failure.tmdb_id, failure.stage, failure.spends_attempt) == (2, "store", True)
    assert failure.reason.startswith("unexpected KeyError: ")
    assert "\n" not in failure.reason
    assert len(settled) == 3
