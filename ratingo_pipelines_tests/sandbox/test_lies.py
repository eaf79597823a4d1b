"""The lies: each changes what its name says, for everybody, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.lies import LIES, LISTS, OMDB, PARTS, WHOLE
from ratingo_pipelines.sandbox.process import RunningSandbox, SandboxError
from ratingo_pipelines_tests.sandbox.asking import details, omdb, tmdb, trakt

PLAIN = {medium: next(title for title in catalogue().titles[medium] if title.imdb_at_trakt) for medium in MEDIA}
ONLY_SHOWS = ("no_next_episode", "no_seasons")
CALENDAR = "/calendars/all/shows/2026-01-31/3"
MONTH = "/watched/monthly/2026-01-01"


def _told(sandbox: RunningSandbox, medium: Any) -> dict[str, Any]:
    """All that is told of a title."""
    title = PLAIN[medium]
    path = f"/{medium}/{title.trakt_id}"
    told = {"details": details(sandbox, medium, title.tmdb_id)}
    told |= {"ratings": trakt(sandbox, f"{path}/ratings", extended="all"), "related": trakt(sandbox, f"{path}/related")}
    return {name: answer.json() if answer.ok else None for name, answer in told.items()}


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in entries:
        yield from _leaves(one, (*path, key))
    if not entries:
        yield path, value


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_comes_empty_is_empty_and_all_else_is_as_it_was(sandbox: RunningSandbox, name: str) -> None:
    for medium in [SHOWS] if name in ONLY_SHOWS else MEDIA:
        sandbox.faults()
        true = dict(_leaves(_told(sandbox, medium)))
        sandbox.faults({"kind": "lie", "name": name})
        told = dict(_leaves(_told(sandbox, medium)))
        gone = [value for path, value in true.items() if value and not told.get(path)]
        new = [value for path, value in told.items() if value and value not in true.values()]
        assert gone, medium
        assert new == [], medium


@pytest.mark.parametrize("name", ONLY_SHOWS)
def test_what_only_shows_have_is_not_missed_in_movies(sandbox: RunningSandbox, name: str) -> None:
    true = _told(sandbox, MOVIES)
    sandbox.faults({"kind": "lie", "name": name})
    assert _told(sandbox, MOVIES) == true


def test_one_region_comes_empty_alone(sandbox: RunningSandbox) -> None:
    true = _told(sandbox, SHOWS)["details"]
    sandbox.faults(
        *({"kind": "lie", "name": f"no_{part}_in_ukraine"} for part in ("providers", "certifications")),
        {"kind": "lie", "name": "no_ukrainian"},
    )
    told = _told(sandbox, SHOWS)["details"]

    def regions(said: dict[str, Any]) -> list[set[str]]:
        ratings, texts = said["content_ratings"]["results"], said["translations"]["translations"]
        return [
            set(said["watch/providers"]["results"]),
            {one["iso_3166_1"] for one in ratings},
            {one["iso_3166_1"] for one in texts},
        ]

    assert regions(told) == [found - {"UA"} for found in regions(true)]
    assert all("UA" in found and len(found) > 1 for found in regions(true))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_is_none_of_the_apis_own(sandbox: RunningSandbox, name: str) -> None:
    sandbox.faults({"kind": "lie", "name": name})
    for true in (200, 404):
        answer = tmdb(sandbox, f"/tv/{PLAIN[SHOWS].tmdb_id if true == 200 else 1}")
        own = answer.headers["Content-Type"].startswith("application/json") and answer.content
        keys = answer.json().keys() if own else set()
        assert not keys & {"id", "name"}
        assert (keys >= {"status_code", "status_message"}) == (name in ("unknown_to_tmdb", "bad_request"))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_lies_alone(sandbox: RunningSandbox, name: str) -> None:
    sandbox.control("epoch", {"today": "2026-02-03"})
    asked = {"list": "/shows/trending", "months": f"/movies{MONTH}", "calendar": CALENDAR}
    true = {kind: trakt(sandbox, path).json() for kind, path in asked.items()}
    sandbox.faults({"kind": "lie", "name": name})
    told = {kind: trakt(sandbox, path) for kind, path in asked.items()}
    lying = [kind for kind, answer in told.items() if not answer.ok or answer.json() != true[kind]]
    assert lying == [kind for kind in asked if kind in name]


@pytest.mark.parametrize("name", OMDB)
def test_omdb_says_nothing_within_http_200(sandbox: RunningSandbox, name: str) -> None:
    true = omdb(sandbox, i=PLAIN[SHOWS].imdb_id).json()
    sandbox.faults({"kind": "lie", "name": name})
    told = omdb(sandbox, i=PLAIN[SHOWS].imdb_id)
    assert told.status_code == 200
    assert told.json() != true
    if told.json()["Response"] == "False":
        assert told.json().keys() == {"Response", "Error"}
    else:
        assert told.json().keys() == true.keys()


def test_a_lie_is_narrowed_down_like_any_fault_and_must_have_a_name(sandbox: RunningSandbox) -> None:
    first, second = catalogue().titles[SHOWS][:2]
    sandbox.faults({"kind": "lie", "name": "no_genres", "ids": [first.tmdb_id], "times": 1})
    assert [details(sandbox, SHOWS, first.tmdb_id).json()["genres"] == [] for _ in range(2)] == [True, False]
    assert details(sandbox, SHOWS, second.tmdb_id).json()["genres"]
    assert sandbox.control("lies").keys() == LIES.keys()
    with pytest.raises(SandboxError, match="name must be one of no_cast"):
        sandbox.control("faults", {"kind": "lie", "name": "little"})


def test_a_merged_title_is_found_by_its_imdb_id(sandbox: RunningSandbox) -> None:
    sandbox.faults(
        {"kind": "edit", "api": "trakt", "endpoint": "/shows/trending", "set": {"0.show.ids.tmdb": 99_999_999}}
    )
    ids = trakt(sandbox, "/shows/trending", limit=1).json()[0]["show"]["ids"]
    assert ids["tmdb"] == 99_999_999
    assert tmdb(sandbox, f"/tv/{ids['tmdb']}").json()["status_code"] == 34
    found = tmdb(sandbox, f"/find/{ids['imdb']}", external_source="imdb_id", language="uk-UA").json()
    assert found.keys() == {f"{kind}_results" for kind in ("movie", "person", "tv", "tv_episode", "tv_season")}
    first = catalogue().titles[SHOWS][0]
    assert [(one["id"], one["name"]) for one in found["tv_results"]] == [(first.tmdb_id, first.name_uk)]
    assert found["movie_results"] == []


def test_nobody_is_found_by_an_unknown_id_or_one_of_another_kind(sandbox: RunningSandbox) -> None:
    nobody = tmdb(sandbox, "/find/tt0000001", external_source="imdb_id").json()
    assert list(nobody.values()) == [[]] * 5
    unknown = catalogue().odd("unknown_to_tmdb", SHOWS)[0]
    assert tmdb(sandbox, f"/find/{unknown.imdb_id}", external_source="imdb_id").json() == nobody
    assert tmdb(sandbox, f"/find/{PLAIN[SHOWS].imdb_id}").status_code == 422


def test_a_base_url_without_its_version_answers_as_nobodys_and_is_counted(sandbox: RunningSandbox) -> None:
    found = requests.get(f"{sandbox.url_of('tmdb').removesuffix('/3')}/tv/{PLAIN[SHOWS].tmdb_id}", timeout=5)
    assert (found.status_code, found.json()) == (404, {"error": "no such API"})
    assert sandbox.counters()["tmdb"]["endpoints"] == {"elsewhere": 1}


def test_the_documentation_names_every_lie() -> None:
    told = Path(__file__).parents[2].joinpath("docs/sandbox.md").read_text(encoding="utf-8")
    assert [name for name in LIES if f"`{name}`" not in told] == []
