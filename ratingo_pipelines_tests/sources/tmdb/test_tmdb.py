from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    Misrouted,
    NotFound,
    Rejected,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines.sources.tmdb import TmdbClient, TmdbTitle, open_tmdb
from ratingo_pipelines.sources.tmdb.title import parse_details, parse_genres
from ratingo_pipelines_tests.sources.http.upstream import Reply, Upstream, settings_for

ERROR = {"success": False, "status_code": 24, "status_message": "Your request to the backend server timed out."}
PARTS = ("genres", "seasons", "translations", "videos", "providers", "content_ratings", "cast", "recommendations")


@pytest.fixture
def tmdb(upstream: Upstream, tmp_path: Path) -> Iterator[TmdbClient]:
    client = open_tmdb(settings_for(upstream, tmp_path))
    yield client
    client.api.close()


def read(payload: dict[str, Any], medium: Medium = SHOWS) -> TmdbTitle:
    return parse_details({"id": 1} | payload, medium, ("UA", "US"), ("uk", "en"))


def test_one_call_brings_everything_about_a_title(tmdb: TmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: {"id": 70523, "name": "Dark"}
    assert tmdb.details(SHOWS, 70523).name == "Dark"
    [request] = upstream.asked
    assert request.path == "/3/tv/70523"
    assert request.headers["authorization"] == "Bearer tmdb-token"
    assert request.query == {
        "language": "en-US",
        "append_to_response": "translations,watch/providers,videos,external_ids,recommendations,images,"
        "content_ratings,aggregate_credits",
        "include_image_language": "uk,en,null",
        "include_video_language": "uk,en,null",
    }


def test_without_a_token_the_api_key_is_sent(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer = lambda asked: {"id": 550, "title": "Fight Club"}
    client = open_tmdb(settings_for(upstream, tmp_path, tmdb_access_token=None, tmdb_api_key="v3-key"))
    assert client.details(MOVIES, 550).name == "Fight Club"
    client.api.close()
    assert upstream.asked[0].query["api_key"] == "v3-key"
    assert "authorization" not in upstream.asked[0].headers


@pytest.mark.parametrize(
    ("values", "variable"),
    [({}, "TMDB_ACCESS_TOKEN"), ({"tmdb_access_token": None, "tmdb_api_key": "v3-key"}, "TMDB_API_KEY")],
)
def test_a_refused_key_names_the_variable_that_holds_it(
    upstream: Upstream, tmp_path: Path, values: dict[str, Any], variable: str
) -> None:
    upstream.answer = lambda asked: Reply({"success": False, "status_code": 7, "status_message": "Invalid key"}, 401)
    client = open_tmdb(settings_for(upstream, tmp_path, **values))
    with pytest.raises(AccessDenied, match=variable) as caught:
        client.details(SHOWS, 1)
    client.api.close()
    assert "v3-key" not in str(caught.value)
    assert "tmdb-token" not in str(caught.value)
    assert len(upstream.asked) == 1


def test_without_a_key_both_variables_are_named(upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="TMDB_ACCESS_TOKEN or TMDB_API_KEY"):
        open_tmdb(settings_for(upstream, tmp_path, tmdb_access_token=None))


def test_an_unknown_title_is_not_found(tmdb: TmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: Reply({"success": False, "status_code": 34, "status_message": "Not found."}, 404)
    with pytest.raises(NotFound):
        tmdb.details(SHOWS, 7)
    assert len(upstream.asked) == 1


def test_a_backend_that_timed_out_is_asked_again(tmdb: TmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: Reply(ERROR, 504) if len(upstream.asked) == 1 else {"id": 7, "name": "Dark"}
    assert tmdb.details(SHOWS, 7).name == "Dark"
    assert len(upstream.asked) == 2


def test_the_answer_about_another_title_is_not_believed(tmdb: TmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: {"id": 8, "name": "Not this one"}
    with pytest.raises(Misrouted, match="7 was asked for, and the answer is about 8; look at TMDB_BASE_URL"):
        tmdb.details(SHOWS, 7)


TMDBS_404 = {"success": False, "status_code": 34, "status_message": "The resource could not be found."}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(TMDBS_404, 404), NotFound),
        (Reply(TMDBS_404, 410), NotFound),
        (Reply({"status_code": 6, "status_message": "Invalid id"}, 404), NotFound),
        (Reply({"status_code": 404, "message": "no such path"}, 404), Misrouted),
        (Reply({"status_code": 7}, 404), Misrouted),
        (Reply({"error": "no such path"}, 404), Misrouted),
        (Reply("", 404), Misrouted),
        (Reply("404 page not found", 404), Misrouted),
        (Reply([], 410), Misrouted),
        (Reply("<html>Not here</html>", 404, {"Content-Type": "text/html"}), Misrouted),
        (Reply("<html>Log in</html>", 401, {"Content-Type": "text/html"}), Misrouted),
        (Reply("<html>Nothing to see</html>", 403, {"Content-Type": "text/html"}), Misrouted),
        (Reply("<html>Cloudflare</html>", 403, {"Content-Type": "text/html"}), AccessDenied),
        (Reply("<html>Back soon</html>", 503, {"Content-Type": "text/html"}), SourceUnavailable),
        (Reply({"message": "Unauthorized"}, 401), Misrouted),
        (Reply({"status_code": 7}, 401), AccessDenied),
        (Reply("", 401), AccessDenied),
        (Reply({"detail": "bad request"}, 400), Misrouted),
        (Reply({"status_code": 27, "status_message": "Too many"}, 400), Rejected),
        (Reply("", 302, {"Location": "https://example.org/login"}), Misrouted),
        (Reply("", 308, {"Location": "/4/tv/7"}), Misrouted),
        (Reply({"error": "try later"}), Misrouted),
        (Reply({"id": "x"}), BadPayload),
    ],
)
def test_only_tmdb_itself_says_what_tmdb_does_not_know(
    tmdb: TmdbClient, upstream: Upstream, reply: Reply, kind: type[SourceError]
) -> None:
    upstream.answer = lambda asked: reply
    with pytest.raises(SourceError) as caught:
        tmdb.details(SHOWS, 7)
    assert type(caught.value) is kind
    if isinstance(caught.value, Misrouted):
        assert caught.value.variable == "TMDB_BASE_URL"
        assert "TMDB_BASE_URL" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"name": "Dark"}, {"error": "no"}, {"success": False}])
def test_json_without_a_title_is_not_tmdbs(payload: Any) -> None:
    with pytest.raises(Misrouted):
        parse_details(payload, SHOWS, ("UA",), ("uk",))


@pytest.mark.parametrize("payload", [{"id": None}, {"id": 0}, {"id": True}, ERROR])
def test_an_answer_without_a_title_is_a_bad_payload(payload: Any) -> None:
    with pytest.raises(BadPayload):
        parse_details(payload, SHOWS, ("UA",), ("uk",))


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_parts_that_did_not_come_are_none(medium: Medium) -> None:
    title = read({"overview": "Something"}, medium)
    assert {getattr(title, part) for part in PARTS} == {None}
    assert (title.last_episode_came, title.next_episode_came) == (False, False)


def test_parts_that_are_errors_did_not_come() -> None:
    appended = [part for medium in MEDIA for part in medium.tmdb_appended]
    title = read(dict.fromkeys(appended, ERROR))
    assert {getattr(title, part) for part in PARTS} == {None}


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_parts_that_came_empty_are_empty(medium: Medium) -> None:
    title = read(
        {
            "genres": [],
            "seasons": [],
            "translations": {"translations": []},
            "videos": {"results": []},
            "watch/providers": {"results": {}},
            "content_ratings": {"results": []},
            "release_dates": {"results": []},
            "aggregate_credits": {"cast": []},
            "credits": {"cast": []},
            "images": {"posters": []},
            "recommendations": {"results": []},
        },
        medium,
    )
    assert [getattr(title, part) or [] for part in PARTS] == [[]] * len(PARTS)
    assert None not in [getattr(title, part) for part in PARTS]


def test_a_list_of_which_nothing_can_be_read_did_not_come() -> None:
    title = read({"genres": ["x", {"id": 3}], "videos": {"results": [None]}, "watch/providers": {"results": {"UA": 5}}})
    assert (title.genres, title.videos, title.providers) == (None, None, None)


def test_a_malformed_entry_is_left_out_of_its_list() -> None:
    title = read({"genres": [{"id": 18, "name": "Drama"}, {"id": "x", "name": "Y"}, None, {"id": 18, "name": "Drama"}]})
    assert [(genre.id, genre.name) for genre in title.genres or ()] == [(18, "Drama")]


@pytest.mark.parametrize(
    ("average", "count", "read_as"),
    [(8.1, 20, 8.1), (0, 0, None), (0.0, 3, None), (7.5, 0, None), (7.5, None, 7.5), ("8", 3, None), (11, 3, None)],
)
def test_an_average_that_nobody_voted_for_is_unknown(average: Any, count: Any, read_as: float | None) -> None:
    assert read({"vote_average": average, "vote_count": count}).vote_average == read_as


@pytest.mark.parametrize(
    ("came", "released"),
    [
        ("2017-12-01", "2017-12-01"),
        ("2017-12-01T00:00:00.000Z", "2017-12-01"),
        ("", None),
        (None, None),
        ("0000-00-00", None),
        ("2017-02-30", None),
        ("2017", None),
        (2017, None),
    ],
)
def test_a_release_date_exists_or_is_none(came: Any, released: str | None) -> None:
    assert read({"first_air_date": came}).released == released
    assert read({"release_date": came}, MOVIES).released == released


@pytest.mark.parametrize(("came", "runtime"), [(124, 124), ("124", 124), (0, None), (-3, None), (None, None)])
def test_a_runtime_is_minutes_or_none(came: Any, runtime: int | None) -> None:
    assert read({"runtime": came}, MOVIES).runtime == runtime


def test_texts_that_say_nothing_are_none() -> None:
    title = read({"name": "", "original_name": "Dark", "overview": " ", "tagline": "", "status": 5, "poster_path": ""})
    assert (title.name, title.overview, title.tagline, title.status, title.poster_path) == ("Dark",) + (None,) * 4


def test_the_external_id_goes_before_the_movies_own() -> None:
    assert read({"imdb_id": "tt1", "external_ids": {"imdb_id": "tt2"}}, MOVIES).imdb_id == "tt2"
    assert read({"imdb_id": "tt1", "external_ids": {"imdb_id": ""}}, MOVIES).imdb_id == "tt1"
    assert read({"external_ids": {"imdb_id": None}}).imdb_id is None


def test_no_next_episode_is_an_answer_and_an_unreadable_one_is_none() -> None:
    episode = {"season_number": 3, "episode_number": 8, "air_date": "2020-06-27"}
    title = read({"last_episode_to_air": episode, "next_episode_to_air": None})
    assert title.last_episode is not None
    assert (title.last_episode.season_number, title.last_episode.episode_number) == (3, 8)
    assert title.last_episode.air_date == "2020-06-27"
    assert (title.last_episode_came, title.next_episode, title.next_episode_came) == (True, None, True)
    unreadable = read({"last_episode_to_air": {"season_number": None}, "next_episode_to_air": "soon"})
    assert (unreadable.last_episode, unreadable.last_episode_came) == (None, False)
    assert (unreadable.next_episode, unreadable.next_episode_came) == (None, False)


@pytest.mark.parametrize(("medium", "other"), [(SHOWS, "title"), (MOVIES, "name")], ids=str)
def test_a_translated_title_is_under_the_mediums_key_and_an_empty_one_is_none(medium: Medium, other: str) -> None:
    data = {medium.tmdb_name: "", other: "Not this", "overview": "Зникає дитина.", "tagline": ""}
    rows = [
        {"iso_639_1": "uk", "iso_3166_1": "UA", "data": data},
        {"iso_639_1": "en", "iso_3166_1": "US", "data": data | {medium.tmdb_name: "Dark"}},
        {"iso_639_1": "de", "iso_3166_1": "DE", "data": data},
        {"iso_639_1": "uk", "iso_3166_1": "UA", "data": None},
    ]
    found = read({"translations": {"translations": rows}}, medium).translations or []
    assert [(t.language, t.region, t.title, t.overview, t.tagline) for t in found] == [
        ("uk", "UA", None, "Зникає дитина.", None),
        ("en", "US", "Dark", "Зникає дитина.", None),
    ]


VIDEO = {
    "key": "abc",
    "site": "YouTube",
    "type": "Trailer",
    "name": "Trailer",
    "iso_639_1": "uk",
    "official": True,
    "published_at": "2017-11-01T10:00:00.000Z",
    "size": 1080,
}


def test_a_trailer_is_kept_with_tmdbs_own_object() -> None:
    [video] = read({"videos": {"results": [VIDEO]}}).videos or []
    assert (video.key, video.site, video.type, video.name, video.locale) == (
        "abc",
        "YouTube",
        "Trailer",
        "Trailer",
        "uk",
    )
    assert (video.official, video.published_at) == (True, datetime(2017, 11, 1, 10, tzinfo=UTC))
    assert video.raw == VIDEO


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"type": "Teaser"}, True),
        ({"type": "Clip"}, False),
        ({"site": "youtube"}, False),
        ({"site": "Vimeo"}, False),
        ({"iso_639_1": "en"}, True),
        ({"iso_639_1": "de"}, False),
        ({"key": ""}, False),
        ({"name": None}, True),
    ],
)
def test_only_trailers_and_teasers_on_youtube_in_our_languages_count(fields: dict[str, Any], kept: bool) -> None:
    assert len(read({"videos": {"results": [VIDEO | fields]}}).videos or ()) == kept


@pytest.mark.parametrize("language", [None, "", "xx"])
def test_a_trailer_without_language_has_no_locale(language: str | None) -> None:
    [video] = read({"videos": {"results": [VIDEO | {"iso_639_1": language}]}}).videos or []
    assert video.locale is None


def test_a_video_listed_twice_counts_once_and_odd_extras_are_none() -> None:
    rows = [VIDEO | {"official": "yes", "published_at": "yesterday"}, VIDEO]
    [video] = read({"videos": {"results": rows}}).videos or []
    assert (video.official, video.published_at) == (None, None)


def test_videos_come_in_the_order_in_which_the_site_should_play_them() -> None:
    def video(key: str, **fields: object) -> dict[str, object]:
        return VIDEO | {"key": key, "iso_639_1": "en", "type": "Trailer", "official": True} | fields

    given = [
        video("none", iso_639_1=None),
        video("english teaser", type="Teaser"),
        video("english, a fan's", official=False),
        video("english, older", published_at="2020-01-01T00:00:00.000Z"),
        video("english, newer", published_at="2024-01-01T00:00:00.000Z"),
        video("english, undated", published_at=None),
        video("ukrainian teaser", iso_639_1="uk", type="Teaser"),
        video("ukrainian, a fan's", iso_639_1="uk", official=None),
    ]

    found = read({"videos": {"results": given}}).videos or []

    assert [one.key for one in found] == [
        *("ukrainian, a fan's", "ukrainian teaser"),
        *("english, newer", "english, older", "english, undated", "english, a fan's", "english teaser", "none"),
    ]


def test_a_raw_video_is_fit_for_a_json_column() -> None:
    odd = {"size": float("nan"), "note": "a\x00b\ud800", "more": {"deep": [1, float("inf")]}}
    [video] = read({"videos": {"results": [VIDEO | odd]}}).videos or []
    assert video.raw == VIDEO | {"size": None, "note": "ab", "more": {"deep": [1, None]}}


def test_the_cast_are_the_first_twelve_persons_with_all_their_roles() -> None:
    people = [{"id": n, "name": f"Person {n}", "order": n * 10, "character": f"Role {n}"} for n in range(1, 15)]
    again = {"id": 2, "name": "Person 2", "order": 900, "character": "Second role", "profile_path": "/p.jpg"}
    cast = read({"credits": {"cast": [*people, again, {"id": None, "name": "X"}]}}, MOVIES).cast or []
    assert [(member.id, member.order) for member in cast] == [(n, n * 10) for n in range(1, 13)]
    assert cast[1].roles == ["Role 2", "Second role"]


def test_roles_of_a_show_are_named_once_and_empty_ones_left_out() -> None:
    roles = [{"character": "Jonas"}, {"character": ""}, {"character": "Jonas"}, {"character": "Adam"}, None]
    [member] = read({"aggregate_credits": {"cast": [{"id": 1, "name": "Louis", "roles": roles}]}}).cast or []
    assert (member.roles, member.order) == (["Jonas", "Adam"], 0)


def test_the_best_voted_ukrainian_poster_is_chosen() -> None:
    def poster(path: str, language: str | None, average: Any, count: Any) -> dict[str, Any]:
        return {"file_path": path, "iso_639_1": language, "vote_average": average, "vote_count": count}

    posters = [
        poster("/en.jpg", "en", 9.9, 99),
        poster("/uk-none.jpg", "uk", None, None),
        poster("/uk-few.jpg", "uk", 5.3, 2),
        poster("/uk-best.jpg", "uk", 5.3, 7),
        poster("/uk-low.jpg", "uk", 4.0, 70),
    ]
    assert read({"images": {"posters": posters}}).poster_uk_path == "/uk-best.jpg"
    assert read({"images": {"posters": posters[:1]}}).poster_uk_path is None
    assert read({}).poster_uk_path is None


def test_a_recommendation_carries_what_a_row_needs() -> None:
    listed = {
        "id": 5,
        "name": "1899",
        "media_type": "tv",
        "overview": "A ship.",
        "poster_path": "/p.jpg",
        "backdrop_path": None,
        "vote_average": 7.4,
        "vote_count": 900,
        "popularity": 30.5,
        "first_air_date": "2022-11-17",
    }
    rows = [
        listed,
        listed,
        listed | {"id": 1},
        listed | {"id": 6, "media_type": "movie"},
        listed | {"id": 7, "name": None},
    ]
    [found] = read({"recommendations": {"results": rows}}).recommendations or []
    assert (found.id, found.name, found.overview, found.poster_path) == (5, "1899", "A ship.", "/p.jpg")
    assert found.released == "2022-11-17"
    assert (found.vote_average, found.vote_count, found.popularity) == (7.4, 900, 30.5)


@pytest.mark.parametrize("reply", [Reply({"id": 7, "name": "Dark"}, headers={"ETag": '"1"'}), Reply({"id": 7})])
def test_every_answer_about_a_title_is_tmdbs_own_and_of_now(tmdb: TmdbClient, upstream: Upstream, reply: Reply) -> None:
    upstream.answer = lambda asked: reply
    for _ in range(3):
        tmdb.details(SHOWS, 7)
    tmdb.details(SHOWS, 7, bypass_cache=True)
    assert len(upstream.asked) == 4
    assert "if-none-match" not in upstream.asked[3].headers


@pytest.mark.parametrize(
    ("medium", "payload", "found"),
    [
        (SHOWS, {"tv_results": [{"id": 70523, "name": "Dark"}], "movie_results": []}, 70523),
        (MOVIES, {"tv_results": [{"id": 70523, "name": "Dark"}], "movie_results": []}, None),
        (MOVIES, {"tv_results": [], "movie_results": ["odd", {"id": 550}]}, 550),
        (SHOWS, {"tv_results": []}, None),
    ],
)
def test_a_title_is_found_by_its_imdb_id(
    tmdb: TmdbClient, upstream: Upstream, medium: Medium, payload: dict[str, Any], found: int | None
) -> None:
    upstream.answer = lambda asked: payload
    assert tmdb.find_by_imdb(medium, "tt5753856") == found
    [request] = upstream.asked
    assert (request.path, request.query) == ("/3/find/tt5753856", {"external_source": "imdb_id"})


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({"error": "no"}), Misrouted),
        (Reply({"movie_results": []}), Misrouted),
        (Reply(TMDBS_404, 404), Misrouted),
        (Reply({"tv_results": "x"}), BadPayload),
        (Reply({"tv_results": [{"id": None}]}), BadPayload),
        (Reply(ERROR), BadPayload),
    ],
)
def test_what_is_no_answer_to_a_search_by_imdb_id_finds_nothing_and_denies_nothing(
    tmdb: TmdbClient, upstream: Upstream, reply: Reply, kind: type[SourceError]
) -> None:
    upstream.answer = lambda asked: reply
    with pytest.raises(SourceError) as caught:
        tmdb.find_by_imdb(SHOWS, "tt5753856")
    assert type(caught.value) is kind


def test_names_of_genres_are_asked_for_in_a_language_and_kept_for_a_day(tmdb: TmdbClient, upstream: Upstream) -> None:
    upstream.answer = lambda asked: {"genres": [{"id": 18, "name": "Драма"}, {"id": 99, "name": None}]}
    assert tmdb.genre_names(SHOWS, "uk-UA") == {18: "Драма"}
    assert tmdb.genre_names(SHOWS, "uk-UA") == {18: "Драма"}
    [request] = upstream.asked
    assert (request.path, request.query) == ("/3/genre/tv/list", {"language": "uk-UA"})


@pytest.mark.parametrize("wrong", [{"error": "no"}, {"genres": "x"}, {"genres": []}, {"genres": [{"id": 18}]}])
def test_an_answer_that_names_no_genre_is_not_kept(tmdb: TmdbClient, upstream: Upstream, wrong: Any) -> None:
    upstream.answer = lambda asked: wrong
    with suppress(SourceError):
        assert tmdb.genre_names(SHOWS, "uk-UA") == {}
    upstream.answer = lambda asked: {"genres": [{"id": 18, "name": "Драма"}]}
    assert tmdb.genre_names(SHOWS, "uk-UA") == {18: "Драма"}


@pytest.mark.parametrize("payload", [None, [], {}, {"error": "no"}])
def test_json_without_genres_is_not_tmdbs(payload: Any) -> None:
    with pytest.raises(Misrouted):
        parse_genres(payload)


@pytest.mark.parametrize("payload", [{"genres": {}}, {"genres": "x"}, ERROR])
def test_genres_that_are_no_list_are_a_bad_payload(payload: Any) -> None:
    with pytest.raises(BadPayload) as caught:
        parse_genres(payload)
    assert caught.value.field == "genres"
