"""TMDB merged a title into another, and Trakt goes on naming the id that is gone: it is found by its IMDb id."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.pipeline_tables import failures, trending
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.meddling import meddling_kit
from ratingo_pipelines_tests.sync.syncing import all_rows, eligible, run_cycle, title_rows

GONE = 999_000_001
"""A TMDB id that nobody has any more."""
SHOW = tables_of(SHOWS)


def naming(tmdb_id: int, *, also: bool = False) -> Callable[[str, Any], Any]:
    """An edit by which Trakt names the title under the id that is gone, or under both."""

    def edit(path: str, payload: Any) -> Any:
        if not path.endswith("/trending"):
            return payload
        found = []
        for entry in payload:
            show = entry["show"]
            if show["ids"]["tmdb"] == tmdb_id:
                found.append(entry | {"show": show | {"ids": show["ids"] | {"tmdb": GONE}}})
            if also or show["ids"]["tmdb"] != tmdb_id:
                found.append(entry)
        return found

    return edit


def places(ctx: SyncContext) -> dict[int, tuple[str, str | None]]:
    rows = all_rows(ctx.database, trending)
    return {row["tmdb_id"]: (row["outcome"], row["reason"]) for row in rows if row["cycle_id"] == rows[-1]["cycle_id"]}


def test_it_is_stored_under_the_id_found_and_its_place_follows(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    title = eligible(sandbox.truth(SHOWS, 12))[2]
    with meddling_kit(ctx, sandbox, naming(title)) as (other, _):
        _, report = run_cycle(other)
    assert (report.ok, report.failures) == (True, ())
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []
    assert GONE not in title_rows(ctx.database)
    assert places(ctx)[title] == ("done", None)
    assert GONE not in places(ctx)


def test_its_row_with_all_its_history_goes_with_it(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    title = eligible(sandbox.truth(SHOWS, 12))[2]
    run_cycle(ctx)
    row = title_rows(ctx.database)[title]
    with ctx.database.writing() as conn:
        conn.execute(update(SHOW.titles).where(SHOW.titles.c.id == row["id"]).values(tmdb_id=GONE))
        conn.execute(update(SHOW.snapshots).where(SHOW.snapshots.c.show_id == row["id"]).values(tmdb_id=GONE))
    with meddling_kit(ctx, sandbox, naming(title)) as (other, _):
        run_cycle(other)
    after = title_rows(ctx.database)
    assert GONE not in after
    assert after[title]["id"] == row["id"]
    watched = [one["tmdb_id"] for one in all_rows(ctx.database, SHOW.snapshots) if one["show_id"] == row["id"]]
    assert watched == [title, title]
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []


def test_a_title_that_is_listed_under_both_ids_is_listed_twice(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    title = eligible(sandbox.truth(SHOWS, 12))[2]
    with meddling_kit(ctx, sandbox, naming(title, also=True)) as (other, _):
        _, report = run_cycle(other)
    assert report.ok
    assert places(ctx)[GONE] == ("skipped", "listed twice")
    assert places(ctx)[title] == ("done", None)
    assert GONE not in title_rows(ctx.database)


def test_a_title_found_under_an_imdb_id_that_is_not_its_own_stays_unknown(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    title, another = eligible(sandbox.truth(SHOWS, 12))[2], eligible(sandbox.truth(SHOWS, 40))[-1]
    name = naming(title)

    def edit(path: str, payload: Any) -> Any:
        return {"tv_results": [{"id": another}]} if "/find/" in path else name(path, payload)

    with meddling_kit(ctx, sandbox, edit) as (other, _):
        _, report = run_cycle(other)
    assert report.ok
    assert places(ctx)[GONE] == ("skipped", "unknown to TMDB")
    assert all_rows(ctx.database, failures) == []
