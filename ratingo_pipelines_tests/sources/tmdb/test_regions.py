"""What TMDB says about a title in the regions that count: who shows it, and for whom it is."""

from typing import Any

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS, Medium
from ratingo_pipelines.sources.tmdb import TmdbTitle
from ratingo_pipelines.sources.tmdb.title import parse_details


def read(payload: dict[str, Any], medium: Medium = SHOWS) -> TmdbTitle:
    return parse_details({"id": 1} | payload, medium, ("UA", "US"), ("uk", "en"))


NETFLIX = {"provider_id": 8, "provider_name": "Netflix", "logo_path": "/n.jpg", "display_priority": 4}


def test_a_provider_counts_once_a_region_and_category() -> None:
    results = {
        "UA": {
            "link": "https://example.org/ua",
            "flatrate": [NETFLIX, NETFLIX],
            "rent": [NETFLIX],
            "cinema": [NETFLIX],
        },
        "US": {"link": "", "buy": [NETFLIX | {"display_priority": None, "provider_id": 9}], "ads": None},
        "DE": {"flatrate": [NETFLIX]},
    }
    found = read({"watch/providers": {"results": results}}).providers or []
    assert [(p.region, p.category, p.provider_id, p.link, p.rank) for p in found] == [
        ("UA", "flatrate", 8, "https://example.org/ua", 4),
        ("UA", "rent", 8, "https://example.org/ua", 4),
        ("US", "buy", 9, None, 0),
    ]
    assert (found[0].name, found[0].logo_path) == ("Netflix", "/n.jpg")


@pytest.mark.parametrize("fields", [{"provider_name": ""}, {"provider_name": None}, {"provider_id": None}])
def test_a_provider_without_name_or_id_is_left_out(fields: dict[str, Any]) -> None:
    results = {"UA": {"flatrate": [NETFLIX | fields, NETFLIX]}}
    assert [p.provider_id for p in read({"watch/providers": {"results": results}}).providers or ()] == [8]


@pytest.mark.parametrize(
    "unreadable",
    [None, 5, "x", [1], {"flatrate": 5}, {"flatrate": "x"}, {"rent": [None, "x"]}, {"buy": [{"provider_name": "X"}]}],
)
def test_providers_did_not_come_when_those_of_a_region_that_counts_are_unreadable(unreadable: Any) -> None:
    good = {"flatrate": [NETFLIX]}
    assert read({"watch/providers": {"results": {"UA": good, "US": unreadable}}}).providers is None
    elsewhere = read({"watch/providers": {"results": {"UA": good, "DE": unreadable}}}).providers or []
    assert [p.region for p in elsewhere] == ["UA"]


@pytest.mark.parametrize(
    "empty", [[], {}, {"flatrate": None}, {"flatrate": []}, {"flatrate": [NETFLIX | {"provider_name": ""}]}]
)
def test_a_region_in_which_nobody_shows_the_title_is_an_answer(empty: Any) -> None:
    found = read({"watch/providers": {"results": {"UA": {"flatrate": [NETFLIX]}, "US": empty}}}).providers or []
    assert [p.region for p in found] == ["UA"]
    assert read({"watch/providers": {"results": {"UA": empty}}}).providers == []


def test_no_providers_at_all_may_come_as_an_empty_list() -> None:
    assert read({"watch/providers": {"results": []}}).providers == []


def test_the_first_rating_of_a_region_that_is_not_empty_counts() -> None:
    shows = [
        {"iso_3166_1": "US", "rating": ""},
        {"iso_3166_1": "US", "rating": "TV-MA"},
        {"iso_3166_1": "DE", "rating": "16"},
    ]
    assert read({"content_ratings": {"results": shows}}).content_ratings == {"US": "TV-MA"}
    releases = [{"certification": ""}, {"certification": None}, {"certification": "R"}, {"certification": "PG"}]
    movies = [{"iso_3166_1": "US", "release_dates": releases}, {"iso_3166_1": "UA", "release_dates": []}]
    assert read({"release_dates": {"results": movies}}, MOVIES).content_ratings == {"US": "R"}


@pytest.mark.parametrize("unreadable", [None, "x", {}, {"iso_3166_1": None, "rating": "16"}, {"iso_3166_1": "UA"}])
def test_ratings_did_not_come_when_an_entry_that_may_count_is_unreadable(unreadable: Any) -> None:
    good = {"iso_3166_1": "US", "rating": "TV-MA"}
    assert read({"content_ratings": {"results": [good, unreadable]}}).content_ratings is None
    for rating, known in ((5, None), (["16"], None), (None, {"US": "TV-MA"}), ("", {"US": "TV-MA"})):
        results = [good, {"iso_3166_1": "UA", "rating": rating}]
        assert read({"content_ratings": {"results": results}}).content_ratings == known
    elsewhere = [good, {"iso_3166_1": "DE", "rating": 16}]
    assert read({"content_ratings": {"results": elsewhere}}).content_ratings == {"US": "TV-MA"}


@pytest.mark.parametrize(
    ("releases", "known"),
    [
        ("x", None),
        (5, None),
        (["x", None], None),
        ([{"certification": 16}], None),
        (["x", {"certification": "16"}], {"US": "R", "UA": "16"}),
        ([{"certification": 16}, {"certification": ""}], {"US": "R"}),
        ([{"certification": None}], {"US": "R"}),
        ([{}], {"US": "R"}),
        (None, {"US": "R"}),
        ([], {"US": "R"}),
    ],
)
def test_certifications_did_not_come_when_those_of_a_region_are_unreadable(releases: Any, known: Any) -> None:
    good = {"iso_3166_1": "US", "release_dates": [{"certification": "R"}]}
    results = [good, {"iso_3166_1": "UA", "release_dates": releases}]
    assert read({"release_dates": {"results": results}}, MOVIES).content_ratings == known
