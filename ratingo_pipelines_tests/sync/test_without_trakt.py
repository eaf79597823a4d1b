"""A product that is whole without Trakt: TMDB's list stands in for its own, and nothing is invented."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.settings import SettingsError, load_settings, missing_keys
from ratingo_pipelines.sources.errors import AccessDenied, SourceError
from ratingo_pipelines.storage.cycles import TMDB
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines.sync.airings import sync_calendar
from ratingo_pipelines.sync.alerts import Assessment, assess, to_tell
from ratingo_pipelines.sync.checks import CHECKS, look_at
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.movement import movement
from ratingo_pipelines.sync.preview import preview_cycle
from ratingo_pipelines.sync.status import SyncStatus
from ratingo_pipelines.sync.status import status as read_status
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines.sync.whole_lists import NoCycle
from ratingo_pipelines.terminal.reports import status_lines
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, all_rows, altered, pass_time, run_cycle, title_rows

REFUSALS = [401, 403, 420, 423, 426]


def refuse(sandbox: RunningSandbox, status: int = 403) -> None:
    sandbox.faults({"kind": "status", "api": "trakt", "status": status})


def state_of(ctx: SyncContext) -> SyncStatus:
    return read_status(ctx.database, ctx.settings, ctx.now())


def told(ctx: SyncContext) -> list[str]:
    return [problem.key for problem in assessed(ctx).problems]


def assessed(ctx: SyncContext) -> Assessment:
    return assess(state_of(ctx), [], ctx.now(), grace=timedelta(), old_before={})


def of_trakt_in(row: Mapping[str, Any]) -> list[Any]:
    return [row[name] for name in ("rating_trakt", "watchers_delta", "delta_3m")]


@pytest.mark.parametrize("medium", MEDIA, ids=str)
@pytest.mark.parametrize("source", ["tmdb", "auto"])
def test_without_trakts_key_the_list_is_tmdbs_and_its_titles_are_whole(
    ctx: SyncContext, sandbox: RunningSandbox, medium: Medium, source: str
) -> None:
    ctx = altered(replace(ctx, trakt=None), trending_source=source)

    trending, report = run_cycle(ctx, medium)

    assert (trending.source, trending.max_watchers) == (TMDB, 10_000)
    assert (report.failed, report.stopped, report.ok) == (0, None, True)
    assert report.succeeded > 5
    rows = title_rows(ctx.database, medium)
    listed = {i: row for i, row in rows.items() if row["trending_score"] is not None}
    assert len(listed) == report.succeeded
    for row in listed.values():
        assert of_trakt_in(row) == [0, 0, 0], "the site lists what has no NULL"
        assert row["trending_updated_at"] is not None
        assert row["poster"]
    assert all_rows(ctx.database, tables_of(medium).snapshots) == []
    assert all_rows(ctx.database, tables_of(medium).related), "what TMDB recommends"
    assert "trakt" not in trending.requests


def test_the_score_takes_popularity_as_its_share_of_the_lists_largest(ctx: SyncContext) -> None:
    ctx = replace(ctx, trakt=None)
    run_cycle(ctx)

    listed = ctx.tmdb.trending(SHOWS, ctx.settings.trending_limit)
    largest = max(entry.popularity or 0 for entry in listed)
    rows = title_rows(ctx.database)
    compared = 0
    for entry in listed:
        row = rows.get(entry.id or 0)
        if row is not None and row["trending_score"] is not None:
            share = 60 * (entry.popularity or 0) / largest
            assert row["trending_score"] == pytest.approx(4 * (row["rating_tmdb"] or 0) + share, abs=0.006)
            compared += 1
    assert compared > 5


@pytest.mark.parametrize("status", REFUSALS)
def test_tmdbs_list_is_taken_at_once_where_trakt_refuses(
    ctx: SyncContext, sandbox: RunningSandbox, status: int
) -> None:
    refuse(sandbox, status)

    report = open_trending_cycle(ctx, SHOWS, RUN)

    assert report.source == TMDB
    assert f"({status})" in report.notes[0]
    assert "TMDB's list stands in" in report.notes[0]


def test_while_trakt_refuses_titles_keep_what_it_told_and_nothing_is_invented(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    before, snapshots = title_rows(ctx.database), all_rows(ctx.database, tables_of(SHOWS).snapshots)
    links = all_rows(ctx.database, tables_of(SHOWS).related)
    pass_time(sandbox, clock, hours=6)
    refuse(sandbox)

    _, report = run_cycle(ctx)

    assert report.ok
    rows = title_rows(ctx.database)
    at = "trending_updated_at"
    named = [i for i, row in rows.items() if i in before and row[at] != before[i][at]]
    assert named
    for tmdb_id in named:
        for column in ("title", "imdb_id", "rating_trakt", "rating_trakt_avg", "rating_trakt_votes", "rating_imdb"):
            if before[tmdb_id]["rating_trakt"] is not None:
                assert rows[tmdb_id][column] == before[tmdb_id][column], column
        assert rows[tmdb_id]["watchers_delta"] == 0
    assert all_rows(ctx.database, tables_of(SHOWS).snapshots) == snapshots
    stayed = {row["id"] for row in all_rows(ctx.database, tables_of(SHOWS).related)}
    assert stayed >= {row["id"] for row in links}
    moves = movement(ctx.database, SHOWS)
    assert all(move.watchers is None for move in (*moves.risen, *moves.fallen, *moves.unmoved))
    whole = next(check for check in CHECKS if check.name == "list_is_whole")
    assert look_at(ctx.database, SHOWS, ctx.settings, whole).passed


def test_trakt_is_back_by_itself_as_if_nothing_had_been(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    run_cycle(ctx)
    pass_time(sandbox, clock, hours=6)
    refuse(sandbox)
    run_cycle(ctx)
    assert "shows:trakt" in told(ctx)
    assert any("TMDB's stands in" in line for line in status_lines(state_of(ctx)))
    sandbox.faults()
    pass_time(sandbox, clock, hours=6)

    trending, report = run_cycle(ctx)

    assert (trending.source, report.ok) == (ctx.settings.trakt_base_url.split("/")[2].split(":")[0], True)
    assert told(ctx) == []
    wanted = sandbox.truth(SHOWS, ctx.settings.trending_limit)
    assert differences(ctx.database, SHOWS, wanted, ignoring=("snapshots", "watchers_delta")) == []
    ids = [row["tmdb_id"] for row in title_rows(ctx.database).values()]
    assert len(ids) == len(set(ids))


def test_it_is_told_once_and_when_it_is_over(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> None:
    refuse(sandbox)
    run_cycle(ctx)
    first = to_tell(assessed(ctx), {}, ctx.now())
    assert [line for line in first.lines if "so TMDB's stands in" in line]
    pass_time(sandbox, clock, hours=6)
    run_cycle(ctx)
    again = to_tell(assessed(ctx), first.told, ctx.now())
    assert again.lines == ()


def test_a_trakt_that_does_not_answer_is_waited_for_until_the_second_scheduled_list(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    sandbox.faults({"kind": "lie", "name": "empty_list"})
    with pytest.raises(NoCycle):
        open_trending_cycle(ctx, SHOWS, RUN)
    with pytest.raises(NoCycle):
        open_trending_cycle(ctx, SHOWS, RUN)
    clock.turn(hours=6)

    report = open_trending_cycle(ctx, SHOWS, RUN)

    assert report.source == TMDB
    clock.turn(hours=6)
    assert open_trending_cycle(ctx, SHOWS, RUN).source == TMDB, "and so it stays, without another wait"


def test_trakt_alone_is_waited_for_where_it_is_named(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    refuse(sandbox)
    with pytest.raises(AccessDenied):
        open_trending_cycle(altered(ctx, trending_source="trakt"), SHOWS, RUN)


def test_no_cycle_is_opened_where_tmdb_is_gone_as_well(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "status", "api": "trakt", "status": 403}, {"kind": "status", "api": "tmdb", "status": 401})
    with pytest.raises(SourceError):
        open_trending_cycle(ctx, SHOWS, RUN)
    assert state_of(ctx).media[0].cycle is None


@pytest.mark.parametrize("drop", [["results.*.id"], ["results.*.popularity"]])
def test_a_list_of_tmdbs_that_is_not_whole_opens_no_cycle(
    ctx: SyncContext, sandbox: RunningSandbox, drop: list[str]
) -> None:
    sandbox.faults({"kind": "edit", "endpoint": "/trending/{medium}/{window}", "drop": drop})
    with pytest.raises(SourceError):
        open_trending_cycle(replace(ctx, trakt=None), SHOWS, RUN)


def test_a_dry_run_counts_no_request_to_trakt_where_it_refuses(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    refuse(sandbox)
    preview = preview_cycle(ctx, SHOWS)
    assert set(preview.requests) == {"tmdb"}
    assert state_of(ctx).media[0].attempts == {}, "nothing is remembered"


def test_the_calendar_is_then_written_from_tmdbs_next_episodes_and_trakts_instants_come_in_their_place(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    refuse(sandbox)
    run_cycle(ctx)

    report = sync_calendar(ctx)

    days = {row["tmdb_id"]: row for row in all_rows(ctx.database, show_airings)}
    next_ones = title_rows(ctx.database)
    assert report.inserted == len(days) > 0
    for tmdb_id, airing in days.items():
        assert airing["air_date"] == f"{next_ones[tmdb_id]['next_episode_air_date']}T00:00:00.000Z"
        assert airing["episode"] == next_ones[tmdb_id]["next_episode_number"]
    assert sync_calendar(ctx).updated == 0, "nothing is written where nothing changed"

    sandbox.faults()
    clock.turn(hours=6)
    run_cycle(ctx)
    sync_calendar(ctx)

    now = all_rows(ctx.database, show_airings)
    assert now
    # A day may have ended meanwhile: of what aired on it nobody is asked any more.
    coming = [row for row in now if row["tmdb_id"] in days and row["air_date"] >= clock().date().isoformat()]
    assert coming
    assert all(row["trakt_id"] is not None for row in coming)
    instants = {row["id"]: row["air_date"] for row in now}

    refuse(sandbox)
    clock.turn(hours=6)
    run_cycle(ctx)
    sync_calendar(ctx)
    kept = {row["id"]: row["air_date"] for row in all_rows(ctx.database, show_airings)}
    assert {i: kept.get(i) for i in instants} == instants, "a day does not take an instant's place"


def test_trakts_key_is_needed_only_where_the_list_may_be_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRAKT_CLIENT_ID", raising=False)
    keys: dict[str, Any] = {"tmdb_access_token": "a-token-of-the-tests", "_env_file": None}
    assert missing_keys(load_settings(**keys)) == []
    assert missing_keys(load_settings(**keys, trending_source="tmdb")) == []
    assert missing_keys(load_settings(**keys, trending_source="trakt")) == ["TRAKT_CLIENT_ID"]
    with pytest.raises(SettingsError, match="TRENDING_SOURCE"):
        load_settings(**keys, trending_source="imdb")
