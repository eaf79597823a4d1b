"""Whatever JSON an API sends, its reader gives a model that can be stored, or says which field is unusable."""

import copy
import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial, reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sources import omdb, trakt
from ratingo_pipelines.sources.errors import BadPayload, Misrouted, NotFound, SourceError
from ratingo_pipelines.sources.lenient import clean_json
from ratingo_pipelines.sources.tmdb import title as tmdb_title

TRAKT_TITLE = {
    "title": "Dark",
    "year": 2017,
    "ids": {"trakt": 119913, "slug": "dark", "tvdb": 334824, "imdb": "tt5753856", "tmdb": 70523},
    "rating": 8.5,
    "votes": 30000,
    "genres": ["drama", "mystery"],
    "status": "ended",
    "network": "Netflix",
    "airs": {"day": "Friday", "time": "03:00", "timezone": "America/New_York"},
    "overview": "A child vanishes.",
    "runtime": 53,
    "first_aired": "2017-12-01T08:00:00.000Z",
    "released": "2017-12-01",
}
VOTES = {"rating": 8.5, "votes": 55, "distribution": {str(bucket): bucket for bucket in range(1, 11)}}
NESTED_RATINGS = {
    "trakt": VOTES,
    "imdb": {"rating": 8.7, "votes": 450000, "link": "x"},
    "tmdb": {"rating": None},
    "metascore": {"rating": 81},
    "rotten_tomatoes": {"rating": 95, "user_rating": 94},
}
CALENDAR_ENTRY = {
    "first_aired": "2026-11-24T02:00:00.000Z",
    "episode": {"season": 2, "number": 3, "title": "Ghosts", "episode_type": "standard", "ids": {"tmdb": 5}},
    "show": TRAKT_TITLE,
}
EPISODE = {"id": 1, "season_number": 3, "episode_number": 8, "air_date": "2020-06-27"}
LISTED = {
    "id": 42009,
    "name": "Black Mirror",
    "title": "Black Mirror",
    "original_name": "Black Mirror",
    "media_type": None,
    "overview": "Twisted tales.",
    "poster_path": "/a.jpg",
    "backdrop_path": "/b.jpg",
    "first_air_date": "2011-12-04",
    "release_date": "2011-12-04",
    "vote_average": 8.3,
    "vote_count": 5000,
    "popularity": 200.5,
    "genre_ids": [10765, 18],
}
TMDB_DETAILS = LISTED | {
    "id": 70523,
    "original_language": "de",
    "status": "Ended",
    "tagline": "",
    "runtime": 53,
    "number_of_seasons": 3,
    "number_of_episodes": 26,
    "imdb_id": "tt5753856",
    "genres": [{"id": 18, "name": "Drama"}],
    "seasons": [{"season_number": 0, "episode_count": 2}, {"season_number": 3, "episode_count": 8}],
    "last_episode_to_air": EPISODE,
    "next_episode_to_air": None,
    "external_ids": {"imdb_id": "tt5753856"},
    "translations": {
        "translations": [
            {
                "iso_639_1": "uk",
                "iso_3166_1": "UA",
                "data": {"name": "Пітьма", "title": "Пітьма", "overview": "Зникає дитина.", "tagline": ""},
            }
        ]
    },
    "videos": {
        "results": [
            {
                "id": "5",
                "key": "rrwycJ08PSA",
                "site": "YouTube",
                "type": "Trailer",
                "name": "Trailer",
                "iso_639_1": "en",
                "official": True,
                "published_at": "2017-11-01T10:00:00.000Z",
            }
        ]
    },
    "watch/providers": {
        "results": {
            "UA": {
                "link": "https://example.org/ua",
                "flatrate": [
                    {
                        "provider_id": 8,
                        "provider_name": "Netflix",
                        "logo_path": "/n.jpg",
                        "display_priority": 0,
                    }
                ],
            }
        }
    },
    "content_ratings": {"results": [{"iso_3166_1": "US", "rating": "TV-MA"}]},
    "release_dates": {"results": [{"iso_3166_1": "US", "release_dates": [{"certification": ""}]}]},
    "aggregate_credits": {
        "cast": [
            {
                "id": 1,
                "name": "Louis Hofmann",
                "order": 0,
                "profile_path": "/l.jpg",
                "roles": [{"character": "Jonas"}],
            }
        ]
    },
    "credits": {"cast": [{"id": 1, "name": "Louis Hofmann", "order": 0, "character": "Jonas"}]},
    "images": {"posters": [{"file_path": "/uk.jpg", "iso_639_1": "uk", "vote_average": 5.3, "vote_count": 3}]},
    "recommendations": {"results": [LISTED]},
}
OMDB_TITLE = {
    "Title": "Dark",
    "imdbRating": "8.7",
    "imdbVotes": "450,000",
    "Metascore": "N/A",
    "Ratings": [{"Source": "Metacritic", "Value": "81/100"}],
    "imdbID": "tt5753856",
    "Response": "True",
}


def entries_of(medium: Medium) -> list[dict[str, Any]]:
    return [{"watchers": 500, "watcher_count": 9000, medium.singular: TRAKT_TITLE}] * 2


def details_reader(medium: Medium) -> Callable[[Any], object]:
    return lambda payload: tmdb_title.parse_details(payload, medium, ("UA", "US"), ("uk", "en"))


READERS: dict[str, tuple[Callable[[Any], object], Any]] = {
    "ratings": (trakt.parse_ratings, VOTES),
    "nested ratings": (trakt.parse_ratings, NESTED_RATINGS),
    # Lists have two entries: one of which nothing can be read is no answer.
    "related": (trakt.parse_related, [TRAKT_TITLE] * 2),
    "calendar": (trakt.parse_calendar, [CALENDAR_ENTRY] * 2),
    "trending shows": (lambda payload: trakt.parse_trending(payload, SHOWS), entries_of(SHOWS)),
    "trending movies": (lambda payload: trakt.parse_trending(payload, MOVIES), entries_of(MOVIES)),
    "monthly shows": (lambda payload: trakt.parse_monthly(payload, SHOWS), entries_of(SHOWS)),
    "monthly movies": (lambda payload: trakt.parse_monthly(payload, MOVIES), entries_of(MOVIES)),
    "show details": (details_reader(SHOWS), TMDB_DETAILS),
    "movie details": (details_reader(MOVIES), TMDB_DETAILS),
    "genres": (tmdb_title.parse_genres, {"genres": [{"id": 18, "name": "Drama"}, {"id": 35, "name": "Comedy"}]}),
    "OMDb": (partial(omdb.parse_ratings, imdb_id="tt5753856"), OMDB_TITLE),
}

# Everything Python's parser lets through: NaN, infinities, integers of any size, NUL, halves of surrogate pairs.
texts = st.text(st.characters(), max_size=8) | st.sampled_from(["", "0", "12", "\x00", "\ud800", "N/A", "0000-00-00"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from([-1, 0, 2**31, 10**400])
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    value = copy.copy(value)
    value[path[0]] = replaced(value[path[0]], path[1:], other)
    return value


@st.composite
def mutations(draw: st.DrawFn, valid: Any) -> Any:
    """A valid payload in which up to four places hold something else."""
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(valid))))
        valid = replaced(valid, path, draw(json_values))
    return valid


def assert_storable(value: Any) -> None:
    if isinstance(value, BaseModel):
        assert_storable(dict(value))
    elif dataclasses.is_dataclass(value):
        assert_storable([getattr(value, field.name) for field in dataclasses.fields(value)])
    elif isinstance(value, dict):
        assert_storable([*value.keys(), *value.values()])
    elif isinstance(value, list | frozenset):
        for item in value:
            assert_storable(item)
    elif isinstance(value, str):
        assert "\x00" not in value
        value.encode()
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, datetime):
        assert value.utcoffset() is not None
        assert value.utcoffset().total_seconds() == 0  # type: ignore[union-attr]
    else:
        assert value is None or isinstance(value, bool | int)


def read(reader: Callable[[Any], object], payload: Any) -> object:
    try:
        return reader(payload)
    except SourceError as error:
        return error


def check(reader: Callable[[Any], object], payload: Any) -> None:
    found = read(reader, payload)
    if isinstance(found, BadPayload):
        assert found.field
    elif isinstance(found, Misrouted):
        assert "_BASE_URL" in str(found)
    elif isinstance(found, NotFound) and payload == []:
        assert reader is trakt.parse_ratings
    elif isinstance(found, SourceError):
        assert isinstance(payload, dict)
        assert str(payload["Response"]).lower() == "false"
    else:
        assert_storable(found)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=json_values)
def test_any_json_becomes_a_model_or_names_the_unusable_field(name: str, payload: Any) -> None:
    check(READERS[name][0], payload)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_valid_answer_with_anything_in_some_places_becomes_a_model_or_names_the_field(
    name: str, data: st.DataObject
) -> None:
    reader, valid = READERS[name]
    check(reader, data.draw(mutations(valid)))


@pytest.mark.parametrize("name", [name for name in READERS if name != "OMDb"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_odd_place_never_loses_a_whole_answer_unless_it_is_its_essence(name: str, data: st.DataObject) -> None:
    reader, valid = READERS[name]
    essence = {"show details": {(), ("id",)}, "movie details": {(), ("id",)}, "genres": {(), ("genres",)}}
    path = data.draw(st.sampled_from([path for path in places(valid) if path not in essence.get(name, {()})]))
    reader(replaced(valid, path, data.draw(json_values)))


@pytest.mark.parametrize("medium", MEDIA, ids=str)
@settings(max_examples=60, deadline=None)
@given(odd=json_values)
def test_an_odd_entry_of_a_trending_list_keeps_its_place_and_its_neighbours(medium: Medium, odd: Any) -> None:
    good = entries_of(medium)[0]
    entries = trakt.parse_trending([good, odd, good], medium)
    assert len(entries) == 3
    assert [entry.title.tmdb for entry in entries[::2]] == [70523, 70523]


@pytest.mark.parametrize("name", READERS)
def test_the_unmutated_answers_are_read_whole(name: str) -> None:
    reader, valid = READERS[name]
    found = reader(valid)
    assert found
    assert_storable(found)


@pytest.mark.parametrize("name", READERS)
def test_nesting_without_end_is_survived(name: str) -> None:
    deep: Any = json.loads("[" * 900 + "]" * 900)
    reader, valid = READERS[name]
    for path in places(valid):
        check(reader, replaced(valid, path, deep))


@given(st.text(max_size=30) | st.dates().map(date.isoformat) | st.datetimes().map(datetime.isoformat))
def test_a_date_is_a_date_or_none(text: str) -> None:
    title = details_reader(SHOWS)({"id": 1, "first_air_date": text})
    released = title.released  # type: ignore[attr-defined]
    assert released is None or date.fromisoformat(released).isoformat() == released


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"in": value}], ids=["lists", "objects"])
def test_what_is_nested_is_kept_to_the_eighth_level(wrap: Callable[[Any], Any]) -> None:
    nested: list[Any] = ["here"]
    for _ in range(9):
        nested.append(wrap(nested[-1]))

    assert clean_json(nested[8]) == nested[8]
    assert clean_json(nested[9]) == reduce(lambda value, _: wrap(value), range(8), None)
