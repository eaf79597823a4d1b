"""A cycle on an empty database and one right after it: every fact, and what it costs."""

from dataclasses import dataclass
from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, SHOWS, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.entry_counts import COUNTED
from ratingo_pipelines.storage.pipeline_tables import cycles, trending
from ratingo_pipelines.sync.context import open_sync_context, utc_now
from ratingo_pipelines.sync.report import BatchReport, TrendingReport
from ratingo_pipelines.sync.status import status_of_media
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sync.syncing import all_rows, counts, eligible, ids, run_cycle, settings_for, title_rows

LISTED = 100
LISTS_ONLY = ("trending_score", "rating_trakt", "watchers_delta", "delta_3m", "trending_updated_at")
"""Columns that a title gets from trending lists alone."""
SKIPPED = {
    "no_tmdb_id": "no TMDB id",
    "listed_twice": "listed twice",
    "unknown_to_tmdb": "unknown to TMDB",
    "anime": "anime filter",
}


@dataclass(frozen=True)
class Cycle:
    """What a cycle reported, what it asked, and what the database held after it."""

    trending: TrendingReport
    titles: BatchReport
    counters: dict[str, Any]
    rows: dict[str, int]
    ids: dict[str, set[int]]
    wrong: list[str]


@dataclass(frozen=True)
class History:
    database: Database
    truth: dict[Medium, list[dict[str, Any]]]
    first: dict[Medium, Cycle]
    second: Cycle
    """Of shows, right after both first ones."""


@pytest.fixture(scope="module")
def history(
    shared_database: Database, running_sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory
) -> History:
    """Both media synced once and shows once more, on a database for all tests of the module."""
    running_sandbox.reset()
    url = shared_database.url.render_as_string(hide_password=False)
    settings = settings_for(running_sandbox, tmp_path_factory.mktemp("home"), database_url=url, trending_limit=LISTED)
    truth = {medium: running_sandbox.truth(medium, LISTED) for medium in MEDIA}

    def cycle(medium: Medium) -> Cycle:
        running_sandbox.reset()
        with open_sync_context(settings) as ctx:
            listed, titles = run_cycle(ctx, medium)
        return Cycle(
            listed,
            titles,
            running_sandbox.counters(),
            counts(shared_database),
            ids(shared_database),
            differences(shared_database, medium, truth[medium]),
        )

    first = {medium: cycle(medium) for medium in MEDIA}
    return History(shared_database, truth, first, cycle(SHOWS))


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_every_fact_of_every_eligible_title_is_right_after_one_cycle(history: History, medium: Medium) -> None:
    assert len(eligible(history.truth[medium])) > 85
    assert history.first[medium].wrong == []
    assert history.first[medium].titles.failures == ()


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_what_is_not_eligible_is_skipped_with_its_reason(history: History, medium: Medium) -> None:
    expected = {entry["rank"]: SKIPPED.get(entry["skip"]) for entry in history.truth[medium]}
    with history.database.reading() as conn:
        rows = conn.execute(trending.select().where(trending.c.medium == medium.plural)).mappings().all()
    first = [row for row in rows if row["cycle_id"] == history.first[medium].trending.cycle_id]
    assert len(first) == LISTED
    for row in first:
        reason = expected[row["rank"]]
        assert row["outcome"] == ("skipped" if reason else "done")
        assert (row["reason"] or "").startswith(reason or "")


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_an_empty_database_costs_one_call_of_tmdb_and_two_of_trakt_a_title(history: History, medium: Medium) -> None:
    asked = history.first[medium].counters
    assert asked["tmdb"]["requests"] <= LISTED + 1
    assert asked["trakt"]["requests"] <= 2 * len(eligible(history.truth[medium])) + 7
    assert asked["trakt"]["repeated"] == asked["tmdb"]["repeated"] == {}
    assert "omdb" not in asked


def test_the_next_cycle_costs_one_call_of_each_a_title(history: History) -> None:
    asked = history.second.counters
    assert asked["tmdb"]["requests"] <= LISTED
    assert asked["trakt"]["requests"] == len(eligible(history.truth[SHOWS])) + 1
    assert asked["trakt"]["repeated"] == asked["tmdb"]["repeated"] == {}


def test_reports_and_cycles_count_the_requests_that_the_upstreams_counted(history: History) -> None:
    kept = {row["id"]: row["requests"] for row in all_rows(history.database, cycles)}
    for cycle in some((*history.first.values(), history.second), len(MEDIA) + 1):
        reported = {api: cycle.trending.requests[api] + cycle.titles.requests[api] for api in ("trakt", "tmdb")}
        assert reported == {api: cycle.counters[api]["requests"] for api in ("trakt", "tmdb")}
        assert kept[cycle.trending.cycle_id] == reported | {"omdb": 0}


def test_the_next_cycle_adds_a_snapshot_a_title_and_no_other_row(history: History) -> None:
    before, after = history.first[MEDIA[-1]], history.second
    grown = {name: after.rows[name] - count for name, count in before.rows.items() if after.rows[name] != count}
    assert grown.pop("show_watchers_snapshots") == len(eligible(history.truth[SHOWS]))
    of_the_cycle = {"pipeline_cycles": 1, "pipeline_trending": LISTED}
    assert grown == of_the_cycle | {"pipeline_entry_counts": len(COUNTED)}
    for name, known in before.ids.items():
        assert known <= after.ids[name], name
    assert after.wrong == []


def test_reports_tell_new_titles_from_known_ones(history: History) -> None:
    first, second = history.first[SHOWS].titles, history.second.titles
    count = len(eligible(history.truth[SHOWS]))
    assert (first.added, first.updated, first.succeeded) == (count, 0, count)
    assert (second.added, second.updated, second.succeeded) == (0, count, count)
    assert (second.snapshots, second.snapshots_unchanged) == (count, 0)
    assert second.ratings == count
    assert second.buckets == 0


def test_related_titles_become_stubs_that_the_site_does_not_list(history: History) -> None:
    for medium in MEDIA:
        listed = set(eligible(history.truth[medium]))
        stubs = {tmdb_id: row for tmdb_id, row in title_rows(history.database, medium).items() if tmdb_id not in listed}
        assert len(stubs) > 50
        for row in stubs.values():
            assert row["title"]
            assert row["status"] is None
            assert [row[name] for name in LISTS_ONLY] == [None] * len(LISTS_ONLY)


def test_the_status_counts_the_cycle(history: History) -> None:
    shows = status_of_media(history.database, utc_now())[0]
    assert shows.cycle is not None
    assert shows.cycle.id == history.second.trending.cycle_id
    assert (shows.counts.done, shows.counts.error) == (len(eligible(history.truth[SHOWS])), 0)
    assert (shows.counts.pending, shows.counts.processing) == (0, 0)
    assert shows.failures == ()


def test_six_monthly_lists_are_kept_after_the_first_cycle(history: History) -> None:
    assert len(history.first[SHOWS].trending.months_fetched) == 6
    assert history.second.trending.months_fetched == ()
    assert len(all_rows(history.database, trending)) == 3 * LISTED
