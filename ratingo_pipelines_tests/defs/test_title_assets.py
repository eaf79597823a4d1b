"""Partitions of titles: a batch in one run, each title alone, and what the UI shows of them."""

from typing import Any

import dagster as dg
import pytest

from ratingo_pipelines.definitions import defs
from ratingo_pipelines.defs.partitions import key, stage_keys
from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage import failures
from ratingo_pipelines_tests.defs.conftest import LISTED, Installation, failure_of

PARTS = list(stage_keys(SHOWS))
DETAILS, RATINGS, SPARKLINES = PARTS
FORCED = {"ops": {"shows_titles": {"config": {"force": True}}}}


@pytest.fixture
def listed(installed: Installation) -> Installation:
    """An installation whose trending list was just fetched; nothing is worked off yet."""
    assert installed.run("shows_trending").success
    return installed


def materializations(listed: Installation, result: dg.ExecuteInProcessResult) -> list[dg.AssetKey]:
    """The assets that the run's log says were materialized, once for each partition."""
    kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION}
    records = listed.instance.get_records_for_run(result.run_id, of_type=kinds).records
    keys = [record.event_log_entry.get_dagster_event().asset_key for record in records]
    return [key for key in keys if key is not None]


def test_a_range_of_partitions_is_one_run_with_a_materialization_a_title_and_asset(listed: Installation) -> None:
    ids = listed.partitions()

    result = listed.over(PARTS, ids[0], ids[4])

    assert result.success
    assert len(materializations(listed, result)) == 5 * 3
    assert [sorted(listed.materialized(*part.path)) for part in PARTS] == [sorted(ids[:5])] * 3
    assert (listed.counts().done, listed.counts().pending) == (5, LISTED - 5)


def test_a_run_keeps_no_event_in_memory_that_is_stored(listed: Installation) -> None:
    ids = listed.partitions()

    result = listed.over([DETAILS], ids[0], ids[1])

    assert materializations(listed, result) == [DETAILS] * 2
    assert not [event for event in result.all_events if event.is_step_materialization]


def test_a_materialization_says_what_a_person_wants_to_see(listed: Installation) -> None:
    [first, *_] = listed.partitions()
    listed.run("shows_retry", partition=first)

    details, ratings, sparklines = (listed.materialized(*part.path)[first] for part in PARTS)

    assert details["title"] == "Still Water"
    assert details["TMDB"] == f"https://www.themoviedb.org/tv/{first}"
    assert details["Trakt"] == "https://trakt.tv/shows/1001"
    assert details["rows written"] > 20
    assert details["watchers"] == 12_374
    assert 0 < details["score"] <= 100
    assert details["seconds"] > 0
    assert ratings["distribution"].startswith("![Votes at Trakt, 1 to 10](data:image/svg+xml;base64,")
    assert sparklines["watchers by day"].startswith("![Watchers of the last 30 days](data:image/svg+xml;base64,")
    assert max(len(str(one)) for one in (details, ratings, sparklines)) < 5000


def test_a_title_fails_alone_and_the_failure_lists_it_with_its_reason(listed: Installation) -> None:
    ids = listed.partitions()
    listed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [ids[2]]})

    result = listed.over(PARTS, ids[0], ids[4])

    assert not result.success
    assert sorted(listed.materialized("shows", "details")) == sorted({*ids[:5]} - {ids[2]})
    failure = failure_of(result)
    assert failure.description.startswith(f"1 failed, all others are stored: {ids[2]} ")
    assert "is not JSON" in failure.description
    assert failure.metadata["failed"] == 1
    assert f"| {ids[2]} |" in failure.metadata["failures"]
    assert listed.counts().error == 1


def test_a_failed_partition_is_failed_in_the_ui_and_the_others_are_not(listed: Installation) -> None:
    ids = listed.partitions()
    listed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [ids[1]]})
    listed.over(PARTS, ids[0], ids[2])

    of_titles = defs.get_repository_def().asset_graph.get(DETAILS).partitions_def
    assert of_titles is not None
    status = listed.instance.get_status_by_partition(DETAILS, [str(tmdb_id) for tmdb_id in ids[:3]], of_titles)

    assert status is not None
    assert {int(partition): str(state) for partition, state in status.items()} == {
        ids[0]: "AssetPartitionStatus.MATERIALIZED",
        ids[1]: "AssetPartitionStatus.FAILED",
        ids[2]: "AssetPartitionStatus.MATERIALIZED",
    }


def test_partitions_that_a_source_fails_alike_are_not_materialized_and_record_nothing(listed: Installation) -> None:
    ids = listed.partitions()
    listed.over(PARTS, ids[0], ids[0])
    listed.sandbox.faults({"kind": "lie", "name": "bad_request", "api": "tmdb"})

    backfill = listed.over(PARTS, ids[1], ids[4])
    retry = listed.run("shows_retry", partition=ids[1])

    for ended in (backfill, retry):
        assert not ended.success
        assert "look at TMDB_BASE_URL" in failure_of(ended).description
    assert list(listed.materialized("shows", "details")) == [ids[0]]
    assert (listed.counts().pending, listed.counts().error) == (LISTED - 1, 0)
    with listed.database.reading() as conn:
        assert failures.all_failures(conn, SHOWS) == []


def test_only_the_ratings_of_titles_cost_no_call_to_tmdb_and_leave_them_done(listed: Installation) -> None:
    ids = listed.partitions()
    listed.over(PARTS, ids[0], ids[4])
    listed.sandbox.reset()

    result = listed.over([RATINGS], ids[0], ids[4], FORCED)

    assert result.success
    assert (listed.asked("tmdb"), listed.asked("trakt")) == (0, 5)
    assert set(materializations(listed, result)) == {RATINGS}
    assert (listed.counts().done, listed.counts().pending) == (5, LISTED - 5)


def test_only_the_ratings_of_a_title_without_a_row_fail_with_that_reason(listed: Installation) -> None:
    [first, *_] = listed.partitions()

    result = listed.over([RATINGS], first, first)

    assert "the title has no row yet: materialize its details first" in failure_of(result).description


def test_a_title_that_is_fresh_in_its_cycle_is_not_fetched_again_unless_asked_to(listed: Installation) -> None:
    [first, *_] = listed.partitions()
    listed.run("shows_retry", partition=first)
    listed.sandbox.reset()

    again = listed.run("shows_retry", partition=first)

    assert again.success
    assert (listed.asked("tmdb"), listed.asked("trakt")) == (0, 0)
    assert {listed.materialized(*part.path)[first]["skipped"] for part in PARTS} == {"fresh"}
    # What is stored of it stays shown.
    details, ratings, sparklines = (listed.materialized(*part.path)[first] for part in PARTS)
    assert (details["title"], details["watchers"]) == ("Still Water", 12_374)
    assert details["Trakt"] == "https://trakt.tv/shows/1001"
    assert 0 < details["score"] <= 100
    assert ratings["distribution"].startswith("![Votes at Trakt")
    assert sparklines["watchers by day"].startswith("![Watchers of the last 30 days]")

    listed.run("shows_retry", FORCED, partition=first)
    assert listed.materialized("shows", "details")[first]["rows written"] >= 1
    assert listed.asked("tmdb") >= 1


def test_one_title_asked_for_by_a_person_is_fetched_again_though_it_is_fresh(listed: Installation) -> None:
    [first, *_] = listed.partitions()
    listed.run("shows_retry", partition=first)
    listed.sandbox.reset()

    # As the UI's dialog and `dagster asset materialize` do; a backfill's run carries a tag besides.
    by_hand = listed.one(PARTS, first)
    asked_by_hand = listed.asked("tmdb")
    in_a_backfill = listed.one(PARTS, first, dagster__backfill="abcd")

    assert by_hand.success
    assert in_a_backfill.success
    assert asked_by_hand >= 1
    assert listed.asked("tmdb") == asked_by_hand


@pytest.mark.parametrize("word", ["breaking-bad", "-1", "0", "1e3", "²", "99999999999999999999"])
def test_a_partition_that_is_no_tmdb_id_is_named_and_holds_up_nothing(listed: Installation, word: str) -> None:
    ids = listed.partitions()
    listed.instance.add_dynamic_partitions("shows", [word])

    with_it, alone = listed.over(PARTS, ids[-1], word), listed.over(PARTS, word, word)

    assert with_it.success
    assert sorted(listed.materialized("shows", "details")) == [ids[-1]]
    assert failure_of(alone).description == (
        f"no TMDB ids, so there is nothing to fetch: {word}. Delete these partitions."
    )


def test_a_title_outside_the_latest_cycle_is_materialized_without_new_watchers(
    listed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, last = listed.partitions()
    monkeypatch.setenv("TRENDING_LIMIT", str(LISTED // 2))
    listed.run("shows_trending")

    result = listed.run("shows_retry", partition=last)

    assert result.success
    assert "rows written" in listed.materialized("shows", "details")[last]
    assert "does not name the title" in listed.materialized("shows", "sparklines")[last]["skipped"]


def test_a_range_that_turns_out_empty_is_an_error_not_a_success(listed: Installation) -> None:
    ids = listed.partitions()

    result = listed.over(PARTS, ids[2], ids[0])

    assert "The run's range of partitions is empty" in failure_of(result).description


def test_omdb_is_asked_about_the_titles_of_the_partitions(listed: Installation) -> None:
    ids = listed.partitions()
    listed.over(PARTS, ids[0], ids[4])
    listed.sandbox.reset()

    result = listed.over([key(SHOWS, "omdb")], ids[0], ids[4])

    assert result.success
    found = listed.materialized("shows", "omdb")
    assert sorted(found) == sorted(ids[:5])
    assert 0 < listed.asked("omdb") <= 5
    assert (listed.asked("tmdb"), listed.asked("trakt")) == (0, 0)


def test_progress_is_a_line_now_and_then_not_a_line_a_title(listed: Installation) -> None:
    ids = listed.partitions()

    result = listed.over(PARTS, ids[0], ids[-1])

    lines = [
        entry.user_message
        for entry in listed.instance.all_logs(result.run_id)
        if entry.dagster_event is None and "/" in (entry.user_message or "")
    ]
    assert lines[-1] == f"{LISTED}/{LISTED}, 0 failed"
    assert len(lines) <= 2


def test_the_headline_of_a_run_is_among_its_tags(listed: Installation) -> None:
    ids = listed.partitions()
    listed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [ids[2]]})

    result = listed.over(PARTS, ids[0], ids[4])

    run = listed.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["ratingo/headline"] == "4 done, 1 failed"


def test_movies_have_the_same_assets(installed: Installation) -> None:
    assert installed.run("movies_trending").success
    ids = installed.partitions(MOVIES)

    result = installed.over(list(stage_keys(MOVIES)), ids[0], ids[2])

    assert result.success
    found: dict[int, dict[str, Any]] = installed.materialized("movies", "details")
    assert found[ids[0]]["TMDB"] == f"https://www.themoviedb.org/movie/{ids[0]}"


def test_a_run_over_all_assets_of_a_title_asks_omdb_too(installed: Installation) -> None:
    installed.run("shows_trending")
    title = installed.partitions()[0]
    keys = [key(SHOWS, name) for name in ("details", "ratings", "sparklines", "omdb")]

    assert installed.one(keys, title).success

    assert installed.asked("omdb") == 1
    assert all(title in installed.materialized("shows", name) for name in ("details", "ratings", "sparklines", "omdb"))


def test_a_range_over_titles_that_lack_nothing_spends_none_of_omdbs_day(installed: Installation) -> None:
    installed.run("shows_full_sync")
    for api in ("omdb", "tmdb"):
        assert installed.asked(api) > 0
    installed.sandbox.reset()
    first, *_, last = map(str, installed.partitions())

    assert installed.over([key(SHOWS, "omdb")], first, last).success

    assert installed.asked("omdb") == 0
