"""The control API: time, counters, reset, and the truth."""

from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.catalogue import ODDITIES, catalogue
from ratingo_pipelines.sandbox.process import RunningSandbox, SandboxError
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sandbox.asking import details, omdb, tmdb, trakt


def test_time_is_set_advanced_and_put_back(sandbox: RunningSandbox) -> None:
    first = trakt(sandbox, "/shows/trending").json()
    assert sandbox.control("epoch", {"advance": 2})["epoch"] == 2
    later = trakt(sandbox, "/shows/trending").json()
    assert later != first
    assert sandbox.control("epoch", {"epoch": 2})["epoch"] == 2
    assert trakt(sandbox, "/shows/trending").json() == later
    sandbox.reset()
    assert trakt(sandbox, "/shows/trending").json() == first


def test_the_day_can_be_set(sandbox: RunningSandbox) -> None:
    assert sandbox.control("epoch", {"today": "2026-02-10"})["today"] == "2026-02-10"
    assert trakt(sandbox, "/shows/watched/monthly/2026-01-01").status_code == 200
    assert trakt(sandbox, "/shows/watched/monthly/2026-02-01").status_code == 404
    day = trakt(sandbox, "/calendars/all/shows/2026-02-10/33").json()[0]["first_aired"]
    assert day[:7] in ("2026-02", "2026-03")
    assert sandbox.control("epoch", {"today": None})["today"] != "2026-02-10"


def test_the_clock_can_be_set_and_goes_on_from_there(sandbox: RunningSandbox) -> None:
    before = sandbox.control("epoch", {"now": "2026-01-31T12:00:00Z"})
    assert (before["today"], before["now"][:16]) == ("2026-01-31", "2026-01-31T12:00")
    for answer in (trakt(sandbox, "/shows/trending"), tmdb(sandbox, "/tv/1"), omdb(sandbox), _control(sandbox)):
        said = parsedate_to_datetime(answer.headers["Date"])
        assert timedelta() <= said - datetime(2026, 1, 31, 12, tzinfo=UTC) < timedelta(minutes=5)
    assert trakt(sandbox, "/shows/watched/monthly/2026-01-01").status_code == 404
    assert sandbox.control("epoch", {"today": "2026-02-03"})["now"][:10] == "2026-01-31"
    assert trakt(sandbox, "/shows/watched/monthly/2026-01-01").status_code == 200


@pytest.mark.parametrize("real", [{"now": None}, {"clock_ahead": 0}])
def test_the_clock_can_be_ahead_of_the_real_one_and_be_right_again(sandbox: RunningSandbox, real: dict) -> None:
    today = datetime.now(UTC).date()
    ahead = sandbox.control("epoch", {"clock_ahead": 2 * 86_400})
    assert date.fromisoformat(ahead["today"]) - today in (timedelta(days=2), timedelta(days=3))
    assert parsedate_to_datetime(omdb(sandbox).headers["Date"]) - datetime.now(UTC) > timedelta(days=1.9)
    sandbox.control("epoch", real)
    assert abs(parsedate_to_datetime(omdb(sandbox).headers["Date"]) - datetime.now(UTC)) < timedelta(minutes=5)
    sandbox.control("epoch", {"clock_ahead": -86_400})
    assert parsedate_to_datetime(omdb(sandbox).headers["Date"]) < datetime.now(UTC) - timedelta(days=0.9)
    sandbox.reset()
    assert abs(parsedate_to_datetime(omdb(sandbox).headers["Date"]) - datetime.now(UTC)) < timedelta(minutes=5)


def _control(sandbox: RunningSandbox) -> requests.Response:
    return requests.get(sandbox.url + "/control", timeout=5)


@pytest.mark.parametrize(
    "payload",
    [
        *({}, {"epoch": -1}, {"year": 2026}, {"epoch": "soon"}, [1], {"now": "noon"}, {"clock_ahead": "a day"}),
        {"now": None, "clock_ahead": 5},
    ],
)
def test_a_time_that_makes_no_sense_is_refused(sandbox: RunningSandbox, payload: object) -> None:
    with pytest.raises(SandboxError):
        sandbox.control("epoch", payload)


def test_counters_tell_endpoints_statuses_repetitions_and_the_busiest_second(sandbox: RunningSandbox) -> None:
    for _ in range(3):
        trakt(sandbox, "/shows/1001/ratings", extended="all")
    trakt(sandbox, "/movies/999999/ratings")
    tmdb(sandbox, "/tv/1")
    omdb(sandbox, i="tt31000000")
    counters = sandbox.counters()
    assert counters["trakt"]["requests"] == 4
    assert counters["trakt"]["endpoints"] == {"/{medium}/{id}/ratings": 4}
    assert counters["trakt"]["statuses"] == {"200": 3, "404": 1}
    assert counters["trakt"]["repeated"] == {"/shows/1001/ratings?extended=all": 3}
    assert 1 <= counters["trakt"]["max_per_second"] <= 4
    assert counters["trakt"]["max_per_300_seconds"] == 4
    assert counters["tmdb"]["statuses"] == {"404": 1}
    assert counters["omdb"]["endpoints"] == {"/": 1}
    sandbox.reset()
    assert sandbox.counters() == {}


def test_counters_count_what_never_got_an_answer_and_show_no_keys(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "reset", "api": "omdb"})
    for _ in range(2):
        with pytest.raises(OSError, match=r"reset|aborted"):
            omdb(sandbox, i="tt31000000")
    assert sandbox.counters()["omdb"]["statuses"] == {"reset": 2}
    assert sandbox.key_of("omdb") not in str(sandbox.counters())
    assert sandbox.counters()["omdb"]["repeated"] == {"/?i=tt31000000": 2}


def test_oddities_are_listed_with_what_they_are_and_whose(sandbox: RunningSandbox) -> None:
    listed = sandbox.control("oddities")
    assert listed.keys() == ODDITIES.keys()
    for name, odd in listed.items():
        assert odd["about"]
        for medium, ids in ODDITIES[name].items():
            assert tuple(one["trakt"] for one in odd[medium]) == ids


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_truth_follows_the_trending_list_entry_by_entry(sandbox: RunningSandbox, medium: Medium) -> None:
    sandbox.control("epoch", {"epoch": 3})
    listed = trakt(sandbox, f"/{medium}/trending", limit=100).json()
    truth = sandbox.truth(medium, 100)
    assert [(one["trakt"], one["watchers"]) for one in truth] == [
        (entry[medium.singular]["ids"]["trakt"], entry["watchers"]) for entry in listed
    ]
    assert [one["rank"] for one in truth] == list(range(1, 101))
    assert all(("facts" in one) == (one["skip"] is None) for one in some(truth))


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_each_reason_to_skip_is_met_and_no_id_is_eligible_twice(sandbox: RunningSandbox, medium: Medium) -> None:
    truth = sandbox.truth(medium, 100)
    reasons = {one["skip"] for one in truth}
    expected = {None, "no_tmdb_id", "unknown_to_tmdb", "listed_twice"} | ({"anime"} if medium is SHOWS else set())
    assert reasons == expected
    eligible = [one["tmdb"] for one in truth if one["skip"] is None]
    assert len(eligible) == len(set(eligible)) > 85


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_truth_agrees_with_what_the_apis_say(sandbox: RunningSandbox, medium: Medium) -> None:
    for one in sandbox.truth(medium, 100):
        if one["skip"] is not None:
            continue
        row, facts = one["facts"]["row"], one["facts"]
        said = details(sandbox, medium, one["tmdb"]).json()
        assert row["tmdb_id"] == said["id"]
        assert row["poster"] == said["poster_path"]
        assert row["overview"] == (said["overview"] or None)
        assert row["rating_tmdb_count"] == said["vote_count"]
        assert [genre["id"] for genre in facts["genres"]] == [genre["id"] for genre in said["genres"]]
        ukrainian = [text["data"] for text in said["translations"]["translations"] if text["iso_639_1"] == "uk"]
        names = [text[medium.tmdb_name] for text in ukrainian if text[medium.tmdb_name]]
        assert row["title_uk"] == (names[0] if names else None)
        assert len(facts["cast"]) <= 12
        people = [person["id"] for person in said[medium.tmdb_appended[-1]]["cast"]]
        assert [person["person_id"] for person in facts["cast"]] == list(dict.fromkeys(people))[:12]


def test_the_score_is_the_one_worked_out_by_hand(sandbox: RunningSandbox) -> None:
    movies = sandbox.truth(MOVIES, 100)
    first = movies[0]
    assert first["watchers"] < 10_000
    row = first["facts"]["row"]
    assert row["trending_score"] == round(4 * row["rating_tmdb"] + 0.006 * first["watchers"], 2)
    unvoted = next(one for one in movies if "no_votes" in one["oddities"])
    assert unvoted["facts"]["row"]["rating_tmdb"] is None
    assert unvoted["facts"]["row"]["primary_rating"] == unvoted["facts"]["row"]["rating_trakt_avg"]
    assert unvoted["facts"]["row"]["trending_score"] == round(0.006 * unvoted["watchers"], 2)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_truth_of_oddities_is_what_a_database_may_say(sandbox: RunningSandbox, medium: Medium) -> None:
    by_oddity = {
        name: one["facts"] for one in sandbox.truth(medium, 100) if one["skip"] is None for name in one["oddities"]
    }
    rows = {name: facts["row"] for name, facts in by_oddity.items()}
    assert by_oddity["no_ukrainian_translation"]["translations"].keys() == {"en-US"}
    assert rows["empty_ukrainian_name"]["title_uk"] is None
    assert rows["empty_ukrainian_name"]["overview_uk"]
    assert by_oddity["no_providers"]["providers"] == by_oddity["providers_elsewhere"]["providers"] == []
    assert None not in [offer["provider_name"] for offer in by_oddity["nameless_provider"]["providers"]]
    assert {offer["link_url"] for offer in by_oddity["no_watch_link"]["providers"]} <= {None}
    assert rows["no_imdb_id"]["imdb_id"] is None
    assert rows["imdb_id_only_at_tmdb"]["imdb_id"].startswith("tt")
    assert rows["imdb_id_only_at_trakt"]["imdb_id"].startswith("tt")
    assert by_oddity["omdb_na"]["after_omdb"] == {
        name: rows["omdb_na"][name] for name in by_oddity["omdb_na"]["after_omdb"]
    }
    assert rows["omdb_na"]["rating_imdb"] is None
    assert rows["imdb_only_at_omdb"]["rating_imdb"] is None
    assert by_oddity["imdb_only_at_omdb"]["after_omdb"]["rating_metacritic"] == 71
    assert by_oddity["ratings_missing_at_trakt"]["buckets"] == {}
    assert rows["ratings_missing_at_trakt"]["rating_trakt_avg"]
    assert len(by_oddity["missing_buckets"]["buckets"]) == 10
    assert by_oddity["missing_buckets"]["buckets"]["2"] == 0
    assert by_oddity["no_trailers"]["videos"] == by_oddity["no_videos"]["videos"] == []
    assert by_oddity["neutral_trailers"]["videos"][0]["locale"] is None
    assert {one["source"] for one in by_oddity["no_related"]["related"]} == {"tmdb"}
    outside = {title.tmdb_id for title in catalogue().outside(medium)}
    assert outside.issuperset(one["tmdb_id"] for one in by_oddity["related_stubs"]["related"])
    oddly = by_oddity["related_oddly"]["related"]
    assert [one["rank"] for one in oddly] == list(range(1, len(oddly) + 1))
    assert rows["empty_dates"][medium.tmdb_released] is None
    assert rows["no_trakt_name"]["title"]
    assert rows["null_numbers"]["rating_tmdb"] is None
    assert "<script>" in rows["html_in_title"]["title"]
    assert by_oddity["duplicate_cast"]["cast"][0]["roles"][-1] == "Second face"
    assert rows["empty_certification"]["content_rating"] is None


def test_the_truth_of_shows_and_movies_tells_what_only_they_have(sandbox: RunningSandbox) -> None:
    shows = {name: one for one in sandbox.truth(SHOWS, 100) for name in one["oddities"]}
    assert shows["only_specials"]["facts"]["row"]["latest_season_number"] == 0
    many = shows["many_specials"]["facts"]["row"]
    assert (many["latest_season_number"], many["latest_season_episodes"], many["number_of_seasons"]) == (2, 10, 2)
    assert shows["ended"]["facts"]["row"]["next_episode_number"] is None
    movies = {name: one for one in sandbox.truth(MOVIES, 100) for name in one["oddities"]}
    assert movies["no_runtime"]["facts"]["row"]["runtime"] is None
    assert movies["second_certification"]["facts"]["content_ratings"] == {"UA": "16+", "US": "R"}


def test_monthly_facts_are_those_of_trakts_lists(sandbox: RunningSandbox) -> None:
    facts = sandbox.truth(SHOWS, 1)[0]["facts"]
    assert len(facts["monthly"]) == 6
    for month, watchers in facts["monthly"].items():
        assert date.fromisoformat(month).day == 1
        first = trakt(sandbox, f"/shows/watched/monthly/{month}").json()
        assert watchers in [entry["watcher_count"] for entry in first]


def test_any_title_tmdb_knows_has_its_truth(sandbox: RunningSandbox) -> None:
    outside = catalogue().outside(MOVIES)[0]
    found = sandbox.control(f"truth/movies/{outside.tmdb_id}")
    assert found["row"]["title_uk"] == outside.name_uk
    assert found["facts"]["related"]
    with pytest.raises(SandboxError, match="no such id"):
        sandbox.control("truth/movies/1")
    with pytest.raises(SandboxError, match="no plays"):
        sandbox.control("truth/plays")
