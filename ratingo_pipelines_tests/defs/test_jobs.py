"""Jobs that work off what is due: stages that stop for nothing but an API's refusal, and what they report."""

from typing import Any

import pytest
from sqlalchemy import func, select

from ratingo_pipelines.defs.partitions import MONTHS, key
from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.storage.tables import show_airings, tables_of
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines_tests.defs.conftest import LISTED, Installation, failure_of

MONTHLY = key(SHOWS, "watched_monthly")
FIRST_MONTH = MONTHS.get_first_partition_key() or ""


def ids_of(*tmdb_ids: int, **config: Any) -> dict[str, Any]:
    return {"ops": {"shows_sync_titles": {"config": {"ids": list(tmdb_ids), **config}}}}


def limit_of(limit: int) -> dict[str, Any]:
    return {"ops": {"shows_sync_titles": {"config": {"limit": limit}}}}


def test_a_sync_works_off_what_is_pending_and_reports_it(installed: Installation) -> None:
    installed.run("shows_trending")

    result = installed.run("shows_sync")

    assert result.success
    [report, fetch] = installed.reports()
    counts = ("fetched", "added", "updated", "succeeded", "failed", "ratings", "snapshots", "skipped")
    assert {name: report[name] for name in counts} == {
        **dict.fromkeys(("fetched", "added", "succeeded", "ratings", "snapshots"), LISTED),
        **dict.fromkeys(("updated", "failed", "skipped"), 0),
    }
    assert report["requests"] > LISTED * 2
    assert report["seconds"] > 0
    assert (fetch["stages"], fetch["fetched"], fetch["requests"]) == ("trending", LISTED, 7)
    run = installed.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["ratingo/headline"] == f"{LISTED} done, 0 failed"
    assert run.tags[CYCLE_TAG] == "1"


def test_a_second_sync_finds_nothing_to_do(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")
    installed.sandbox.reset()

    assert installed.run("shows_sync").success

    assert installed.reports()[0]["fetched"] == 0
    assert installed.asked("tmdb") + installed.asked("trakt") == 0


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"limit": -3}, "limit must be 1 or more, not -3; nothing was done"),
        ({"limit": 0}, "limit must be 1 or more, not 0; nothing was done"),
        ({"ids": []}, "ids names no title; leave it out to do what is pending"),
        ({"ids": [1396, -5, 10**20]}, "ids: no TMDB ids: -5, 100000000000000000000; nothing was done"),
    ],
)
def test_a_launchpad_value_out_of_range_ends_the_run_before_it_does_anything(
    installed: Installation, config: dict[str, Any], sentence: str
) -> None:
    installed.run("shows_trending")

    result = installed.run("shows_sync", {"ops": {"shows_sync_titles": {"config": config}}})

    assert failure_of(result).description == sentence
    assert installed.counts().pending == LISTED


def test_a_limit_takes_the_first_of_the_list(installed: Installation) -> None:
    installed.run("shows_trending")

    installed.run("shows_sync", limit_of(3))

    assert sorted(installed.materialized("shows", "details")) == sorted(installed.partitions()[:3])
    assert (installed.counts().done, installed.counts().pending) == (3, LISTED - 3)


def test_titles_asked_for_by_id_are_done_and_fresh_ones_passed_over(installed: Installation) -> None:
    installed.run("shows_trending")
    first, second, *_ = installed.partitions()

    installed.run("shows_sync", ids_of(first))
    installed.run("shows_sync", ids_of(first, second))

    report = installed.reports()[0]
    assert (report["fetched"], report["succeeded"], report["skipped"]) == (2, 1, 1)
    assert installed.materialized("shows", "details")[first]["skipped"] == "fresh"

    installed.run("shows_sync", ids_of(first, force=True))
    assert installed.reports()[0]["succeeded"] == 1


def test_a_full_sync_fills_an_empty_database_in_one_run(installed: Installation) -> None:
    installed.run("shows_full_sync")

    report = installed.reports()[0]
    assert report["stages"] == "titles, omdb, meta, calendar"
    assert (report["titles added"], report["omdb updated"] > 0, report["meta updated"] > 0) == (LISTED, True, True)
    # What OMDb says of one related title is no JSON, ever.
    assert (report["titles failed"], report["omdb failed"], report["meta failed"]) == (0, 1, 0)
    assert installed.counts().done == LISTED
    with installed.database.reading() as conn:
        assert conn.execute(select(func.count()).select_from(show_airings)).scalar_one() > 0
        rated = select(func.count()).select_from(tables_of(SHOWS).titles)
        assert conn.execute(rated.where(tables_of(SHOWS).titles.c.rating_imdb.is_not(None))).scalar_one() > 0
    assert installed.last("shows", "trending")[0]["eligible"] == LISTED
    assert installed.last("shows", "airings")[0]["inserted"] > 0
    assert installed.last("shows", "stale_airings")[0]["deleted"] == 0


def test_in_a_full_sync_a_titles_failure_stops_no_later_stage_and_fails_the_run_at_its_end(
    installed: Installation,
) -> None:
    broken = installed.sandbox.truth(SHOWS, LISTED)[3]["tmdb"]
    installed.sandbox.faults({"kind": "malformed", "api": "tmdb", "ids": [broken]})

    result = installed.run("shows_full_sync")

    assert not result.success
    assert f"failed, all others are stored: {broken} " in failure_of(result).description
    assert installed.counts().done == LISTED - 1
    assert installed.reports()[0]["titles failed"] == 1
    assert installed.reports()[0]["meta updated"] > 0
    assert installed.last("shows", "airings")


def test_a_calendar_that_does_not_come_does_not_hide_what_the_other_stages_did(installed: Installation) -> None:
    installed.sandbox.faults({"kind": "status", "status": 404, "api": "trakt", "endpoint": "/calendars/*"})

    result = installed.run("shows_full_sync")

    assert "calendar ended early: Trakt" in failure_of(result).description
    assert failure_of(result).metadata["stopped by"] == "upstream"
    assert installed.reports()[0]["titles added"] == LISTED


def test_a_refused_key_ends_the_run_says_what_to_do_and_leaves_the_titles_pending(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.sandbox.faults({"kind": "revoked", "api": "tmdb"})

    result = installed.run("shows_sync")

    assert failure_of(result).metadata["stopped by"] == "access"
    assert "TMDB" in failure_of(result).description
    assert installed.counts().pending == LISTED


def test_a_source_that_fails_everybody_ends_the_run_and_nothing_is_materialized(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.sandbox.faults({"kind": "lie", "name": "unknown_to_tmdb"})
    ended = installed.run("shows_sync")
    assert not ended.success
    said = failure_of(ended)
    assert "titles ended early: TMDB failed alike for" in said.description
    assert "look at TMDB_BASE_URL" in said.description
    assert said.metadata["stopped by"] == "source"
    assert installed.materialized("shows", "details") == {}
    counts = installed.counts()
    assert (counts.pending, counts.done, counts.error) == (LISTED, 0, 0)
    installed.sandbox.faults()
    assert installed.run("shows_sync").success
    assert len(installed.materialized("shows", "details")) == LISTED


def test_a_title_found_under_another_id_gets_that_partition(installed: Installation) -> None:
    gone = 999_000_001
    first = installed.sandbox.truth(SHOWS, 1)[0]["tmdb"]
    moved = {"kind": "edit", "api": "trakt", "endpoint": "/{medium}/trending", "set": {"0.show.ids.tmdb": gone}}
    installed.sandbox.faults(moved)
    installed.run("shows_trending")
    assert gone in installed.partitions()
    assert installed.run("shows_sync").success
    assert first in installed.partitions()
    assert first in installed.materialized("shows", "details")


def test_a_list_that_does_not_come_fails_the_run_in_one_line(installed: Installation) -> None:
    installed.sandbox.faults({"kind": "revoked", "api": "trakt"})

    failure = failure_of(installed.run("shows_trending"))

    assert failure.description.startswith("Trakt: ")
    assert "\n" not in failure.description
    assert failure.metadata["stopped by"] == "access"


def test_missing_keys_fail_the_run_and_name_the_variables(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRAKT_CLIENT_ID")

    failure = failure_of(installed.run("shows_trending"))

    assert "TRAKT_CLIENT_ID: missing" in failure.description


def test_a_spent_quota_is_no_failure(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")
    monkeypatch.setenv("OMDB_DAILY_LIMIT", "0")

    result = installed.run("shows_omdb_backfill")

    assert result.success
    run = installed.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["ratingo/headline"] == "0 done, 0 failed; omdb ended early"


def test_the_calendar_is_synced_and_pruned_by_jobs_of_its_own(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")

    assert installed.run("shows_calendar_sync").success
    assert installed.run("shows_calendar_prune").success

    synced = installed.last("shows", "airings")[0]
    assert synced["inserted"] == synced["dagster/row_count"] > 0
    assert (installed.reports()[0]["stages"], installed.reports()[0]["added"]) == ("calendar", synced["inserted"])
    assert installed.last("shows", "stale_airings")[0]["deleted"] == 0


def test_days_of_the_calendar_that_did_not_come_fail_the_run_and_are_named(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")
    first = f"{utc_now():%Y-%m-%d}"
    endpoint = f"/calendars/all/shows/{first}/5"
    installed.sandbox.faults({"kind": "list", "api": "trakt", "endpoint": endpoint, "empty": True})

    result = installed.run("shows_calendar_sync")

    assert failure_of(result).description.startswith(f"the calendar of {first} to ")
    assert failure_of(result).metadata["stopped by"] == "upstream"
    synced = installed.last("shows", "airings")[0]
    assert synced["inserted"] > 0
    assert f"the calendar of {first} to " in synced["notes"]


def test_movies_have_the_same_jobs(installed: Installation) -> None:
    installed.run("movies_full_sync")

    assert installed.reports(MOVIES)[0]["stages"] == "titles, omdb, meta"
    assert installed.counts(MOVIES).done > 0


def test_the_list_is_a_table_with_links_and_the_change_against_the_last_cycle(installed: Installation) -> None:
    installed.run("shows_trending")
    installed.run("shows_sync")
    installed.sandbox.control("epoch", {"advance": 1})

    installed.run("shows_trending")

    now, before = installed.last("shows", "trending", limit=2)
    first, second = before["top"].splitlines()[2:4], now["top"].splitlines()[2:4]
    assert first[0] == "| 1 | [Still Water](https://www.themoviedb.org/tv/210002) | 12374 | new |  |"
    assert all("](https://image.tmdb.org/t/p/w185/" in row for row in second)
    assert any("| +" in row or "| -" in row for row in second)
    assert before["moves"].splitlines()[2].startswith(f"| new | {before['eligible']} | [Still Water](")
    moves = {row.split(" | ")[0].strip("| "): int(row.split(" | ")[1]) for row in now["moves"].splitlines()[2:]}
    assert moves.keys() == {"new", "gone", "risen", "fallen"}
    assert moves["new"] == moves["gone"]


def test_the_trending_job_fetches_missing_months_and_materializes_them_once(installed: Installation) -> None:
    installed.run("shows_trending")
    months = installed.instance.get_materialized_partitions(MONTHLY)
    installed.sandbox.reset()
    installed.run("shows_trending")

    assert len(months) == 6
    assert installed.last("shows", "trending")[0]["months fetched"] == "none"
    assert installed.asked("trakt") == 1


def test_a_month_can_be_backfilled_on_its_own(installed: Installation) -> None:
    result = installed.over([MONTHLY], FIRST_MONTH, FIRST_MONTH)

    assert result.success
    assert installed.instance.get_materialized_partitions(MONTHLY) == {FIRST_MONTH}


def title_config(tmdb_id: int) -> dict[str, Any]:
    return {"ops": {"shows_fetch_title": {"config": {"tmdb_id": tmdb_id}}}}


def test_a_title_that_no_list_names_is_fetched_at_a_persons_wish_and_gets_a_partition(installed: Installation) -> None:
    installed.run("shows_trending")
    listed = installed.partitions()
    wanted = next(e["tmdb"] for e in installed.sandbox.truth(SHOWS)[LISTED + 10 :] if e["skip"] is None)

    result = installed.run("shows_title", title_config(wanted))

    assert result.success, failure_of(result)
    assert set(installed.partitions()) - set(listed) == {wanted}
    for asset in ("details", "ratings", "omdb"):
        assert wanted in installed.materialized("shows", asset)
    assert installed.reports()[0]["stages"] == "titles, omdb"


def test_a_title_that_was_fetched_keeps_its_partition_where_no_list_names_it(installed: Installation) -> None:
    installed.run("shows_trending")
    wanted = next(e["tmdb"] for e in installed.sandbox.truth(SHOWS)[LISTED + 10 :] if e["skip"] is None)
    installed.run("shows_title", title_config(wanted))

    installed.run("shows_partitions_prune")

    assert wanted in installed.partitions()


def test_what_is_no_id_is_told_in_a_sentence(installed: Installation) -> None:
    result = installed.run("shows_title", title_config(-1))

    assert failure_of(result).description == "-1 is no TMDB id; nothing was done"


def test_a_healthy_sync_leaves_no_partition_missing(installed: Installation) -> None:
    installed.run("shows_full_sync")

    for asset in ("details", "ratings", "sparklines", "omdb"):
        assert sorted(installed.materialized("shows", asset)) == sorted(installed.partitions()), asset
    skipped = {metadata.get("skipped") for metadata in installed.materialized("shows", "omdb").values()}
    assert skipped - {None} <= {"nothing lacking", "no IMDb id"}


def test_the_months_that_the_deltas_compare_are_the_partitions(installed: Installation) -> None:
    installed.run("shows_trending")

    assert installed.instance.get_materialized_partitions(MONTHLY) == set(MONTHS.get_partition_keys())
