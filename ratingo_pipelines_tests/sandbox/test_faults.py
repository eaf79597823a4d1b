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
from ratingo_pipelines.sandbox.catalogue import catalogue
from ratingo_pipelines.sandbox.process import RunningSandbox, SandboxError
from ratingo_pipelines_tests.sandbox.asking import details, omdb, tmdb, trakt

SHOW = catalogue().titles[SHOWS][0]
PATH = f"/tv/{SHOW.tmdb_id}"


def _statuses(sandbox: RunningSandbox, count: int = 60) -> list[int]:
    titles = [title for title in catalogue().titles[SHOWS] if title.known_to_tmdb][:count]
    return [tmdb(sandbox, f"/tv/{title.tmdb_id}").status_code for title in titles]


def test_latency_waits_for_the_one_api_with_jitter_and_adds_up(sandbox: RunningSandbox) -> None:
    sandbox.faults(
        {"kind": "latency", "api": "tmdb", "ms": 60}, {"kind": "latency", "api": "tmdb", "ms": 40, "jitter": 30}
    )
    before = time.monotonic()
    assert tmdb(sandbox, PATH).status_code == 200
    assert 0.07 <= time.monotonic() - before < 0.6
    before = time.monotonic()
    assert trakt(sandbox, "/shows/1001").status_code == 200
    assert time.monotonic() - before < 0.06


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


def test_a_storm_is_429_for_a_part_of_each_period(sandbox: RunningSandbox) -> None:
    sandbox.faults({"kind": "storm", "api": "tmdb", "on": 0.5, "every": 1.2})
    first = tmdb(sandbox, PATH)
    assert first.status_code == 429
    assert first.json()["status_code"] == 25
    assert first.headers["Retry-After"] == "1"
    time.sleep(0.6)
    assert tmdb(sandbox, PATH).status_code == 200
    time.sleep(0.7)
    assert tmdb(sandbox, PATH).status_code == 429


def test_an_enforced_limit_lets_so_many_through_and_says_when_to_come_back(sandbox: RunningSandbox) -> None:
    sandbox.control("faults", {"enforce": {"trakt": "3/1"}})
    answers = [trakt(sandbox, "/shows/1001") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert json.loads(answers[-1].headers["X-Ratelimit"])["remaining"] == 0
    assert tmdb(sandbox, PATH).status_code == 200
    time.sleep(1.05)
    assert trakt(sandbox, "/shows/1001").status_code == 200


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
        requests.get(sandbox.tmdb_url + PATH, timeout=0.3)
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
        sandbox.tmdb_url + PATH, timeout=5, stream=True, headers={"Authorization": f"Bearer {sandbox.tmdb_token}"}
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
    assert 0.4 <= time.monotonic() - before < 2


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
        ({"kind": "status", "api": "imdb"}, "api must be one of"),
        ({"kind": "cut", "ms": 5}, "cut knows no ms"),
        ({"kind": "enforce", "limit": "many"}, "REQUESTS/SECONDS"),
        ({"kind": "status", "probability": "often"}, "often"),
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
