"""What Dagster shows of a title's partition: failed and why, stored and with what; and of runs in their list."""

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster import AssetPartitionStatus
from dagster._core.storage.tags import TagType, get_tag_type

from ratingo_pipelines.defs.partitions import TITLES, stage_keys
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage.cycles import Counts
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines_tests.defs.conftest import LISTED, Installation
from ratingo_pipelines_tests.storage.examples import rows_of

DETAILS, RATINGS, SPARKLINES = stage_keys(SHOWS)


@pytest.fixture
def broken(installed: Installation) -> Iterator[int]:
    """A listed title that fails at TMDB until the sandbox is told otherwise."""
    assert installed.run("shows_trending").success
    [first, *_] = installed.partitions()
    installed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [first]})
    yield first
    installed.sandbox.faults()


def statuses(installed: Installation, asset: dg.AssetKey) -> dict[int, AssetPartitionStatus | None]:
    """As the asset's page shows them."""
    keys = installed.instance.get_dynamic_partitions(SHOWS.plural)
    found = installed.instance.get_status_by_partition(asset, keys, TITLES[SHOWS])
    assert found is not None
    return {int(partition): status for partition, status in found.items()}


def observed(installed: Installation, asset: dg.AssetKey, title: int) -> list[dict[str, object]]:
    """What is said of a partition besides its materializations, the latest first."""
    filters = dg.AssetRecordsFilter(asset, asset_partitions=[str(title)])
    records = installed.instance.fetch_observations(filters, limit=10).records
    events = [record.event_log_entry.get_dagster_event().asset_observation_data.asset_observation for record in records]
    return [{name: value.value for name, value in event.metadata.items()} for event in events]


def test_a_title_that_failed_in_a_job_is_failed_and_its_page_says_why(installed: Installation, broken: int) -> None:
    assert not installed.run("shows_sync").success

    for asset in (DETAILS, RATINGS, SPARKLINES):
        of_all = statuses(installed, asset)
        assert of_all.pop(broken) is AssetPartitionStatus.FAILED
        assert set(of_all.values()) == {AssetPartitionStatus.MATERIALIZED}
        [said] = observed(installed, asset, broken)
        assert str(said["failed"]).startswith("TMDB: ")
        assert said["kept"] == "what was stored before"


def test_once_it_succeeds_in_a_job_or_alone_it_is_failed_no_more(installed: Installation, broken: int) -> None:
    installed.run("shows_sync")
    installed.sandbox.faults()

    assert installed.one([DETAILS, RATINGS, SPARKLINES], broken).success

    assert set(statuses(installed, DETAILS).values()) == {AssetPartitionStatus.MATERIALIZED}
    installed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [broken]})
    again = {"ops": {"shows_sync_titles": {"config": {"ids": [broken], "force": True}}}}
    assert not installed.run("shows_sync", again).success
    assert statuses(installed, DETAILS)[broken] is AssetPartitionStatus.FAILED
    installed.sandbox.faults()
    assert installed.run("shows_sync", again).success
    assert statuses(installed, DETAILS)[broken] is AssetPartitionStatus.MATERIALIZED


def test_a_run_over_assets_says_why_a_partition_failed_as_well(installed: Installation, broken: int) -> None:
    ids = installed.partitions()
    assert not installed.over([DETAILS], ids[0], ids[4]).success

    assert statuses(installed, DETAILS)[broken] is AssetPartitionStatus.FAILED
    assert len(observed(installed, DETAILS, broken)) == 1
    assert observed(installed, RATINGS, broken) == []


def test_a_part_that_failed_of_a_title_that_waits_leaves_it_waiting(installed: Installation, broken: int) -> None:
    ids = installed.partitions()
    assert not installed.over([DETAILS], ids[0], ids[4]).success

    assert installed.counts() == Counts(pending=LISTED)


def test_the_missing_part_of_a_failed_title_ends_its_place(installed: Installation) -> None:
    installed.run("shows_trending")
    [first, *_] = installed.partitions()
    trakt = next(entry["trakt"] for entry in installed.sandbox.truth(SHOWS, LISTED) if entry["tmdb"] == first)
    installed.sandbox.faults({"kind": "malformed", "api": "trakt", "endpoint": f"/shows/{trakt}/ratings"})
    assert not installed.run("shows_sync").success
    assert installed.counts() == Counts(done=LISTED - 1, error=1)
    installed.sandbox.faults()

    assert installed.one([DETAILS], first).success
    assert installed.counts() == Counts(done=LISTED - 1, error=1)

    assert installed.one([RATINGS], first).success
    assert installed.counts() == Counts(done=LISTED)


def test_a_materialization_has_names_links_a_poster_and_its_rows(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")
    t = tables_of(SHOWS)
    for row in rows_of(installed.database, t.titles):
        if row["trending_score"] is None:
            continue
        for asset in (DETAILS, RATINGS, SPARKLINES):
            said = installed.materialized(*asset.path)[row["tmdb_id"]]
            assert said["title"] == row["title"]
            assert said.get("title in Ukrainian") == row["title_uk"]
            assert said.get("IMDb") == (f"https://www.imdb.com/title/{row['imdb_id']}/" if row["imdb_id"] else None)
            assert (row["poster_uk"] or row["poster"]) in said["poster"]
            assert said["page"] == f"/watching/titles/shows/{row['tmdb_id']}"
        children = (t.genres, t.videos, t.watch_providers, t.cast, t.content_ratings, t.translations, t.related)
        of_details = sum(len(rows_of(installed.database, table, show_id=row["id"])) for table in children)
        of_ratings = len(rows_of(installed.database, t.rating_buckets, show_id=row["id"]))
        counts = [
            installed.materialized(*asset.path)[row["tmdb_id"]]["dagster/partition_row_count"]
            for asset in (DETAILS, RATINGS, SPARKLINES)
        ]
        assert counts == [1 + of_details, 1 + of_ratings, 1]


def test_the_list_of_runs_shows_two_tags_of_a_run_at_most_and_the_headline_first(installed: Installation) -> None:
    for job in ("shows_trending", "shows_sync", "movies_trending", "shows_omdb_backfill", "shows_calendar_sync"):
        installed.run(job, ratingo__launched_by="cron")

    for run in installed.instance.get_runs():
        shown = [tag for tag in run.tags if get_tag_type(tag) is TagType.USER_PROVIDED]  # type: ignore[no-untyped-call]
        assert shown == ["ratingo/headline", "ratingo/launched_by"], run.job_name
        assert run.tags["ratingo/headline"] != "not over yet", run.job_name
