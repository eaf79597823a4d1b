"""OMDb's stand-in over HTTP: strings, errors within 200, and bodies that are no JSON."""

import json

import pytest

from ratingo_pipelines.media import MEDIA, MOVIES, SHOWS, Medium
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.sandbox.asking import omdb, trakt


def _imdb_id(name: str, medium: Medium) -> str:
    return str(catalogue().odd(name, medium)[0].imdb_id)


def test_another_key_is_401_within_json(sandbox: RunningSandbox) -> None:
    for key in ("another", ""):
        refused = omdb(sandbox, apikey=key, i="tt31000000")
        assert refused.status_code == 401
        assert refused.json()["Response"] == "False"


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_it_agrees_with_trakt_about_imdb_and_metacritic(sandbox: RunningSandbox, medium: Medium) -> None:
    compared = 0
    for title in catalogue().titles[medium][:60]:
        nested = trakt(sandbox, f"/{medium}/{title.trakt_id}/ratings", extended="all")
        if nested.status_code == 404 or nested.json()["imdb"]["rating"] is None:
            continue
        known = omdb(sandbox, i=title.imdb_id, type=medium.omdb_type).json()
        imdb, score = nested.json()["imdb"], nested.json()["metascore"]["rating"]
        assert (float(known["imdbRating"]), int(known["imdbVotes"].replace(",", ""))) == (imdb["rating"], imdb["votes"])
        if score is not None:
            assert known["Metascore"] == str(score)
            assert {"Source": "Metacritic", "Value": f"{score}/100"} in known["Ratings"]
        compared += 1
    assert compared > 20


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_not_available_is_an_answer(sandbox: RunningSandbox, medium: Medium) -> None:
    answer = omdb(sandbox, i=_imdb_id("omdb_na", medium), type=medium.omdb_type)
    assert answer.status_code == 200
    found = answer.json()
    assert found["Response"] == "True"
    assert {found[name] for name in ("imdbRating", "imdbVotes", "Metascore")} == {"N/A"}
    assert found["Ratings"] == []


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_not_found_is_200_with_false(sandbox: RunningSandbox, medium: Medium) -> None:
    answer = omdb(sandbox, i=_imdb_id("omdb_not_found", medium), type=medium.omdb_type)
    assert answer.status_code == 200
    assert answer.json()["Response"] == "False"
    assert "not found" in answer.json()["Error"]


def test_an_id_is_found_as_its_own_type_only(sandbox: RunningSandbox) -> None:
    imdb_id = catalogue().titles[SHOWS][0].imdb_id
    assert omdb(sandbox, i=imdb_id, type=SHOWS.omdb_type).json()["Type"] == "series"
    assert omdb(sandbox, i=imdb_id).json()["Response"] == "True"
    assert omdb(sandbox, i=imdb_id, type=MOVIES.omdb_type).json()["Response"] == "False"
    assert omdb(sandbox, i="nonsense").json()["Error"] == "Incorrect IMDb ID."


@pytest.mark.parametrize("medium", MEDIA, ids=str)
def test_three_bodies_are_no_json_each_for_a_reason_of_its_own(sandbox: RunningSandbox, medium: Medium) -> None:
    reasons = set()
    for name in ("omdb_invalid_json", "omdb_control_characters"):
        for title in catalogue().odd(name, medium):
            answer = omdb(sandbox, i=title.imdb_id, type=medium.omdb_type)
            assert answer.status_code == 200
            with pytest.raises(json.JSONDecodeError) as caught:
                json.loads(answer.text)
            reasons.add(caught.value.msg)
    assert len(reasons) == 3
    assert json.loads(answer.text, strict=False)["Metascore"] == "64"
