"""Recorded answers of the three APIs, read by the models. Skipped where the recordings are not at hand."""

import json
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS
from ratingo_pipelines.sources import omdb, trakt
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    NotFound,
    QuotaExhausted,
    SourceError,
)
from ratingo_pipelines.sources.tmdb import title as tmdb_title

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
FILES = sorted(SAMPLES.glob("*/*.json"))
REGIONS = ("UA", "US")
LANGUAGES = ("uk", "en")

pytestmark = pytest.mark.skipif(not FILES, reason="no recorded answers beside the checkout")


def load(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def details(payload: Any, medium: Any = SHOWS) -> tmdb_title.TmdbTitle:
    return tmdb_title.parse_details(payload, medium, REGIONS, LANGUAGES)


def matching(*patterns: str) -> list[str]:
    names = [f"{path.parent.name}/{path.name}" for path in FILES]
    return [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]


READERS: dict[str, Callable[[Any], object]] = {
    "trending shows": lambda payload: trakt.parse_trending(payload, SHOWS),
    "trending movies": lambda payload: trakt.parse_trending(payload, MOVIES),
    "monthly shows": lambda payload: trakt.parse_monthly(payload, SHOWS),
    "monthly movies": lambda payload: trakt.parse_monthly(payload, MOVIES),
    "ratings": trakt.parse_ratings,
    "related": trakt.parse_related,
    "calendar": trakt.parse_calendar,
    "show details": details,
    "movie details": lambda payload: details(payload, MOVIES),
    "genres": tmdb_title.parse_genres,
    "OMDb": partial(omdb.parse_ratings, imdb_id="tt7363076"),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_recording_is_read_or_refused_with_a_reason(reader: str) -> None:
    for path in FILES:
        try:
            payload = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            assert "INVALID_JSON" in path.name
            continue
        with suppress(SourceError):
            READERS[reader](payload)


@pytest.mark.parametrize("name", matching("trakt/*[Tt]rending*"))
def test_every_recorded_trending_list_is_read_whole(name: str) -> None:
    payload = load(name)
    medium = next(medium for medium in MEDIA if medium.singular in payload[0])
    entries = trakt.parse_trending(payload, medium)
    assert [entry.watchers for entry in entries] == [item["watchers"] for item in payload]
    for entry, item in zip(entries, payload, strict=True):
        recorded = item[medium.singular]
        assert entry.title.tmdb == recorded["ids"]["tmdb"]
        assert entry.title.trakt == recorded["ids"]["trakt"]
        assert entry.title.slug == recorded["ids"]["slug"]
        assert entry.title.imdb == recorded["ids"]["imdb"]
        assert (entry.title.title, entry.title.year) == (recorded["title"], recorded["year"])
        for field in ("rating", "votes", "overview", "network"):
            assert getattr(entry.title, field) == recorded.get(field)


@pytest.mark.parametrize("name", matching("trakt/*[a-z]_watched_*", "trakt/test_get_most_watched_*"))
def test_every_recorded_list_of_the_most_watched_is_read_whole(name: str) -> None:
    payload = load(name)
    medium = next(medium for medium in MEDIA if medium.singular in payload[0])
    entries = trakt.parse_monthly(payload, medium)
    assert [(entry.watcher_count, entry.title.tmdb) for entry in entries] == [
        (item["watcher_count"], item[medium.singular]["ids"]["tmdb"]) for item in payload
    ]


@pytest.mark.parametrize("name", matching("trakt/*_related*", "trakt/*_popular*"))
def test_every_recorded_list_of_bare_titles_is_read_whole(name: str) -> None:
    payload = load(name)
    assert [title.tmdb for title in trakt.parse_related(payload)] == [item["ids"]["tmdb"] for item in payload]


@pytest.mark.parametrize("name", matching("trakt/*_ratings__*"))
def test_every_recorded_answer_of_ratings_is_read_in_either_shape(name: str) -> None:
    payload = load(name)
    recorded = payload.get("trakt", payload)
    ratings = trakt.parse_ratings(payload)
    assert (ratings.rating, ratings.votes) == (recorded["rating"], recorded["votes"])
    assert ratings.distribution == {int(bucket): count for bucket, count in recorded["distribution"].items()}
    assert (ratings.imdb_rating, ratings.imdb_votes, ratings.metascore) == (None, None, None)


@pytest.mark.parametrize("name", matching("trakt/calendars_all_shows*", "trakt/test_get_*calendar*"))
def test_every_recorded_calendar_of_shows_is_read_whole(name: str) -> None:
    payload = load(name)
    assert [
        (entry.first_aired, entry.season, entry.number, entry.episode_title, entry.show.tmdb)
        for entry in trakt.parse_calendar(payload)
    ] == [
        (
            item["first_aired"],
            item["episode"]["season"],
            item["episode"]["number"],
            item["episode"]["title"],
            item["show"]["ids"]["tmdb"],
        )
        for item in payload
    ]


def test_a_show_that_airs_in_the_american_evening_keeps_its_american_date() -> None:
    payload = load("trakt/shows_breaking_bad_extended=full__jemus42-tRakt.json")
    assert payload["first_aired"] == "2008-01-21T02:00:00.000Z"
    assert trakt.TraktTitle.model_validate(payload).released == "2008-01-20"


def titles() -> list[str]:
    return [name for name in matching("tmdb/*") if {"id", "poster_path", "genres"} <= load(name).keys()]


@pytest.mark.parametrize("name", titles())
def test_every_recorded_title_of_tmdb_is_read_with_what_it_holds(name: str) -> None:
    payload = load(name)
    medium = SHOWS if "name" in payload else MOVIES
    title = details(payload, medium)
    assert title.id == payload["id"]
    assert title.name == payload[medium.tmdb_name]
    assert title.released == (payload[medium.tmdb_released] or None)
    assert title.poster_path == payload["poster_path"]
    assert [(genre.id, genre.name) for genre in title.genres or ()] == [
        (genre["id"], genre["name"]) for genre in payload["genres"]
    ]
    assert len(title.seasons or ()) == len(payload.get("seasons", ()))
    assert title.runtime == payload.get("runtime")
    if last := payload.get("last_episode_to_air"):
        assert title.last_episode is not None
        assert title.last_episode.model_dump() == {key: last[key] for key in type(title.last_episode).model_fields}


def breaking_bad() -> tmdb_title.TmdbTitle:
    part = "tmdb/tv_1396_{}__jellyfin-TMDbLib.json"
    appended = {
        "translations": "translations",
        "watch/providers": "watch_providers",
        "videos": "videos",
        "content_ratings": "content_ratings",
        "credits": "credits",
        "recommendations": "recommendations",
    }
    payload = load("tmdb/tv_1396__jellyfin-TMDbLib.json")
    return details(payload | {key: load(part.format(name)) for key, name in appended.items()})


def test_a_recorded_show_with_everything_appended_has_every_fact() -> None:
    title = breaking_bad()
    ukrainian = [entry for entry in title.translations or () if entry.language == "uk"]
    assert [(entry.region, entry.title) for entry in ukrainian] == [("UA", "Пуститися берега")]
    english = [entry for entry in title.translations or () if entry.language == "en"]
    assert english[0].title is None
    assert english[0].tagline == "Change the equation."
    assert {entry.language for entry in title.translations or ()} == {"uk", "en"}
    assert [(video.key, video.locale, video.official) for video in title.videos or ()] == [("XZ8daibM3AE", "en", True)]
    assert title.content_ratings == {"US": "TV-MA"}
    providers = title.providers or []
    assert {provider.region for provider in providers} == {"US"}
    assert [(p.provider_id, p.name, p.rank) for p in providers if p.category == "flatrate"] == [
        (8, "Netflix", 2),
        (1796, "Netflix Standard with Ads", 151),
    ]
    assert providers[0].link == "https://www.themoviedb.org/tv/1396-breaking-bad/watch?locale=US"
    assert [(member.name, member.roles) for member in (title.cast or [])[:1]] == [("Bryan Cranston", ["Walter White"])]
    assert len(title.recommendations or ()) == 20
    assert (title.recommendations or [])[0].name == "Better Call Saul"
    assert (title.next_episode, title.next_episode_came) == (None, True)
    assert title.last_episode is not None
    assert (title.last_episode.season_number, title.last_episode.episode_number) == (5, 16)
    assert title.vote_average is None


def test_a_recorded_movie_with_everything_appended_has_every_fact() -> None:
    part = "tmdb/movie_47964_{}__jellyfin-TMDbLib.json"
    appended = {
        "translations": "translations",
        "watch/providers": "watch_providers",
        "videos": "videos",
        "release_dates": "release_dates",
        "credits": "credits",
        "recommendations": "recommendations",
    }
    payload = load("tmdb/movie_47964__jellyfin-TMDbLib.json")
    title = details(payload | {key: load(part.format(name)) for key, name in appended.items()}, MOVIES)
    ukrainian = [entry.title for entry in title.translations or () if entry.language == "uk"]
    assert ukrainian == ["Міцний горішок: Гарний день, аби померти"]
    assert title.content_ratings == {"US": "R"}
    assert title.imdb_id == "tt1606378"
    assert title.runtime == 98
    assert title.released == "2013-02-06"
    assert (title.cast or [])[0].roles == ["John McClane"]
    assert len(title.cast or ()) == 12
    assert {video.type for video in title.videos or ()} <= {"Trailer", "Teaser"}
    assert (title.recommendations or [])[0].released == "2025-05-01"


def test_recorded_credits_of_all_seasons_merge_the_roles_of_a_person() -> None:
    payload = {
        "id": 96677,
        "aggregate_credits": load("tmdb/tv_96677_aggregate_credits__jellyfin-TMDbLib.json"),
    }
    cast = details(payload).cast or []
    assert len(cast) == 12
    assert (cast[0].name, cast[0].roles, cast[0].order) == ("Omar Sy", ["Assane Diop"], 171)
    pellegrini = next(member for member in cast if member.name == "Hervé Pierre")
    assert pellegrini.roles == ["Mr. Hubert Pellegrini", "Hubert Pellegrini"]


@pytest.mark.parametrize("name", matching("tmdb/*watch_providers*", "tmdb/show-watch-provider-result*"))
def test_every_recorded_list_of_providers_is_read_for_the_regions_asked_for(name: str) -> None:
    recorded = load(name)["results"]
    payload = {"id": 1, "watch/providers": {"results": recorded}}
    regions = tuple(recorded)
    found = tmdb_title.parse_details(payload, SHOWS, regions, LANGUAGES).providers or []
    assert {(p.region, p.category, p.provider_id, p.rank) for p in found} == {
        (region, category, entry["provider_id"], entry["display_priority"])
        for region in regions
        for category in tmdb_title.CATEGORIES
        for entry in recorded[region].get(category, ())
    }
    assert all(entry.link == recorded[entry.region]["link"] for entry in found)


@pytest.mark.parametrize("kind", ["empty", "null"])
def test_recorded_providers_without_a_link_are_kept(kind: str) -> None:
    region = load(f"tmdb/show-watch-provider-{kind}-link__adamayoung-TMDb.json")
    found = details({"id": 1, "watch/providers": {"results": {"UA": region}}}).providers or []
    assert [(entry.name, entry.link, entry.rank) for entry in found] == [("Netflix", None, 0)]


def test_a_recorded_release_without_certification_gives_way_to_one_that_has_it() -> None:
    payload = {"id": 550, "release_dates": load("tmdb/movie-release-dates__adamayoung-TMDb.json")}
    recorded = {entry["iso_3166_1"]: entry["release_dates"] for entry in payload["release_dates"]["results"]}
    found = tmdb_title.parse_details(payload, MOVIES, tuple(recorded), LANGUAGES).content_ratings
    assert found == {
        region: next(release["certification"] for release in releases if release["certification"])
        for region, releases in recorded.items()
        if any(release["certification"] for release in releases)
    }


@pytest.mark.parametrize("name", matching("tmdb/error-*", "tmdb/*HTTP404*"))
def test_a_recorded_error_of_tmdb_is_no_title(name: str) -> None:
    with pytest.raises(BadPayload) as caught:
        details(load(name))
    assert caught.value.field == "id"


def test_the_recorded_movie_of_omdb_has_its_ratings() -> None:
    payload = load("omdb/i=tt7363076-plot=full-v=1-y=2018__neerajkumar-omdb_gateway.json")
    assert omdb.parse_ratings(payload, "tt7363076") == omdb.OmdbRatings(
        imdb_rating=8.0, imdb_votes=2016, metacritic=None
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("badid_HTTP200", NotFound),
        ("notfound_HTTP200", NotFound),
        ("getting_data", NotFound),
        ("invalidkey_HTTP401", AccessDenied),
        ("limit_HTTP401", QuotaExhausted),
    ],
)
def test_each_recorded_refusal_of_omdb_is_the_error_it_stands_for(name: str, kind: type[SourceError]) -> None:
    with pytest.raises(kind):
        omdb.parse_ratings(load(f"omdb/error_{name}__omdbapi-issues.json"), "tt7363076")
