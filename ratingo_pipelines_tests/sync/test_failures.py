"""What fails and what is kept: one title, one API, the key, the database."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import AccessDenied, BadPayload
from ratingo_pipelines.storage.pipeline_tables import cycles, failures, trending
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import Follower, StopReason, TitleOutcome
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.sync.meddling import meddling_kit
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    all_rows,
    altered,
    eligible,
    limited,
    run_cycle,
)

DETAILS = {"api": "tmdb", "endpoint": "/{medium}/{id}"}
RATINGS = {"api": "trakt", "endpoint": "/{medium}/{id}/ratings"}


def outcomes(ctx: SyncContext) -> dict[int, str]:
    """Of the titles of the latest cycle."""
    rows = all_rows(ctx.database, trending)
    return {row["tmdb_id"]: row["outcome"] for row in rows if row["cycle_id"] == rows[-1]["cycle_id"]}


def test_one_title_fails_alone(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ids = eligible(sandbox.truth(SHOWS, 12))
    sandbox.faults({"kind": "types", **DETAILS, "ids": [ids[2]]})
    told: list[TitleOutcome] = []
    open_trending_cycle(ctx, SHOWS, RUN)
    report = sync_pending(ctx, SHOWS, RUN, follower=Follower(on_outcome=told.append))
    assert [failure.tmdb_id for failure in report.failures] == [ids[2]]
    assert (report.succeeded, report.failed, report.ok) == (len(ids) - 1, 1, False)
    assert len(told) == report.fetched
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12), without=[ids[2]]) == []
    assert outcomes(ctx)[ids[2]] == "error"
    [failure] = all_rows(ctx.database, failures)
    assert (failure["tmdb_id"], failure["stage"], failure["attempts"]) == (ids[2], "details", 1)
    assert failure["title"]
    assert failure["last_error"].startswith("TMDB: ")


def test_a_key_revoked_in_the_middle_stops_the_run_at_once_with_what_to_do(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    ctx = altered(limited(ctx, 40), concurrency=4)
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({"kind": "revoked", **RATINGS})
    report = sync_pending(ctx, SHOWS, RUN)
    assert (report.ok, report.stopped_by, report.failures) == (False, StopReason.ACCESS, ())
    assert "TRAKT_CLIENT_ID" in (report.stopped or "")
    assert sandbox.counters()["trakt"]["statuses"]["403"] <= 4
    assert all_rows(ctx.database, failures) == []
    assert list(outcomes(ctx).values()).count("pending") > 30
    sandbox.faults()
    assert sync_pending(ctx, SHOWS, RUN).ok
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 40)) == []


def test_a_key_that_tmdb_refuses_stops_the_run_before_it_begins(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    open_trending_cycle(ctx, SHOWS, RUN)
    sandbox.faults({"kind": "revoked", "api": "tmdb"})
    with pytest.raises(AccessDenied, match="TMDB_ACCESS_TOKEN"):
        sync_pending(ctx, SHOWS, RUN)
    assert set(outcomes(ctx).values()) <= {"pending", "skipped"}
    sandbox.faults()
    assert sync_pending(ctx, SHOWS, RUN).ok, "the claims were given back"


def test_a_trending_list_that_cannot_be_read_opens_no_cycle(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(limited(ctx, 3))
    sandbox.faults({"kind": "types", "api": "trakt", "endpoint": "/{medium}/trending"})
    with pytest.raises(BadPayload, match="trending"):
        open_trending_cycle(ctx, SHOWS, RUN)
    assert len(all_rows(ctx.database, cycles)) == 1


def test_a_title_that_nobody_names_fails_with_that_reason(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    nameless = eligible(sandbox.truth(SHOWS, 12))[0]

    def edit(path: str, payload: Any) -> Any:
        if path.endswith("/trending"):
            spoilt = [one for one in payload if one["show"]["ids"]["tmdb"] == nameless]
            return [one | {"show": one["show"] | {"title": None}} if one in spoilt else one for one in payload]
        return payload | {"name": "", "original_name": None} if path.endswith(f"/tv/{nameless}") else payload

    with meddling_kit(ctx, sandbox, edit) as (other, _):
        _, report = run_cycle(other)
    reasons = {failure.tmdb_id: failure.reason for failure in report.failures}
    assert reasons == {nameless: "cannot be stored: neither Trakt nor TMDB gives it a title"}


def test_a_database_that_goes_away_ends_the_run_with_what_was_stored(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    ctx = altered(limited(ctx, 30), concurrency=2)
    open_trending_cycle(ctx, SHOWS, RUN)
    report = sync_pending(ctx, SHOWS, RUN, follower=Follower(on_outcome=once_after(3, lambda: execute(ctx, HIDE))))
    assert (report.ok, report.stopped_by) == (False, StopReason.DATABASE)
    assert "ratingo db upgrade" in (report.stopped or "")
    execute(ctx, SHOW)
    assert 3 <= report.succeeded < 20
    again = sync_pending(ctx, SHOWS, RUN)
    assert again.ok
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 30)) == []


def test_a_database_server_that_drops_its_connections_loses_no_title(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    if ctx.database.dialect != "postgresql":
        pytest.skip("SQLite has no server")
    open_trending_cycle(ctx, SHOWS, RUN)
    report = sync_pending(ctx, SHOWS, RUN, follower=Follower(on_outcome=once_after(2, lambda: execute(ctx, DROP))))
    if report.stopped_by is not None:
        assert report.stopped_by is StopReason.DATABASE
        ctx.database.dispose()
        assert sync_pending(ctx, SHOWS, RUN).ok
    assert differences(ctx.database, SHOWS, sandbox.truth(SHOWS, 12)) == []


DROP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'ratingo' AND datname = current_database()"
)
HIDE = "ALTER TABLE show_translations RENAME TO hidden"
SHOW = "ALTER TABLE hidden RENAME TO show_translations"


def once_after(count: int, act: Callable[[], None]) -> Callable[[TitleOutcome], None]:
    """A listener that acts once, when so many titles are done."""
    done = 0

    def listener(outcome: TitleOutcome) -> None:
        nonlocal done
        done += bool(outcome.stored)
        if done == count and outcome.stored:
            act()

    return listener


def execute(ctx: SyncContext, statement: str) -> None:
    """From a connection that is none of the program's."""
    engine = create_engine(ctx.database.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(statement))
    engine.dispose()
