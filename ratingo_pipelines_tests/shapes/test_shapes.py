"""Sandbox and payload models against the shapes of recorded answers, wherever the recordings themselves are not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sources import omdb, trakt
from ratingo_pipelines.sources.tmdb import title as tmdb_title
from ratingo_pipelines_tests.sandbox import asking
from ratingo_pipelines_tests.shapes.recorded import ENDPOINTS, RECORDINGS, distilled, shapes
from ratingo_pipelines_tests.shapes.shape import TYPES, distil, example, kinds, variants

SHAPES = {(api, endpoint): shape for api in ENDPOINTS for endpoint, shape in shapes(api).items()}
ANSWERS = [key for key in SHAPES if key[1] != "error"]
LISTED = 40
MONTH = "2026-05-01"


def _id(value: Any) -> str:
    return str(value).strip("/").replace("/", "_")


def test_a_shape_tells_paths_types_and_what_may_be_absent_and_nothing_else() -> None:
    told = distil(
        [
            [{"id": 7, "name": "Ihor", "year": None, "by": {"UA": [], "US": ["x"]}, "votes": {"1": 5, "10": 6.5}}],
            [{"id": 8, "name": "", "released": "2026-01-31", "at": "2026-01-31T12:00:00Z", "imdb": "tt0000001"}],
        ]
    )
    assert told == {
        "": ["list"],
        "[]": ["object"],
        "[].at": ["absent", "instant"],
        "[].by": ["absent", "object"],
        "[].by.{region}": ["empty list", "list"],
        "[].by.{region}.[]": ["text"],
        "[].id": ["integer"],
        "[].imdb": ["absent", "imdb id"],
        "[].name": ["empty text", "text"],
        "[].released": ["absent", "date"],
        "[].votes": ["absent", "object"],
        "[].votes.{number}": ["integer", "number"],
        "[].year": ["absent", "null"],
    }
    assert distil([example(told)]).keys() == told.keys()
    assert ("[].year", "absent", [{k: v for k, v in example(told)[0].items() if k != "year"}]) in list(variants(told))


@pytest.mark.parametrize("key", SHAPES, ids=_id)
def test_the_shapes_hold_nothing_that_was_recorded(key: tuple[str, str]) -> None:
    types = {name for found in SHAPES[key].values() for name in found}
    assert types
    assert types <= {*TYPES}
    assert all(re.fullmatch(r"[A-Za-z0-9_/.\[\]{}]*", path) for path in SHAPES[key])


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recorded answers beside the checkout")
@pytest.mark.parametrize("api", ENDPOINTS)
def test_the_shapes_are_those_of_the_recordings(api: str) -> None:
    assert shapes(api) == distilled(api), "run python -m ratingo_pipelines_tests.shapes"


def _served(sandbox: RunningSandbox, api: str, endpoint: str) -> list[Any]:
    """What the sandbox answers at an endpoint, of many titles with their oddities."""
    medium = next((one for one in MEDIA if endpoint.startswith((f"/{one}/", f"/{one.tmdb_path}/"))), SHOWS)
    titles = [title for title in catalogue().titles[medium][:LISTED] if title.known_to_tmdb]
    if api == "omdb":
        return [asking.omdb(sandbox, i=title.imdb_id).json() for title in titles if title.omdb == "answer"]
    if api == "tmdb":
        paths = [endpoint.replace("{id}", str(title.tmdb_id)) for title in titles]
        return [asking.tmdb(sandbox, path).json() for path in (paths if "{id}" in endpoint else [endpoint])]
    path = endpoint.replace("{medium}", medium.plural).replace("{id}", str(titles[0].trakt_id))
    path += {"watched": f"/monthly/{MONTH}", "shows": f"/{sandbox.control('')['today']}/7"}.get(path.split("/")[-1], "")
    return [asking.trakt(sandbox, path, limit=LISTED, extended=more).json() for more in ("min", "full", "all")]


@pytest.mark.parametrize("key", ANSWERS, ids=_id)
def test_the_sandbox_serves_what_was_recorded_in_the_same_types(sandbox: RunningSandbox, key: tuple[str, str]) -> None:
    served = distil(_served(sandbox, *key))
    # What the sandbox always serves empty has nothing below it.
    empty = [path for path, types in served.items() if not kinds(types)]
    below = [path for path in SHAPES[key] if any(path.startswith(f"{one}.") for one in empty)]
    assert [path for path in SHAPES[key] if path not in served and path not in below] == []
    wrong = {
        path: (types, served[path])
        for path, types in SHAPES[key].items()
        if path in served and kinds(types) and not kinds(served[path]) <= kinds(types)
    }
    assert wrong == {}


def test_the_sandbox_words_errors_as_they_were_recorded(sandbox: RunningSandbox) -> None:
    refused = [asking.tmdb(sandbox, "/movie/1"), asking.tmdb(sandbox, "/movie/1", {"Authorization": "Bearer x"})]
    refused_by_omdb = [asking.omdb(sandbox, apikey="x", i="tt0000001"), asking.omdb(sandbox, i="tt0000001")]
    assert distil(answer.json() for answer in refused) == SHAPES["tmdb", "error"]
    assert distil(answer.json() for answer in refused_by_omdb) == SHAPES["omdb", "error"]


def _details(medium: Medium, part: str | None = None) -> Callable[[Any], object]:
    def read(payload: Any) -> object:
        given = payload if part is None else {"id": 1, part: payload}
        return tmdb_title.parse_details(given, medium, ("UA",), ("uk",))

    return read


TITLE = {f"title.{name}" for name in ("trakt", "slug", "imdb", "tmdb", "title", "year")}
FULL = TITLE | {f"title.{name}" for name in ("rating", "votes", "overview", "released")}
DETAILS = {
    *("id", "name", "overview", "poster_path", "backdrop_path", "genres", "vote_average", "vote_count"),
    *("popularity", "status", "tagline", "released", "original_name", "original_language"),
}
OF_SHOWS = {"number_of_seasons", "number_of_episodes", "seasons", "last_episode"}
BARE = {name.removeprefix("title.") for name in TITLE}
CALENDAR = {name.replace("title.", "show.") for name in TITLE} | {"first_aired", "season", "number", "episode_title"}
PARTS = {
    "translations": "translations",
    "watch/providers": "providers",
    "videos": "videos",
    "external_ids": "imdb_id",
    "recommendations": "recommendations",
    "images": "poster_uk_path",
    "content_ratings": "content_ratings",
    "release_dates": "content_ratings",
    "aggregate_credits": "cast",
    "credits": "cast",
}
READERS: dict[tuple[str, str], tuple[Callable[[Any], object], set[str]]] = {
    ("trakt", "/shows/trending"): (
        lambda payload: trakt.parse_trending(payload, SHOWS),
        FULL | {"watchers", "title.network"},
    ),
    ("trakt", "/movies/trending"): (lambda payload: trakt.parse_trending(payload, MOVIES), FULL | {"watchers"}),
    ("trakt", "/shows/watched"): (lambda payload: trakt.parse_monthly(payload, SHOWS), TITLE | {"watcher_count"}),
    ("trakt", "/movies/watched"): (lambda payload: trakt.parse_monthly(payload, MOVIES), TITLE | {"watcher_count"}),
    ("trakt", "/{medium}/{id}/ratings"): (trakt.parse_ratings, {"rating", "votes", "distribution"}),
    ("trakt", "/shows/{id}/related"): (trakt.parse_related, BARE),
    ("trakt", "/movies/{id}/related"): (trakt.parse_related, BARE),
    ("trakt", "/calendars/all/shows"): (trakt.parse_calendar, CALENDAR),
    ("tmdb", "/tv/{id}"): (_details(SHOWS), DETAILS | OF_SHOWS),
    ("tmdb", "/movie/{id}"): (_details(MOVIES), DETAILS | {"runtime", "imdb_id"}),
    ("omdb", "/"): (lambda payload: omdb.parse_ratings(payload, "tt0000007"), {"imdb_rating", "imdb_votes"}),
    **{
        ("tmdb", f"/{medium.tmdb_path}/{{id}}/{part}"): (_details(medium, part), {"id", PARTS[part]})
        for medium in MEDIA
        for part in medium.tmdb_appended
    },
}
"""Who reads an endpoint's answer, and what is read of one in which everything has come."""


def _made(endpoint: str, answer: Any) -> Any:
    """An answer made of a shape, with the words by which readers choose: a shape knows only that they are text."""
    medium, part = endpoint.split("/")[1], endpoint.rpartition("/")[2]
    words = {"videos": {"site": "YouTube", "type": "Trailer"}, "recommendations": {"media_type": medium}}.get(part, {})
    for entry in answer["results"] if words else ():
        entry |= {name: word for name, word in words.items() if name in entry}
    return answer


def _facts(read: Any, path: str = "") -> Iterator[str]:
    """The names of what was read, of a list its first entry; nothing for None, empty, False and notes."""
    entry = read[0] if isinstance(read, list) and read else read
    values = dict(entry) if isinstance(entry, BaseModel) else vars(entry) if is_dataclass(entry) else {}
    for name, value in values.items():
        if name == "empty":
            continue
        if isinstance(value, trakt.TraktTitle):
            yield from _facts(value, f"{name}.")
        elif value not in (None, [], {}, False):
            yield path + name


@pytest.mark.parametrize("key", READERS, ids=_id)
def test_an_answer_in_which_everything_came_is_read_whole(key: tuple[str, str]) -> None:
    reader, expected = READERS[key]
    facts = set(_facts(reader(_made(key[1], example(SHAPES[key])))))
    assert {name for name in facts if not name.endswith("_came")} == expected


@pytest.mark.parametrize("key", READERS, ids=_id)
def test_an_answer_with_one_thing_missing_or_of_another_type_is_read_but_for_it(key: tuple[str, str]) -> None:
    reader, expected = READERS[key]
    made = list(variants(SHAPES[key]))
    assert made
    for path, name, answer in made:
        lost = expected - set(_facts(reader(_made(key[1], answer))))
        assert len(lost) <= 1, (path, name, lost)
