"""Every fault over real HTTP, as a client meets it."""

import json
import math
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox import faults
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.faults import Call, Fault
from ratingo_pipelines.sandbox.process import RunningSandbox, SandboxError
from ratingo_pipelines.sandbox.web import Asked
from ratingo_pipelines_tests.guards import some
from ratingo_pipelines_tests.sandbox.asking import details, omdb, tmdb, trakt

SHOW = catalogue().titles[SHOWS][0]
PATH = f"/tv/{SHOW.tmdb_id}"


def _statuses(sandbox: RunningSandbox, count: int = 60) -> list[int]:
    titles = [title for title in catalogue().titles[SHOWS] if title.known_to_tmdb][:count]
    return [tmdb(sandbox, f"/tv/{title.tmdb_id}").status_code for title in titles]


def _call(api: str, now: float = 0) -> Call:
    """The show's details, or its ratings, asked at a second of the clock."""
    path, template = {"tmdb": (PATH, "/{medium}/{id}"), "trakt": ("/shows/1001/ratings", "/{medium}/{id}/ratings")}[api]
    return Call(api, template, frozenset(), path, Asked("GET", path, {}, {}), now)


def _statuses_at(fault: Fault, *seconds: float) -> list[int]:
    """What a fault answers at these seconds; 200 where it lets through."""
    calls = [_call("tmdb", now) for now in seconds]
    answers = [fault.answer(call) if fault.strikes(call) else None for call in calls]
    return [answer.status if answer else 200 for answer in answers]


def test_latency_waits_for_the_one_api(sandbox: RunningSandbox) -> None:
    sandbox.faults(
        {"kind": "latency", "api": "tmdb", "ms": 60}, {"kind": "latency", "api": "tmdb", "ms": 40, "jitter": 30}
    )
    before = time.monotonic()
    assert tmdb(sandbox, PATH).status_code == 200
    assert time.monotonic() - before >= 0.07
    assert trakt(sandbox, "/shows/1001").status_code == 200
    assert [fault["hits"] for fault in sandbox.control("faults")["faults"]] == [1, 1]


def test_latency_jitters_evenly_about_its_milliseconds() -> None:
    plain, jittered = faults.parse(
        [{"kind": "latency", "ms": 60}, {"kind": "latency", "ms": 40, "jitter": 30, "seed": 3}], now=0
    )
    delays = []
    for _ in range(200):
        assert jittered.strikes(_call("tmdb"))
        delays.append(jittered.delay(_call("tmdb")))
    assert plain.delay(_call("tmdb")) == 0.06
    assert 0.01 <= min(delays) < 0.015 < 0.065 < max(delays) <= 0.07
    assert 0.037 < sum(delays) / len(delays) < 0.043


def test_a_rate_of_server_errors_is_the_same_every_time_in_whatever_order(sandbox: RunningSandbox) -> None:
    fault = {"kind": "status", "probability": 0.2, "status": [500, 502, 503, 504]}
    sandbox.faults(fault, seed=7)
    first = _statuses(sandbox)
    sandbox.faults(fault, seed=7)
    titles = [title for title in catalogue().titles[SHOWS] if title.known_to_tmdb][:60]
    with ThreadPoolExecutor(8) as pool:
        again = list(pool.map(lambda title: tmdb(sandbox, f"/tv/{title.tmdb_id}").status_code, reversed(titles)))
    assert first == again[::-1]
    assert 4 <= sum(status >= 500 for status in first) <= 24
    sandbox.faults(fault, seed=8)
    assert _statuses(sandbox) != first


def test_asking_again_draws_again(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "status", "probability": 0.5}, seed=1)
    assert {tmdb(sandbox, PATH).status_code for _ in range(12)} == {200, 503}


def test_ids_fail_for_good_and_only_they(sandbox: RunningSandbox) -> None:
    sandbox.faults(
        {"kind": "fail", "api": "tmdb", "ids": [SHOW.tmdb_id], "status": 500},
        {"kind": "fail", "api": "omdb", "ids": [SHOW.imdb_id], "status": 520},
        {"kind": "fail", "api": "trakt", "ids": [1_001], "endpoint": "/{medium}/{id}/ratings", "status": 404},
    )
    other = catalogue().titles[SHOWS][1]
    assert [tmdb(sandbox, PATH).status_code for _ in range(3)] == [500] * 3
    assert tmdb(sandbox, f"/tv/{other.tmdb_id}").status_code == 200
    assert omdb(sandbox, i=SHOW.imdb_id).status_code == 520
    assert omdb(sandbox, i=other.imdb_id).status_code == 200
    assert trakt(sandbox, "/shows/1001/ratings").status_code == 404
    assert trakt(sandbox, "/shows/1001/related").status_code == 200


def test_a_fault_may_happen_so_many_times_only(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "status", "status": 502, "times": 2})
    assert [tmdb(sandbox, PATH).status_code for _ in range(4)] == [502, 502, 200, 200]


def test_a_fault_may_be_for_some_paths_only(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "status", "endpoint": "/shows/*"})
    assert trakt(sandbox, "/shows/trending").status_code == 503
    assert trakt(sandbox, "/movies/trending").status_code == 200
    assert tmdb(sandbox, PATH).status_code == 200


def test_a_storm_is_429_as_the_api_says_it(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "storm", "api": "tmdb", "on": 3600, "every": 7200})
    refused = tmdb(sandbox, PATH)
    assert refused.status_code == 429
    assert refused.json()["status_code"] == 25
    assert 3000 < int(refused.headers["Retry-After"]) <= 3600
    assert trakt(sandbox, "/shows/1001").status_code == 200


def test_a_storm_blows_for_a_part_of_each_period_and_says_when_it_ends() -> None:
    storm = Fault.parse({"kind": "storm", "on": 4, "every": 20}, now=100)
    assert _statuses_at(storm, 100, 103.9, 104, 119.9, 120, 123.9, 124) == [429, 429, 200, 200, 429, 429, 200]
    told = [storm.answer(_call("tmdb", now)) for now in (100, 102.5, 120)]
    assert [answer and answer.headers["Retry-After"] for answer in told] == ["4", "2", "4"]
    longer = Fault.parse({"kind": "storm", "retry_after": 30}, now=100).answer(_call("trakt", 101))
    assert longer is not None
    assert longer.headers["Retry-After"] == "30"
    burst = Fault.parse({"kind": "storm", "on": 2, "every": 3600, "status": 502}, now=100)
    assert _statuses_at(burst, 100, 101.9, 102) == [502, 502, 200]
    down = burst.answer(_call("tmdb", 100))
    assert down is not None
    assert "Retry-After" not in down.headers


def test_an_enforced_limit_is_429_as_the_api_says_it(sandbox: RunningSandbox) -> None:
    sandbox.control("faults", {"enforce": {"trakt": "3/3600"}})
    answers = [trakt(sandbox, "/shows/1001") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 3000 < int(answers[-1].headers["Retry-After"]) <= 3600
    assert json.loads(answers[-1].headers["X-Ratelimit"])["remaining"] == 0
    assert tmdb(sandbox, PATH).status_code == 200


def test_an_enforced_limit_counts_in_a_sliding_window_and_says_when_to_come_back() -> None:
    limit = Fault.parse({"kind": "enforce", "limit": "3/10"}, now=0)
    assert _statuses_at(limit, 0, 4, 8, 9.9, 10, 10.1, 13.9, 14, 17) == [200, 200, 200, 429, 200, 429, 429, 200, 429]
    refused = limit.answer(_call("trakt", 17))
    assert refused is not None
    assert refused.headers["Retry-After"] == "1"


@pytest.mark.parametrize(("status", "retry_after"), [(429, "300"), (403, None)])
def test_cloudflare_answers_in_html(sandbox: RunningSandbox, status: int, retry_after: str | None) -> None:
    sandbox.faults({"kind": "cloudflare", "api": "trakt", "status": status})
    answer = trakt(sandbox, "/shows/trending")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers.get("Retry-After") == retry_after
    assert answer.headers["Server"] == "cloudflare"


def test_a_hang_ends_with_the_clients_patience_and_leaves_others_alone(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "hang", "api": "tmdb"})
    with pytest.raises(requests.ReadTimeout):
        requests.get(sandbox.url_of("tmdb") + PATH, timeout=0.3)
    assert trakt(sandbox, "/shows/1001").status_code == 200
    sandbox.faults()
    assert tmdb(sandbox, PATH).status_code == 200


def test_a_reset_is_a_real_one(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "reset", "times": 1})
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(f"GET /tmdb/3{PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert tmdb(sandbox, PATH).status_code == 200


def test_a_cut_body_promises_more_than_it_brings(sandbox: RunningSandbox) -> None:
    whole = details(sandbox, SHOWS, SHOW.tmdb_id).content
    sandbox.faults({"kind": "cut"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError) as caught:
        details(sandbox, SHOWS, SHOW.tmdb_id)
    assert f"{len(whole) // 2} bytes read" in str(caught.value)


def test_a_gzip_body_ends_too_early(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "gzip"})
    answer = requests.get(
        sandbox.url_of("tmdb") + PATH,
        timeout=5,
        stream=True,
        headers={"Authorization": f"Bearer {sandbox.key_of('tmdb')}"},
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    packed = answer.raw.read(decode_content=False)
    assert packed[:2] == b"\x1f\x8b"
    assert struct.unpack("<I", packed[-4:])[0] != len(tmdb_body(sandbox))


def tmdb_body(sandbox: RunningSandbox) -> bytes:
    sandbox.faults()
    return tmdb(sandbox, PATH).content


def test_html_comes_with_status_200(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "html"})
    answer = omdb(sandbox, i=SHOW.imdb_id)
    assert answer.status_code == 200
    assert answer.text.startswith("<!DOCTYPE html>")


def test_malformed_json_breaks_off(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "malformed"})
    answer = trakt(sandbox, "/shows/trending")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_types_are_swapped_everywhere_or_in_one_field(sandbox: RunningSandbox) -> None:
    true = tmdb(sandbox, PATH).json()
    sandbox.faults({"kind": "types", "field": "vote_average"})
    one = tmdb(sandbox, PATH).json()
    assert {name for name in true if one[name] != true[name]} == {
        "vote_average",
        "seasons",
        "last_episode_to_air",
        "next_episode_to_air",
    }
    assert one["vote_average"] == "several"
    sandbox.faults({"kind": "types"})
    swapped = tmdb(sandbox, PATH).json()
    assert all(
        not isinstance(swapped[name], type(value))
        for name, value in true.items()
        if isinstance(value, str | int | list)
    )
    entry = trakt(sandbox, "/shows/trending").json()[0]
    assert entry["watchers"] == "several"


def test_a_body_drips(sandbox: RunningSandbox) -> None:
    whole = tmdb(sandbox, PATH).content
    sandbox.faults({"kind": "drip", "seconds": 0.4, "pieces": 8})
    before = time.monotonic()
    assert tmdb(sandbox, PATH).content == whole
    assert time.monotonic() - before >= 0.4


def test_omdb_is_exhausted_after_its_daily_limit(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "omdb_limit", "limit": 3})
    answers = [omdb(sandbox, i=SHOW.imdb_id) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 401, 401]
    assert "limit" in answers[-1].json()["Error"]
    assert tmdb(sandbox, PATH).status_code == 200


def test_a_revoked_key_is_refused_as_each_api_does(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "revoked"})
    assert trakt(sandbox, "/shows/trending").status_code == 403
    assert tmdb(sandbox, PATH).json()["status_code"] == 7
    refused = omdb(sandbox, i=SHOW.imdb_id)
    assert refused.status_code == 401
    assert "limit" not in refused.json()["Error"]


def test_an_answer_may_be_replaced_as_a_whole(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "answer", "api": "tmdb", "status": 404, "body": {"message": "no route"}})
    foreign = tmdb(sandbox, PATH)
    assert (foreign.status_code, foreign.json()) == (404, {"message": "no route"})
    assert foreign.headers["Content-Type"] == "application/json"
    assert trakt(sandbox, "/shows/trending").status_code == 200
    elsewhere = {"Location": "/omdb/login", "Date": None}
    sandbox.faults(
        {"kind": "answer", "status": 302, "body": "Moved", "content_type": "text/plain", "headers": elsewhere}
    )
    moved = requests.get(sandbox.url_of("trakt") + "/shows/trending", timeout=5, allow_redirects=False)
    assert (moved.status_code, moved.text, moved.headers["Location"]) == (302, "Moved", "/omdb/login")
    assert "Date" not in moved.headers


def test_fields_are_set_and_dropped_in_the_details_and_in_what_is_appended(sandbox: RunningSandbox) -> None:
    true = details(sandbox, SHOWS, SHOW.tmdb_id).json()
    assert {"UA", "US"} <= true["watch/providers"]["results"].keys()
    changed = {"genres": [], "seasons.*.episode_count": 1, "seasons.0.name": "First", "networks.*.logo.path": "nowhere"}
    dropped = ["watch/providers.results.UA", "next_episode_to_air", "aggregate_credits.cast.0", "videos.*.x.y"]
    sandbox.faults({"kind": "edit", "endpoint": "/{medium}/{id}", "set": changed, "drop": dropped})
    edited = details(sandbox, SHOWS, SHOW.tmdb_id).json()
    assert edited["genres"] == []
    assert [(season["episode_count"], season["name"]) for season in edited["seasons"]] == [
        (1, season["name"] if place else "First") for place, season in enumerate(true["seasons"])
    ]
    assert edited["watch/providers"]["results"].keys() == true["watch/providers"]["results"].keys() - {"UA"}
    assert "next_episode_to_air" not in edited
    assert edited["aggregate_credits"]["cast"] == true["aggregate_credits"]["cast"][1:]
    others = true.keys() - {"genres", "seasons", "watch/providers", "next_episode_to_air", "aggregate_credits"}
    assert {name: edited[name] for name in others} == {name: true[name] for name in others}


def test_fields_are_set_at_trakt_and_omdb_too_but_errors_stay(sandbox: RunningSandbox) -> None:
    sandbox.faults(
        {"kind": "edit", "api": "trakt", "endpoint": "/{medium}/trending", "set": {"*.show.ids.tmdb": 7, "0.new": 1}},
        {"kind": "edit", "api": "omdb", "set": {"imdbID": "tt0000007"}, "headers": {"X-Seen": "yes", "Date": None}},
        {"kind": "edit", "api": "tmdb", "set": {"status_code": 0}},
    )
    listed = trakt(sandbox, "/shows/trending", limit=5).json()
    assert [entry["show"]["ids"]["tmdb"] for entry in listed] == [7] * 5
    assert [entry.get("new") for entry in listed] == [1, None, None, None, None]
    told = omdb(sandbox, i=SHOW.imdb_id)
    assert (told.json()["imdbID"], told.headers["X-Seen"]) == ("tt0000007", "yes")
    assert "Date" not in told.headers
    assert tmdb(sandbox, "/tv/1").json()["status_code"] == 34


def test_what_is_edited_is_a_new_answer_to_who_knows_the_true_one(sandbox: RunningSandbox) -> None:
    true = tmdb(sandbox, PATH)
    known = {"If-None-Match": true.headers["ETag"]}
    assert tmdb(sandbox, PATH, known).status_code == 304
    sandbox.faults({"kind": "edit", "set": {"genres": []}})
    edited = tmdb(sandbox, PATH, known)
    assert (edited.status_code, edited.json()["genres"]) == (200, [])
    assert tmdb(sandbox, PATH, {"If-None-Match": edited.headers["ETag"]}).status_code == 304
    sandbox.faults()
    assert tmdb(sandbox, PATH, {"If-None-Match": edited.headers["ETag"]}).json() == true.json()


def test_a_list_is_cut_short_over_its_pages_or_empty(sandbox: RunningSandbox) -> None:
    whole = trakt(sandbox, "/shows/trending", limit=9).json()
    sandbox.faults({"kind": "list", "endpoint": "/{medium}/trending", "keep": 5})
    assert trakt(sandbox, "/shows/trending", limit=9).json() == whole[:5]
    assert [len(trakt(sandbox, "/shows/trending", limit=3, page=page).json()) for page in (1, 2, 3)] == [3, 2, 0]
    sandbox.faults({"kind": "list", "empty": True})
    assert trakt(sandbox, "/movies/trending").json() == []
    assert trakt(sandbox, "/shows/1001/related").json() == []
    assert trakt(sandbox, "/shows/1001/ratings").json()["votes"]


@pytest.mark.parametrize(
    ("share", "places"), [(0.5, [0, 2, 4, 6, 8]), (2, [0, 5]), (1.0, list(range(10))), (99, list(range(10)))]
)
def test_entries_of_a_list_come_with_nulls_or_without_ids(
    sandbox: RunningSandbox, share: float, places: list[int]
) -> None:
    whole = [entry["movie"] for entry in trakt(sandbox, "/movies/trending", limit=10).json()]
    sandbox.faults({"kind": "list", "nulls": share})
    listed = trakt(sandbox, "/movies/trending", limit=10).json()
    assert all(entry["watchers"] > 0 for entry in some(listed))
    titles = [entry["movie"] for entry in listed]
    assert [place for place, title in enumerate(titles) if title != whole[place]] == places
    for place in places:
        assert (titles[place]["title"], titles[place]["year"]) == (None, None)
        assert titles[place]["ids"] == {**dict.fromkeys(whole[place]["ids"]), "trakt": 0}
    sandbox.faults({"kind": "list", "without_ids": share})
    titles = [entry["movie"] for entry in trakt(sandbox, "/movies/trending", limit=10).json()]
    for place in places:
        assert titles[place] == {**whole[place], "ids": {**whole[place]["ids"], "tmdb": None}}
    assert all(title == whole[place] for place, title in enumerate(titles) if place not in places)


def test_entries_of_a_list_are_repeated_or_watched_by_nobody(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "list", "repeat": True, "zero_watchers": True})
    listed = trakt(sandbox, "/shows/trending", limit=6).json()
    assert listed == [listed[0]] * 6
    assert listed[0]["watchers"] == 0
    month = trakt(sandbox, "/shows/watched/monthly/2026-01-01", limit=2).json()
    assert [entry["watcher_count"] for entry in month] == [0, 0]
    related = trakt(sandbox, "/shows/1001/related", limit=3).json()
    assert related == [related[0]] * 3
    assert tmdb(sandbox, PATH).json()["id"] == SHOW.tmdb_id


def test_the_first_of_several_answers_wins_and_a_body_may_be_spoilt_as_well(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "status", "status": 500}, {"kind": "revoked"}, {"kind": "malformed"})
    answer = tmdb(sandbox, PATH)
    assert answer.status_code == 500
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_faults_can_be_added_listed_and_removed(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "latency", "ms": 1})
    sandbox.control("faults", {"faults": [{"kind": "status", "api": "tmdb"}], "add": True})
    tmdb(sandbox, PATH)
    listed = sandbox.control("faults")["faults"]
    assert [(fault["kind"], fault["hits"]) for fault in listed] == [("latency", 1), ("status", 1)]
    assert sandbox.control("faults", method="DELETE") == {"faults": []}
    assert tmdb(sandbox, PATH).status_code == 200


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "earthquake"}, "kind must be one of"),
        ({"kind": "status", "api": "letterboxd"}, "api must be one of"),
        ({"kind": "cut", "ms": 5}, "cut knows no ms"),
        ({"kind": "enforce", "limit": "many"}, "REQUESTS/SECONDS"),
        ({"kind": "status", "probability": "often"}, "often"),
        ({"kind": "answer", "headers": "Location"}, "headers must be an object"),
        ({"kind": "edit", "set": ["genres"]}, "set must be an object of paths and values"),
        ({"kind": "edit", "drop": "genres"}, "drop must be a list of paths"),
        ({"kind": "list", "keep": "half"}, "keep must be a number"),
        ({"kind": "list", "nulls": "half"}, "nulls must be a number"),
        ({"latency": 5}, "nothing is known of latency"),
        ({"enforce": 5}, "enforce"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_and_changes_nothing(
    sandbox: RunningSandbox, fault: dict, message: str
) -> None:
    sandbox.faults({"kind": "latency", "ms": 1})
    with pytest.raises(SandboxError, match=message):
        sandbox.control("faults", fault)
    assert len(sandbox.control("faults")["faults"]) == 1


def test_the_probability_is_about_what_was_asked_for(sandbox: RunningSandbox) -> None:
    for probability in (0.05, 0.5):
        sandbox.faults({"kind": "status", "probability": probability}, seed=3)
        struck = sum(status == 503 for status in _statuses(sandbox, 300))
        assert abs(struck - 300 * probability) < 4 * math.sqrt(300 * probability * (1 - probability))
