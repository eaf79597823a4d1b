"""TMDB's stand-in over HTTP: keys, languages, what one call appends, and what it surprises with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sandbox.title import Title
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sandbox.asking import details, tmdb


def _odd(name: str, medium: Medium) -> Title:
    return catalogue().odd(name, medium)[0]


def _details(sandbox: RunningSandbox, name: str, medium: Medium, **query: object) -> dict[str, Any]:
    answer = details(sandbox, medium, _odd(name, medium).tmdb_id, **query)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


PLAIN = {medium: catalogue().titles[medium][0] for medium in MEDIA}


def test_a_bearer_token_or_the_key_in_the_url_opens(sandbox: RunningSandbox) -> None:
    path = f"/tv/{PLAIN[SHOWS].tmdb_id}"
    assert tmdb(sandbox, path).status_code == 200
    assert tmdb(sandbox, path, {"Authorization": None}, api_key=sandbox.key_of("tmdb")).status_code == 200
    for headers, query in (({"Authorization": None}, {}), ({"Authorization": "Bearer x"}, {"api_key": "x"})):
        refused = tmdb(sandbox, path, headers, **query)
        assert refused.status_code == 401
        assert refused.json()["status_code"] == 7


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_only_what_is_asked_is_appended(sandbox: RunningSandbox, medium: Medium) -> None:
    path = f"/{medium.tmdb_path}/{PLAIN[medium].tmdb_id}"
    bare = tmdb(sandbox, path).json()
    assert not set(medium.tmdb_appended) & bare.keys()
    some = tmdb(sandbox, path, append_to_response="videos,watch/providers,nonsense").json()
    assert some.keys() - bare.keys() == {"videos", "watch/providers"}
    assert set(medium.tmdb_appended) <= details(sandbox, medium, PLAIN[medium].tmdb_id).json().keys()


def test_more_than_twenty_appended_calls_are_refused(sandbox: RunningSandbox) -> None:
    path, parts = f"/tv/{PLAIN[SHOWS].tmdb_id}", ["videos"] * 20
    assert tmdb(sandbox, path, append_to_response=",".join(parts)).status_code == 200
    refused = tmdb(sandbox, path, append_to_response=",".join([*parts, "images"]))
    assert (refused.status_code, refused.json()["status_code"]) == (400, 27)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_an_unknown_id_is_404_34(sandbox: RunningSandbox, medium: Medium) -> None:
    for tmdb_id in (_odd("unknown_to_tmdb", medium).tmdb_id, 1):
        answer = details(sandbox, medium, tmdb_id)
        assert (answer.status_code, answer.json()["status_code"]) == (404, 34)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_texts_and_genres_come_in_the_language_asked_for(sandbox: RunningSandbox, medium: Medium) -> None:
    title = PLAIN[medium]
    path = f"/{medium.tmdb_path}/{title.tmdb_id}"
    english, ukrainian, other = (tmdb(sandbox, path, language=tag).json() for tag in ("en-US", "uk-UA", "pl-PL"))
    assert (english[medium.tmdb_name], ukrainian[medium.tmdb_name]) == (title.name, title.name_uk)
    assert (ukrainian["overview"], ukrainian["tagline"]) == (title.overview_uk, title.tagline_uk)
    assert other["overview"] == ""
    names = {
        tag: {
            one["id"]: one["name"]
            for one in tmdb(sandbox, f"/genre/{medium.tmdb_path}/list", language=tag).json()["genres"]
        }
        for tag in ("en-US", "uk-UA")
    }
    assert names["uk-UA"][18] == "Драма"
    assert names["en-US"][18] == "Drama"
    assert names["en-US"].keys() == names["uk-UA"].keys()
    for answer, tag in ((english, "en-US"), (ukrainian, "uk-UA")):
        assert all(genre["name"] == names[tag][genre["id"]] for genre in some(answer["genres"]))


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_translations_carry_the_ukrainian_texts(sandbox: RunningSandbox, medium: Medium) -> None:
    def ukrainian(name: str) -> list[dict]:
        listed = _details(sandbox, name, medium)["translations"]["translations"]
        return [one["data"] for one in listed if one["iso_639_1"] == "uk"]

    title = PLAIN[medium]
    listed = details(sandbox, medium, title.tmdb_id).json()["translations"]["translations"]
    assert title.name_uk in [one["data"][medium.tmdb_name] for one in listed]
    assert ukrainian("no_ukrainian_translation") == []
    (nameless,) = ukrainian("empty_ukrainian_name")
    assert nameless[medium.tmdb_name] == ""
    assert nameless["overview"]


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_images_and_videos_are_of_the_languages_asked_for(sandbox: RunningSandbox, medium: Medium) -> None:
    path = f"/{medium.tmdb_path}/"
    for title in catalogue().titles[medium][:30]:
        if not title.known_to_tmdb:
            continue
        answer = tmdb(sandbox, f"{path}{title.tmdb_id}", append_to_response="images,videos", language="en-US").json()
        assert {one["iso_639_1"] for one in answer["images"]["posters"]} <= {"en"}
        assert {one["iso_639_1"] for one in answer["videos"]["results"]} <= {"en"}
        wide = details(sandbox, medium, title.tmdb_id).json()
        assert {one["iso_639_1"] for one in wide["images"]["posters"]} <= {"en", "uk", None}
        assert {one["iso_639_1"] for one in wide["videos"]["results"]} <= {"en", "uk", None}
        assert len(wide["images"]["posters"]) == sum(one.language in ("en", "uk", None) for one in title.posters)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_trailers_may_be_missing_or_without_language(sandbox: RunningSandbox, medium: Medium) -> None:
    neutral = _details(sandbox, "neutral_trailers", medium)["videos"]["results"]
    assert neutral
    assert {one["iso_639_1"] for one in neutral} == {None}
    clips = catalogue().odd("no_trailers", medium)[0].videos
    assert {one.type for one in clips} == {"Featurette"}
    assert _details(sandbox, "no_videos", medium)["videos"]["results"] == []


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_offers_may_be_missing_elsewhere_nameless_or_without_link(sandbox: RunningSandbox, medium: Medium) -> None:
    def offers(name: str) -> dict[str, Any]:
        found: dict[str, Any] = _details(sandbox, name, medium)["watch/providers"]["results"]
        return found

    assert offers("no_providers") == {}
    assert not {"UA", "US"} & offers("providers_elsewhere").keys()
    assert None in [one["provider_name"] for one in offers("nameless_provider")["UA"]["flatrate"]]
    assert {region["link"] for region in offers("no_watch_link").values()} <= {"", None}
    assert offers("all_categories")["US"].keys() == {"link", "flatrate", "free", "ads", "rent", "buy"}


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_numbers_dates_and_images_may_be_zero_null_or_empty(sandbox: RunningSandbox, medium: Medium) -> None:
    unvoted = _details(sandbox, "no_votes", medium)
    assert (unvoted["vote_average"], unvoted["vote_count"]) == (0, 0)
    nulls = _details(sandbox, "null_numbers", medium)
    assert {nulls[name] for name in ("vote_average", "vote_count", "popularity", "adult")} == {None}
    assert _details(sandbox, "empty_dates", medium)[medium.tmdb_released] == ""
    bare = _details(sandbox, "no_images", medium)
    assert (bare["poster_path"], bare["backdrop_path"], bare["images"]["posters"]) == (None, None, [])
    assert _details(sandbox, "no_imdb_id", medium)["external_ids"]["imdb_id"] is None


def test_a_movie_may_have_no_runtime_and_its_certification_in_a_later_release(sandbox: RunningSandbox) -> None:
    assert _details(sandbox, "no_runtime", MOVIES)["runtime"] == 0
    released = _details(sandbox, "second_certification", MOVIES)["release_dates"]["results"]
    (here,) = [one["release_dates"] for one in released if one["iso_3166_1"] == "UA"]
    assert [one["certification"] for one in here] == ["", "16+", "18+"]


def test_shows_end_and_count_their_specials(sandbox: RunningSandbox) -> None:
    ended = _details(sandbox, "ended", SHOWS)
    assert ended["next_episode_to_air"] is None
    assert ended["last_episode_to_air"]["air_date"] == ended["last_air_date"]
    assert [one["season_number"] for one in _details(sandbox, "only_specials", SHOWS)["seasons"]] == [0]
    assert _details(sandbox, "many_specials", SHOWS)["seasons"][-1]["season_number"] == 0


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_a_person_may_have_several_rows_in_the_cast(sandbox: RunningSandbox, medium: Medium) -> None:
    cast = _details(sandbox, "duplicate_cast", medium)[medium.tmdb_appended[-1]]["cast"]
    people = [one["id"] for one in cast]
    assert len(people) - len(set(people)) == 2
    assert people[0] == people[2]


def test_the_aggregated_cast_is_not_sorted_by_its_order(sandbox: RunningSandbox) -> None:
    cast = details(sandbox, SHOWS, PLAIN[SHOWS].tmdb_id).json()["aggregate_credits"]["cast"]
    orders = [one["order"] for one in cast]
    assert orders != sorted(orders)
    assert any(len(one["roles"]) > 1 for one in cast)


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_same_id_is_a_show_and_a_movie(sandbox: RunningSandbox, medium: Medium) -> None:
    assert _details(sandbox, "shared_tmdb_id", medium)[medium.tmdb_name] == _odd("shared_tmdb_id", medium).name


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_an_etag_saves_the_body_until_the_epoch_moves(sandbox: RunningSandbox, medium: Medium) -> None:
    path = f"/{medium.tmdb_path}/{PLAIN[medium].tmdb_id}"
    tag = tmdb(sandbox, path).headers["ETag"]
    again = tmdb(sandbox, path, {"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    sandbox.control("epoch", {"advance": 1})
    moved = tmdb(sandbox, path, {"If-None-Match": tag})
    assert moved.status_code == 200
    assert moved.headers["ETag"] != tag


def _changed(sandbox: RunningSandbox, medium: Medium, **window: Any) -> list[int]:
    first = tmdb(sandbox, f"/{medium.tmdb_path}/changes", **window).json()
    pages = [tmdb(sandbox, f"/{medium.tmdb_path}/changes", page=n + 1, **window) for n in range(first["total_pages"])]
    return [entry["id"] for page in pages for entry in page.json()["results"]]


def test_changes_come_a_hundred_a_page(sandbox: RunningSandbox) -> None:
    sandbox.control("epoch", {"advance": 1})
    first = tmdb(sandbox, "/tv/changes").json()
    assert len(first["results"]) == 100
    assert first["total_pages"] == -(-first["total_results"] // 100)
    assert len(set(_changed(sandbox, SHOWS))) == first["total_results"]


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_the_feed_names_what_changed_on_that_day(sandbox: RunningSandbox, medium: Medium) -> None:
    today = datetime.now(UTC).date()
    sandbox.control("epoch", {"today": today.isoformat()})
    ids = [title.tmdb_id for title in catalogue().titles[medium] if title.known_to_tmdb][:120]
    before = {tmdb_id: _named_by_the_feed(sandbox, medium, tmdb_id) for tmdb_id in ids}
    assert _changed(sandbox, medium) == []
    sandbox.control("epoch", {"advance": 3})
    differing = {tmdb_id for tmdb_id in ids if _named_by_the_feed(sandbox, medium, tmdb_id) != before[tmdb_id]}
    named = set(_changed(sandbox, medium)) & set(ids)
    assert differing
    # It names as well what a change of is not seen in this language.
    assert differing <= named < set(ids)
    yesterday = {"start_date": str(today - timedelta(days=1)), "end_date": str(today)}
    assert _changed(sandbox, medium, **yesterday) == []


def _named_by_the_feed(sandbox: RunningSandbox, medium: Medium, tmdb_id: int) -> Any:
    told = details(sandbox, medium, tmdb_id).json()
    parts = ("videos", "last_episode_to_air", "next_episode_to_air", "status", "number_of_episodes")
    return {name: told.get(name) for name in parts}


def test_a_feed_of_more_than_fourteen_days_is_refused(sandbox: RunningSandbox) -> None:
    refused = tmdb(sandbox, "/tv/changes", start_date="2026-01-01", end_date="2026-01-16")
    assert refused.status_code == 422


def test_an_appended_part_can_also_be_asked_by_itself(sandbox: RunningSandbox) -> None:
    alone = tmdb(sandbox, f"/tv/{PLAIN[SHOWS].tmdb_id}/watch/providers").json()
    appended = details(sandbox, SHOWS, PLAIN[SHOWS].tmdb_id).json()["watch/providers"]
    assert alone == {"id": PLAIN[SHOWS].tmdb_id, **appended}
