"""The meta backfill: stubs and other incomplete titles are completed, and nothing is asked for ever."""

from sqlalchemy import delete, insert

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage import titles
from ratingo_pipelines.storage.asked import incomplete_titles
from ratingo_pipelines.storage.pipeline_tables import asked, failures
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.work import TitleStage
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    another_kit,
    days_until,
    eligible,
    limited,
    run_cycle,
    title_rows,
)

FROM_LISTS = {"rating_trakt", "trending_score", "rating_trakt_avg", "rating_trakt_votes", "primary_rating"}
FROM_TRAKT = {"rating_imdb", "imdb_votes", "rating_metacritic"}


def test_stubs_are_completed_by_one_call_each_and_none_is_made(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ctx = limited(ctx, 6)
    run_cycle(ctx, MOVIES)
    listed = set(eligible(sandbox.truth(MOVIES, 6)))
    before = title_rows(ctx.database, MOVIES)
    stubs = before.keys() - listed
    asked_before = sandbox.counters()["tmdb"]["requests"]
    report = backfill_meta(ctx, MOVIES, RUN)
    assert report.failures == ()
    # Listed titles may lack something as well: a Ukrainian title, above all.
    assert report.succeeded >= len(stubs)
    assert sandbox.counters()["tmdb"]["requests"] - asked_before == report.succeeded
    assert "trakt" not in report.requests or report.requests["trakt"] == 0
    after = title_rows(ctx.database, MOVIES)
    assert {tmdb_id: row["id"] for tmdb_id, row in after.items()} == {i: row["id"] for i, row in before.items()}
    for tmdb_id in stubs:
        truth = sandbox.control(f"truth/movies/{tmdb_id}")["row"]
        wrong = {name: after[tmdb_id][name] for name in truth.keys() - FROM_LISTS - FROM_TRAKT - {"imdb_id"}}
        assert wrong == {name: truth[name] for name in wrong}
        assert after[tmdb_id]["trending_score"] is None
        assert after[tmdb_id]["rating_trakt"] is None


def test_what_stays_incomplete_is_asked_again_after_a_growing_interval(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    untranslated = sandbox.control("oddities")["no_ukrainian_translation"]["shows"][0]["tmdb"]
    sync_ids(ctx, SHOWS, RUN, [untranslated], stages=[TitleStage.DETAILS])
    with ctx.database.writing() as conn:
        conn.execute(delete(tables_of(SHOWS).titles).where(tables_of(SHOWS).titles.c.tmdb_id != untranslated))
    waited = []
    for _ in range(7):
        waited.append(days_until(clock, lambda: backfill_meta(ctx, SHOWS, RUN).fetched > 0))
    assert waited == [1, 2, 4, 8, 16, 30, 30]


def test_a_stub_that_tmdb_does_not_know_is_not_asked_about_for_ever(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(limited(ctx, 3))
    backfill_meta(ctx, SHOWS, RUN)
    unknown = sandbox.control("oddities")["unknown_to_tmdb"]["shows"][0]["tmdb"]
    with ctx.database.writing() as conn:
        conn.execute(insert(tables_of(SHOWS).titles).values(tmdb_id=unknown, title="Nobody knows"))
    first, second = backfill_meta(ctx, SHOWS, RUN), backfill_meta(ctx, SHOWS, RUN)
    assert (first.fetched, first.skipped, first.ok) == (1, {"unknown to TMDB": 1}, True)
    assert second.fetched == 0


def test_a_stub_that_fails_waits_before_it_is_tried_again(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    listed = eligible(sandbox.truth(SHOWS, 12))
    sync_ids(ctx, SHOWS, RUN, listed[1:2], stages=[TitleStage.DETAILS])
    with ctx.database.writing() as conn:
        # Others that are due would go on, and be a reason to blame the title.
        conn.execute(delete(tables_of(SHOWS).titles).where(tables_of(SHOWS).titles.c.tmdb_id != listed[1]))
        conn.execute(insert(tables_of(SHOWS).titles).values(tmdb_id=listed[0], title="A stub"))
    sandbox.faults({"kind": "types", "api": "tmdb", "ids": listed[:1]})
    [failure] = backfill_meta(ctx, SHOWS, RUN).failures
    assert (failure.tmdb_id, failure.spends_attempt) == (listed[0], True), "a witness was answered"
    assert backfill_meta(ctx, SHOWS, RUN).fetched == 0
    sandbox.faults()
    clock.turn(minutes=16)
    assert backfill_meta(ctx, SHOWS, RUN).succeeded == 1
    assert title_rows(ctx.database)[listed[0]]["overview"]
    assert all_rows(ctx.database, failures) == []


def test_noted_as_asked_is_who_lacks_something_after_an_answer_and_nobody_else(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(ctx)
    listed = eligible(sandbox.truth(SHOWS, 12))
    with ctx.database.writing() as conn:
        conn.execute(delete(asked))
    sandbox.faults({"kind": "types", "api": "tmdb", "ids": listed[:1]})
    with another_kit(ctx, http_cache=False) as anew:
        _, report = run_cycle(anew)
    assert [failure.tmdb_id for failure in report.failures] == listed[:1]
    columns = titles.metadata_columns(SHOWS)
    rows = title_rows(ctx.database)
    lacking = {tmdb_id for tmdb_id in listed[1:] if any(rows[tmdb_id][column] is None for column in columns)}
    noted = {row["tmdb_id"] for row in all_rows(ctx.database, asked) if row["source"] == "meta"}
    assert noted == lacking
    assert lacking
    assert lacking < set(listed[1:])
    with ctx.database.reading() as conn:
        assert not lacking & set(incomplete_titles(conn, tables_of(SHOWS), ctx.now()))


def test_a_list_that_came_empty_for_a_new_title_is_asked_for_again_after_a_day_and_after_a_month(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    listed = [entry for entry in sandbox.truth(SHOWS, 12) if not entry["skip"]]
    tmdb_id = next(e["tmdb"] for e in listed if e["facts"]["videos"] and not e["oddities"])
    sandbox.faults({"kind": "lie", "name": "no_videos"})
    run_cycle(limited(ctx, 12))
    with ctx.database.writing() as conn:
        conn.execute(delete(tables_of(SHOWS).titles).where(tables_of(SHOWS).titles.c.tmdb_id != tmdb_id))
    assert title_rows(ctx.database)[tmdb_id]["videos"] == []
    waited = [days_until(clock, lambda: backfill_meta(ctx, SHOWS, RUN).fetched > 0) for _ in range(2)]
    assert waited == [1, 30]
    clock.turn(days=400)
    assert backfill_meta(ctx, SHOWS, RUN).fetched == 0
    sandbox.faults()
    run_cycle(ctx)
    assert title_rows(ctx.database)[tmdb_id]["videos"]
