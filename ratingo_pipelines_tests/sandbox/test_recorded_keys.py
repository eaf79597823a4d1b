"""The sandbox's payloads carry every key of the recorded answers, so that what reads the one reads the other."""

import json
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.sandbox.asking import details, omdb, tmdb, trakt

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded answers are not here")

TRENDING: dict[str, tuple[str, dict[str, object]]] = {
    "shows_trending_limit=5__jemus42-tRakt": ("/shows/trending", {"limit": 60}),
    "movies_trending_limit=5_extended=full__jemus42-tRakt": ("/movies/trending", {"limit": 60, "extended": "full"}),
    "TrendingShows_Full__TraktKit": ("/shows/trending", {"limit": 60, "extended": "full"}),
    "shows_breaking_bad_extended=full__jemus42-tRakt": ("/shows/1001", {"extended": "full"}),
    "shows_futurama_seasons_1_ratings__jemus42-tRakt": ("/shows/1001/ratings", {"extended": "all"}),
    "movies_inception_2010_ratings__jemus42-tRakt": ("/movies/1001/ratings", {}),
    "movies_inception_2010_related_limit=10__jemus42-tRakt": ("/movies/1001/related", {}),
    "shows_1390_related__python-pytrakt": ("/shows/1001/related", {}),
    "shows_watched_weekly_limit=10__jemus42-tRakt": ("/shows/watched/monthly/2026-05-01", {}),
    "test_get_most_watched_movies__TraktKit": ("/movies/watched/monthly/2026-05-01", {}),
}
PARTS = {
    "tv_1396_content_ratings": (SHOWS, "content_ratings"),
    "tv_1396_translations": (SHOWS, "translations"),
    "tv_1396_videos": (SHOWS, "videos"),
    "tv_1396_watch_providers": (SHOWS, "watch/providers"),
    "tv_1396_recommendations": (SHOWS, "recommendations"),
    "tv_1399_external_ids": (SHOWS, "external_ids"),
    "tv_96677_aggregate_credits": (SHOWS, "aggregate_credits"),
    "movie_47964_credits": (MOVIES, "credits"),
    "movie_47964_recommendations": (MOVIES, "recommendations"),
    "movie_47964_release_dates": (MOVIES, "release_dates"),
    "movie_47964_translations": (MOVIES, "translations"),
    "movie_47964_videos": (MOVIES, "videos"),
    "movie_335984_external_ids": (MOVIES, "external_ids"),
}


def _keys(value: Any, path: str = "") -> set[str]:
    """Every key's path; items of a list, and regions or buckets of an object, count as one."""
    if isinstance(value, list):
        return {key for item in value for key in _keys(item, path + "[]")}
    if not isinstance(value, dict):
        return set()
    if value and all(key.isdigit() or (len(key) == 2 and key.isupper()) for key in value):
        return {key for item in value.values() for key in _keys(item, path + ".*")}
    return {found for key, item in value.items() for found in {f"{path}.{key}", *_keys(item, f"{path}.{key}")}}


def _recorded(api: str, name: str) -> set[str]:
    (file,) = (SAMPLES / api).glob(f"{name}*.json" if "__" in name else f"{name}__*.json")
    keys = _keys(json.loads(file.read_text(encoding="utf-8")))
    assert keys
    return keys


@pytest.mark.parametrize("name", TRENDING)
def test_trakts_keys_are_there(sandbox: RunningSandbox, name: str) -> None:
    path, query = TRENDING[name]
    assert _recorded("trakt", name) <= _keys(trakt(sandbox, path, None, **query).json())


@pytest.mark.parametrize(
    "name", ["calendars_all_shows_2014_09_01_7__python-pytrakt", "test_get_calendar_shows__TraktKit"]
)
def test_the_calendars_keys_are_there(sandbox: RunningSandbox, name: str) -> None:
    today = sandbox.control("")["today"]
    assert _recorded("trakt", name) <= _keys(trakt(sandbox, f"/calendars/all/shows/{today}/7").json())


@pytest.mark.parametrize("name", PARTS)
def test_the_keys_of_what_tmdb_appends_are_there(sandbox: RunningSandbox, name: str) -> None:
    medium, part = PARTS[name]
    titles = [title for title in catalogue().titles[medium][:40] if title.known_to_tmdb]
    answers = [details(sandbox, medium, title.tmdb_id).json()[part] for title in titles]
    # The number of the title comes only where the part is asked by itself.
    assert _recorded("tmdb", name) - {".id"} <= _keys(answers) | {key[2:] for key in _keys(answers)}


@pytest.mark.parametrize(
    ("name", "medium"),
    [
        ("tv_1396__jellyfin", SHOWS),
        ("tv_1668__jellyfin", SHOWS),
        ("tv-series__adamayoung", SHOWS),
        ("movie_47964__jellyfin", MOVIES),
        ("movie_168259_language=de__jellyfin", MOVIES),
    ],
)
def test_the_keys_of_tmdbs_details_are_there(sandbox: RunningSandbox, name: str, medium: Any) -> None:
    titles = [title for title in catalogue().titles[medium][:40] if title.known_to_tmdb]
    served = _keys([tmdb(sandbox, f"/{medium.tmdb_path}/{title.tmdb_id}").json() for title in titles])
    assert _recorded("tmdb", name) <= {key[2:] for key in served}


def test_the_keys_of_appended_images_are_there(sandbox: RunningSandbox) -> None:
    served = _keys(details(sandbox, SHOWS, catalogue().titles[SHOWS][0].tmdb_id).json())
    assert _recorded("tmdb", "tv_1396_append_to_response=images_include_image_language=pt__jellyfin") <= served


@pytest.mark.parametrize("medium", [SHOWS, MOVIES], ids=str)
def test_the_keys_of_changes_are_there(sandbox: RunningSandbox, medium: Any) -> None:
    recorded = _recorded("tmdb", f"{medium.tmdb_path}_changes_page=1")
    assert recorded <= _keys(tmdb(sandbox, f"/{medium.tmdb_path}/changes").json())


def test_the_keys_of_errors_are_there(sandbox: RunningSandbox) -> None:
    assert _recorded("tmdb", "movie_999999999_HTTP404") == _keys(tmdb(sandbox, "/movie/1").json())
    assert _recorded("tmdb", "error-status-401") == _keys(
        tmdb(sandbox, "/movie/1", {"Authorization": "Bearer x"}).json()
    )
    assert _recorded("omdb", "error_invalidkey_HTTP401") == _keys(omdb(sandbox, apikey="x", i="tt0000001").json())


def test_omdbs_keys_are_there(sandbox: RunningSandbox) -> None:
    imdb_id = next(title.imdb_id for title in catalogue().titles[MOVIES] if title.metascore)
    assert _recorded("omdb", "i=tt7363076-plot=full-v=1-y=2018") <= _keys(omdb(sandbox, i=imdb_id).json())
