"""What people want to hear of when titles change: once, when it changes, and nothing else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, select

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage import pipeline_tables, title_changes
from ratingo_pipelines.storage.cycles import Member
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.errors import StorageBusy
from ratingo_pipelines.storage.title_changes import ChangedTitle, ChangeKind, TitleChange
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.title_changes import (
    JOINED,
    LEFT,
    changes_of_certifications,
    changes_of_list,
    changes_of_offers,
    changes_of_row,
)
from ratingo_pipelines.sync.titles import sync_ids
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.sync.syncing import (
    RUN,
    Clock,
    all_rows,
    eligible,
    limited,
    pass_time,
    run_cycle,
    title_rows,
)

SEASON, NEXT, STATUS = ChangeKind.SEASON, ChangeKind.NEXT_EPISODE, ChangeKind.STATUS
ROW = {"number_of_seasons": 3, "next_episode_air_date": "2026-05-01", "status": "Returning Series"}
NETFLIX = {"region": "UA", "provider_id": 8, "provider_name": "Netflix", "category": "flatrate"}
MEGOGO = {"region": "UA", "provider_id": 9, "provider_name": "MEGOGO", "category": "ads"}
Event = tuple[str, str | None, str | None, str | None]


@pytest.mark.parametrize(
    ("before", "values", "changes"),
    [
        ({}, {}, []),
        ({}, ROW, []),
        ({}, {"number_of_seasons": 4}, [TitleChange(SEASON, "3", "4")]),
        ({}, {"number_of_seasons": 2}, []),
        ({}, {"number_of_seasons": None}, []),
        ({"number_of_seasons": None}, {"number_of_seasons": 4}, []),
        ({}, {"next_episode_air_date": "2026-05-08"}, [TitleChange(NEXT, "2026-05-01", "2026-05-08")]),
        ({}, {"next_episode_air_date": None}, [TitleChange(NEXT, "2026-05-01", None)]),
        (
            {"next_episode_air_date": None},
            {"next_episode_air_date": "2026-05-01"},
            [TitleChange(NEXT, None, "2026-05-01")],
        ),
        ({}, {"status": "Ended"}, [TitleChange(STATUS, "Returning Series", "Ended")]),
        ({}, {"status": None}, []),
        ({"status": None}, {"status": "Ended"}, []),
    ],
)
def test_a_change_of_the_row_leads_from_what_was_known_to_what_is(
    before: dict[str, Any], values: dict[str, Any], changes: list[TitleChange]
) -> None:
    assert list(changes_of_row({**ROW, **before}, values)) == changes


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ([NETFLIX], [NETFLIX], []),
        ([NETFLIX], [NETFLIX | {"category": "buy"}], []),
        ([NETFLIX], [NETFLIX | {"provider_name": "Netflix Standard"}], []),
        ([NETFLIX], [NETFLIX, MEGOGO], [TitleChange(ChangeKind.ON_PROVIDER, None, "MEGOGO", "UA")]),
        ([NETFLIX, MEGOGO], [MEGOGO], [TitleChange(ChangeKind.OFF_PROVIDER, "Netflix", None, "UA")]),
        ([], [NETFLIX | {"region": "PL"}], []),
    ],
)
def test_a_title_comes_on_a_provider_or_goes_off_it_whatever_it_costs_there(
    before: list[dict[str, Any]], after: list[dict[str, Any]], changes: list[TitleChange]
) -> None:
    assert list(changes_of_offers(before, after, ("UA", "US"))) == changes


def test_certifications_are_told_by_country() -> None:
    before = [{"region": "UA", "rating": "16"}, {"region": "US", "rating": "TV-14"}]
    after = [{"region": "UA", "rating": "18"}, {"region": "US", "rating": "TV-14"}, {"region": "PL", "rating": "18"}]
    assert changes_of_certifications(before, after, ("UA", "US")) == (
        TitleChange(ChangeKind.CERTIFICATION, "16", "18", "UA"),
    )
    assert changes_of_certifications(after, after, ("UA", "US")) == ()


def test_a_list_is_compared_with_the_one_before_by_either_id() -> None:
    before = [Member(1, 11, "stays"), Member(2, 12, "merged"), Member(3, None, "leaves")]
    after = [Member(1, 11, "stays"), Member(22, 12, "merged"), Member(4, None, "comes")]
    assert list(changes_of_list(before, after, ())) == [
        ChangedTitle(4, "comes", JOINED),
        ChangedTitle(3, "leaves", LEFT),
    ]


def test_before_the_first_list_those_whom_the_site_lists_do_not_come_in_and_nobody_leaves() -> None:
    assert list(changes_of_list(None, [Member(1, 11, "listed"), Member(2, 12, "new")], {1, 9})) == [
        ChangedTitle(2, "new", JOINED)
    ]


def events(database: Database, after: int = 0, tmdb_id: int | None = None) -> list[Event]:
    rows = all_rows(database, pipeline_tables.title_changes)
    mine = [row for row in rows if row["id"] > after and tmdb_id in (None, row["tmdb_id"])]
    return [(row["kind"], row["region"], row["before"], row["after"]) for row in mine]


def last_id(database: Database) -> int:
    with database.reading() as conn:
        return title_changes.last_id(conn)


def named(database: Database, kind: str) -> Counter[int]:
    rows = all_rows(database, pipeline_tables.title_changes)
    return Counter(row["tmdb_id"] for row in rows if row["kind"] == kind)


def edited(tmdb_id: int, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "edit", "api": "tmdb", "endpoint": f"/tv/{tmdb_id}", "set": dict(values)}


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_first_storings_tell_of_the_list_alone_and_the_same_answers_of_nothing(
    ctx: SyncContext, sandbox: RunningSandbox, medium: Medium
) -> None:
    run_cycle(ctx, medium)
    listed = eligible(sandbox.truth(medium, 12))
    assert {event[0] for event in events(ctx.database)} == {"listed"}
    assert named(ctx.database, "listed").keys() >= set(listed)
    assert set(named(ctx.database, "listed").values()) == {1}
    told = len(events(ctx.database))
    run_cycle(ctx, medium)
    sync_ids(ctx, medium, RUN, listed)
    assert len(events(ctx.database)) == told


def offered(database: Database, regions: Sequence[str] = ("UA",)) -> int:
    """A listed show (TMDB id) with offers in these regions, and without a next episode doubted for anything."""
    rows = title_rows(database)
    return next(
        tmdb_id
        for tmdb_id, row in rows.items()
        if row["trending_score"] is not None
        and {offer["region"] for offer in row["watch_providers"] or ()} >= set(regions)
        and row["number_of_seasons"]
        and row["status"]
        and row["content_rating"]
        and row["next_episode_air_date"]
    )


def test_each_kind_of_change_is_told_once_with_what_was_and_what_is(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    chosen = offered(ctx.database)
    row = title_rows(ctx.database)[chosen]
    names = sorted({offer["name"] for offer in row["watch_providers"] if offer["region"] == "UA"})
    new = {"provider_id": 77_001, "provider_name": "Brand New", "logo_path": "/x.jpg", "display_priority": 1}
    offers = {"link": "https://www.themoviedb.org/", "flatrate": [new]}
    sandbox.faults(
        edited(
            chosen,
            {
                "number_of_seasons": row["number_of_seasons"] + 1,
                "status": "Canceled",
                "next_episode_to_air.air_date": "2031-02-03",
                "watch/providers.results.UA": offers,
                "content_ratings.results.iso_3166_1=UA.rating": "99+",
            },
        )
    )
    before = last_id(ctx.database)
    run_cycle(ctx)
    expected: list[Event] = [
        ("season", None, str(row["number_of_seasons"]), str(row["number_of_seasons"] + 1)),
        ("next_episode", None, row["next_episode_air_date"], "2031-02-03"),
        ("status", None, row["status"], "Canceled"),
        ("on_provider", "UA", None, "Brand New"),
        *(("off_provider", "UA", name, None) for name in names),
        ("certification", "UA", row["content_rating"], "99+"),
    ]
    assert sorted(events(ctx.database, before), key=str) == sorted(expected, key=str)
    changed = [row for row in all_rows(ctx.database, pipeline_tables.title_changes) if row["id"] > before]
    newest = all_rows(ctx.database, pipeline_tables.cycles)[-1]["id"]
    assert {(row["tmdb_id"], row["title"], row["cycle_id"]) for row in changed} == {(chosen, row["title"], newest)}
    before = last_id(ctx.database)
    run_cycle(ctx)
    sync_ids(ctx, SHOWS, RUN, [chosen])
    assert events(ctx.database, before) == []


def test_what_is_doubted_is_told_when_it_is_believed(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> None:
    run_cycle(ctx)
    chosen = offered(ctx.database)
    offers = {(offer["region"], offer["name"]) for offer in title_rows(ctx.database)[chosen]["watch_providers"]}
    sandbox.faults({"kind": "lie", "name": "no_providers", "ids": [chosen]})
    before = last_id(ctx.database)
    run_cycle(ctx)
    assert events(ctx.database, before) == []
    pass_time(sandbox, clock, hours=5, minutes=1)
    run_cycle(ctx)
    expected = [("off_provider", region, name, None) for region, name in offers]
    assert sorted(events(ctx.database, before, chosen), key=str) == sorted(expected, key=str)
    assert expected


def test_who_comes_into_the_list_and_who_leaves_it_is_told_where_it_is_opened(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    def told_by_the_next_list(limit: int) -> list[tuple[str, int]]:
        before = last_id(ctx.database)
        open_trending_cycle(limited(ctx, limit), SHOWS, RUN)
        rows = all_rows(ctx.database, pipeline_tables.title_changes)
        return [(row["kind"], row["tmdb_id"]) for row in rows if row["id"] > before]

    first = told_by_the_next_list(20)
    assert {kind for kind, _ in first} == {"listed"}
    longer = told_by_the_next_list(30)
    came = [tmdb_id for kind, tmdb_id in longer]
    assert came
    assert longer == [("listed", tmdb_id) for tmdb_id in came]
    assert not {tmdb_id for _, tmdb_id in first} & set(came)
    assert told_by_the_next_list(30) == []
    assert told_by_the_next_list(20) == [("unlisted", tmdb_id) for tmdb_id in came]


def test_a_list_that_is_not_believed_tells_of_nobody(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    before = last_id(ctx.database)
    sandbox.faults({"kind": "list", "api": "trakt", "endpoint": "/shows/trending", "keep": 2})
    with pytest.raises(SourceError):
        open_trending_cycle(ctx, SHOWS, RUN)
    assert events(ctx.database, before) == []


def test_an_adopted_databases_titles_tell_of_nothing_before_they_were_stored_here(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    run_cycle(ctx)
    chosen = offered(ctx.database)
    with ctx.database.writing() as conn:
        for table in reversed(pipeline_tables.metadata.sorted_tables):
            conn.execute(delete(table))
    seasons = title_rows(ctx.database)[chosen]["number_of_seasons"]
    sandbox.faults(edited(chosen, {"number_of_seasons": seasons + 1, "status": "Canceled"}))
    run_cycle(ctx)
    assert title_rows(ctx.database)[chosen]["status"] == "Canceled"
    assert events(ctx.database, tmdb_id=chosen) == []
    sandbox.faults(edited(chosen, {"number_of_seasons": seasons + 2, "status": "Canceled"}))
    run_cycle(ctx)
    assert events(ctx.database, tmdb_id=chosen) == [("season", None, str(seasons + 1), str(seasons + 2))]


def test_a_title_that_turns_out_not_to_be_eligible_leaves_the_list_once(
    ctx: SyncContext, sandbox: RunningSandbox
) -> None:
    unknown = eligible(sandbox.truth(SHOWS, 12))[0]
    sandbox.faults({"kind": "status", "status": 404, "api": "tmdb", "endpoint": f"/tv/{unknown}"})
    for _ in range(3):
        run_cycle(ctx)
    assert events(ctx.database, tmdb_id=unknown) == [("listed", None, None, None), ("unlisted", None, None, None)]
    sandbox.faults()
    for _ in range(2):
        run_cycle(ctx)
    assert events(ctx.database, tmdb_id=unknown)[2:] == [("listed", None, None, None)]


def test_a_transaction_that_is_tried_again_tells_once(ctx: SyncContext, sandbox: RunningSandbox) -> None:
    run_cycle(ctx)
    chosen = offered(ctx.database)
    status = title_rows(ctx.database)[chosen]["status"]
    sandbox.faults(edited(chosen, {"status": "Canceled"}))
    failed: list[str] = []

    def fail_once(conn: Connection) -> None:
        table = pipeline_tables.title_changes
        if not failed and conn.execute(select(table.c.id).where(table.c.kind == "status")).first():
            failed.append("before the commit")
            raise StorageBusy("another writer was in the way")

    event.listen(ctx.database.engine, "commit", fail_once)
    try:
        run_cycle(ctx)
    finally:
        event.remove(ctx.database.engine, "commit", fail_once)
    assert failed == ["before the commit"]
    assert events(ctx.database, tmdb_id=chosen)[1:] == [("status", None, status, "Canceled")]
