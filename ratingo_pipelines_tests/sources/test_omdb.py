from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    Misrouted,
    NotFetched,
    NotFound,
    QuotaExhausted,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sources.omdb import OmdbClient, OmdbRatings, open_omdb, parse_ratings
from ratingo_pipelines_tests.sources.http.upstream import Reply, Upstream, always, settings_for

FOUND = {
    "Response": "True",
    "imdbID": "tt0903747",
    "imdbRating": "8.7",
    "imdbVotes": "1,234,567",
    "Metascore": "74",
    "Ratings": [],
}
UNKNOWN = {
    "Response": "True",
    "imdbID": "tt0903747",
    "imdbRating": "N/A",
    "imdbVotes": "N/A",
    "Metascore": "N/A",
    "Ratings": [],
}


def refusal(wording: str) -> dict[str, str]:
    return {"Response": "False", "Error": wording}


@pytest.fixture
def omdb(upstream: Upstream, tmp_path: Path) -> Iterator[OmdbClient]:
    client = open_omdb(settings_for(upstream, tmp_path))
    assert client is not None
    yield client
    client.api.close()


def test_a_title_is_asked_for_by_imdb_id_and_type(omdb: OmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: FOUND
    assert omdb.ratings("tt0903747", SHOWS) == OmdbRatings(8.7, 1_234_567, 74)
    upstream.answer = lambda asked: FOUND | {"imdbID": "tt0137523"}
    assert omdb.ratings("tt0137523", MOVIES) == OmdbRatings(8.7, 1_234_567, 74)
    assert [request.query for request in upstream.asked] == [
        {"i": "tt0903747", "type": "series", "apikey": "omdb-key"},
        {"i": "tt0137523", "type": "movie", "apikey": "omdb-key"},
    ]
    assert upstream.paths == ["/", "/"]


def test_without_a_key_there_is_no_client(upstream: Upstream, tmp_path: Path) -> None:
    assert open_omdb(settings_for(upstream, tmp_path, omdb_api_key=None)) is None


@pytest.mark.parametrize(
    ("fields", "ratings"),
    [
        ({}, OmdbRatings(8.7, 1_234_567, 74)),
        ({"imdbRating": "N/A"}, OmdbRatings(None, 1_234_567, 74)),
        ({"imdbVotes": "N/A"}, OmdbRatings(8.7, None, 74)),
        ({"imdbRating": 8.7, "imdbVotes": 1234567, "Metascore": 74}, OmdbRatings(8.7, 1_234_567, 74)),
        ({"imdbRating": "87"}, OmdbRatings(None, 1_234_567, 74)),
        ({"imdbRating": "", "imdbVotes": None, "Metascore": []}, OmdbRatings()),
        ({"imdbVotes": "99,999,999,999"}, OmdbRatings(8.7, None, 74)),
        ({"Metascore": "N/A"}, OmdbRatings(8.7, 1_234_567, None)),
        (
            {"Metascore": "N/A", "Ratings": [{"Source": "Metacritic", "Value": "81/100"}]},
            OmdbRatings(8.7, 1_234_567, 81),
        ),
        ({"Metascore": "0", "Ratings": [{"Source": "Metacritic", "Value": "81/100"}]}, OmdbRatings(8.7, 1_234_567, 81)),
        ({"Metascore": "0"}, OmdbRatings(8.7, 1_234_567)),
        (
            {"Metascore": "N/A", "Ratings": [None, {"Source": "Rotten Tomatoes", "Value": "71%"}]},
            OmdbRatings(8.7, 1_234_567),
        ),
        ({"Metascore": "N/A", "Ratings": [{"Source": "Metacritic", "Value": "good"}]}, OmdbRatings(8.7, 1_234_567)),
        ({"Metascore": "N/A", "Ratings": None}, OmdbRatings(8.7, 1_234_567)),
    ],
)
def test_numbers_come_as_texts_and_what_is_not_one_is_unknown(fields: dict[str, Any], ratings: OmdbRatings) -> None:
    assert parse_ratings(FOUND | fields, "tt0903747") == ratings


REFUSALS = [
    (200, "Movie not found!", NotFound),
    (200, "Series not found!", NotFound),
    (200, "Incorrect IMDb ID.", NotFound),
    (200, "Series or episode not found!", NotFound),
    (200, "Invalid ID", NotFound),
    (200, "incorrect imdb id", NotFound),
    (404, "Movie not found!", NotFound),
    (200, "Error getting data.", NotFetched),
    (503, "Error getting data.", SourceUnavailable),
    (200, "Conversion from string is not valid.", Misrouted),
    (200, "Timeout expired. The timeout period elapsed prior to completion of the operation.", Misrouted),
    (200, "Something went wrong.", Misrouted),
    (200, "", Misrouted),
    (404, "No such page.", Misrouted),
    (200, "Request limit reached!", QuotaExhausted),
    (401, "Request limit reached!", QuotaExhausted),
    (401, "Daily request LIMIT of your account", QuotaExhausted),
    (401, "Invalid API key!", AccessDenied),
    (401, "No API key provided.", AccessDenied),
    (401, "Your account is suspended.", AccessDenied),
]


@pytest.mark.parametrize(("status", "wording", "kind"), REFUSALS)
def test_a_refusal_is_told_by_its_wording(
    omdb: OmdbClient, upstream: Upstream, status: int, wording: str, kind: type[SourceError]
) -> None:
    upstream.answer = lambda asked: Reply(refusal(wording), status)
    with pytest.raises(kind) as caught:
        omdb.ratings("tt0903747", SHOWS)
    assert type(caught.value) is kind
    assert "omdb-key" not in str(caught.value)
    assert isinstance(caught.value, Misrouted) == ("OMDB_BASE_URL" in str(caught.value))


@pytest.mark.parametrize("named", ["tt0137523", "N/A", None, 903747, ["tt0903747"]])
def test_an_answer_about_another_title_is_not_believed(omdb: OmdbClient, upstream: Upstream, named: Any) -> None:
    upstream.answer = lambda asked: FOUND | {"imdbID": named}
    for _ in range(2):
        with pytest.raises(Misrouted, match="tt0903747 was asked for"):
            omdb.ratings("tt0903747", SHOWS)
    assert len(upstream.asked) == 4, "asked for once more each time, and never kept"


def test_a_spent_quota_comes_back_at_midnight_in_utc(omdb: OmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: Reply(refusal("Request limit reached!"), 401)
    before = datetime.now(UTC)
    with pytest.raises(QuotaExhausted) as caught:
        omdb.ratings("tt0903747", SHOWS)
    until = caught.value.until
    assert (until.hour, until.minute, until.second, until.utcoffset()) == (0, 0, 0, timedelta(0))
    assert before < until <= datetime.now(UTC) + timedelta(days=1)
    assert len(upstream.asked) == 1


def test_a_body_that_is_no_json_is_the_titles_own_failure_and_costs_few_calls(
    omdb: OmdbClient, upstream: Upstream
) -> None:
    broken = '{"Response":"False","Error":"Conversion from string "011f8539" to type \'Double\' is not valid."}'
    upstream.answer = lambda asked: broken
    with pytest.raises(BadPayload):
        omdb.ratings("tt0903747", SHOWS)
    assert len(upstream.asked) == 2


def test_raw_control_characters_in_a_text_do_no_harm(omdb: OmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: '{"Response":"True","imdbID":"tt0903747","Plot":"a\tb\nc","imdbRating":"7.1"}'
    assert omdb.ratings("tt0903747", SHOWS) == OmdbRatings(7.1)


@pytest.mark.parametrize("payload", [None, [], "x", 5, {}, {"error": "x"}])
def test_json_that_is_no_title_is_not_omdbs(payload: Any) -> None:
    with pytest.raises(Misrouted):
        parse_ratings(payload, "tt0903747")


def test_an_answer_with_ratings_is_kept_and_says_so(omdb: OmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: FOUND
    answers = [omdb.ratings("tt0903747", SHOWS) for _ in range(2)]
    answers.append(omdb.ratings("tt0903747", SHOWS, bypass_cache=True))
    assert [answer.from_cache for answer in answers] == [False, True, False]
    assert answers[0] == answers[1] == answers[2]
    assert len(upstream.asked) == 2


@pytest.mark.parametrize("headers", [{}, {"ETag": '"one"'}])
def test_a_fresh_answer_is_asked_for_and_kept_in_place_of_the_old_one(
    omdb: OmdbClient, upstream: Upstream, headers: dict[str, str]
) -> None:
    for rating in ("8.7", "8.8"):
        upstream.answer = always(Reply(FOUND | {"imdbRating": rating}, headers=headers))
        assert omdb.ratings("tt0903747", SHOWS, bypass_cache=rating == "8.8").imdb_rating == float(rating)
    assert omdb.ratings("tt0903747", SHOWS).imdb_rating == 8.8
    assert len(upstream.asked) == 2


def test_a_fresh_answer_without_ratings_is_not_followed_by_the_old_one(omdb: OmdbClient, upstream: Upstream) -> None:
    for answer, rating in ((FOUND, 8.7), (UNKNOWN, None)):
        upstream.answer = always(answer)
        assert omdb.ratings("tt0903747", SHOWS, bypass_cache=True).imdb_rating == rating
    assert omdb.ratings("tt0903747", SHOWS).imdb_rating is None
    assert len(upstream.asked) == 3


@pytest.mark.parametrize("first", [UNKNOWN, refusal("Movie not found!"), refusal("Error getting data.")])
def test_an_answer_without_ratings_is_not_kept(omdb: OmdbClient, upstream: Upstream, first: dict[str, Any]) -> None:
    upstream.answer = lambda asked: first if len(upstream.asked) == 1 else FOUND
    try:
        assert omdb.ratings("tt0903747", SHOWS) == OmdbRatings()
    except NotFound:
        assert first["Response"] == "False"
    assert omdb.ratings("tt0903747", SHOWS) == OmdbRatings(8.7, 1_234_567, 74)
