"""What is kept of the answers: for how long, for whom, and what never."""

import logging
import sqlite3
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest
from pydantic import SecretStr

from ratingo_pipelines.sources.errors import AccessDenied, BadPayload, NotFound
from ratingo_pipelines.sources.http import cache
from ratingo_pipelines_tests.sources.apis import api_of
from ratingo_pipelines_tests.sources.http.misbehaving import (
    Behaviour,
    misbehaving_server,
    sends,
    sends_bytes,
    sends_with_etag,
)

A_WEEK = timedelta(days=7)


def rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / cache.FILE_NAME)) as connection:
        return int(connection.execute("SELECT count(*) FROM responses").fetchone()[0])


def test_an_answer_may_serve_for_as_long_as_the_caller_allows(tmp_path: Path) -> None:
    with misbehaving_server(a=[sends("old"), sends("new")]) as server, api_of(server.url, state_dir=tmp_path) as api:
        first = api.get("/a", {"i": "tt1"}, max_age=A_WEEK)
        second = api.get("/a", {"i": "tt1"}, max_age=A_WEEK)
        assert (first.payload, first.from_cache) == ("old", False)
        assert (second.payload, second.from_cache) == ("old", True)
        assert api.get("/a", {"i": "tt2"}, max_age=A_WEEK).payload == "new"
        assert api.requests == server.count() == 2


def test_an_answer_outlives_the_process_that_asked(tmp_path: Path) -> None:
    with misbehaving_server(a=[sends("old"), sends("new")]) as server:
        for _ in range(2):
            with api_of(server.url, state_dir=tmp_path) as api:
                assert api.get("/a", max_age=A_WEEK).payload == "old"


def test_an_answer_too_old_for_this_caller_is_fetched_again(tmp_path: Path) -> None:
    with misbehaving_server(a=[sends("old"), sends("new")]) as server, api_of(server.url, state_dir=tmp_path) as api:
        api.get("/a", max_age=A_WEEK)
        sleep(0.05)
        assert api.get("/a", max_age=timedelta(milliseconds=20)).payload == "new"


def test_without_keep_the_api_is_asked_whatever_is_kept(tmp_path: Path) -> None:
    with misbehaving_server(a=[sends("old"), sends("new")]) as server, api_of(server.url, state_dir=tmp_path) as api:
        api.get("/a", max_age=A_WEEK)
        answer = api.get("/a")
        assert (answer.payload, answer.from_cache) == ("new", False)


def test_without_keep_nothing_is_stored(tmp_path: Path) -> None:
    with misbehaving_server() as server, api_of(server.url, state_dir=tmp_path) as api:
        api.get("/a")
    assert rows(tmp_path) == 0


def test_an_etag_saves_the_body_and_never_the_question(tmp_path: Path) -> None:
    payload = {"big": "x" * 1000}
    etags = [sends_with_etag(payload, '"1"'), sends_with_etag(payload, '"1"'), sends_with_etag("changed", '"2"')]
    with misbehaving_server(a=etags) as server, api_of(server.url, state_dir=tmp_path) as api:
        assert [api.get("/a").payload for _ in range(4)] == [payload, payload, "changed", "changed"]
        assert not api.get("/a").from_cache
        assert [arrival.headers.get("If-None-Match") for arrival in server.arrivals] == [
            None,
            '"1"',
            '"1"',
            '"2"',
            '"2"',
        ]


def test_past_the_cache_the_api_is_asked_as_if_for_the_first_time(tmp_path: Path) -> None:
    etags = [sends_with_etag("first", '"1"'), sends_with_etag("first", '"1"'), sends_with_etag("second", '"2"')]
    with misbehaving_server(a=etags) as server, api_of(server.url, state_dir=tmp_path) as api:
        answers = [api.get("/a"), api.get("/a", bypass_cache=True), api.get("/a", max_age=A_WEEK, bypass_cache=True)]
        answers.append(api.get("/a", max_age=A_WEEK))
        assert [answer.payload for answer in answers] == ["first", "first", "second", "second"]
        assert [answer.from_cache for answer in answers] == [False, False, False, True]
        assert [arrival.headers.get("If-None-Match") for arrival in server.arrivals] == [None, None, None]


def test_what_the_cache_says_to_itself_is_not_said_to_the_api(tmp_path: Path) -> None:
    with misbehaving_server() as server, api_of(server.url, state_dir=tmp_path) as api:
        api.get("/a", max_age=A_WEEK)
        api.get("/a")
    assert not any("Cache-Control" in arrival.headers for arrival in server.arrivals)


def test_answers_that_the_client_refuses_are_given_but_not_kept(tmp_path: Path) -> None:
    error = {"Response": "False", "Error": "Incorrect IMDb ID."}
    with misbehaving_server(a=[sends(error), sends("fine")]) as server, api_of(server.url, state_dir=tmp_path) as api:
        wanted = [api.get("/a", max_age=A_WEEK, cache_if=lambda payload: payload != error).payload for _ in range(3)]
        assert wanted == [error, "fine", "fine"]


@pytest.mark.parametrize(
    "failure", [sends({}, 404), sends({}, 401), sends_bytes(b"{")], ids=["404", "401", "malformed"]
)
def test_errors_are_never_kept(failure: Behaviour, tmp_path: Path) -> None:
    with (
        misbehaving_server(a=[failure, sends("fine")]) as server,
        api_of(server.url, state_dir=tmp_path, malformed_retries=0) as api,
    ):
        with pytest.raises((NotFound, AccessDenied, BadPayload)):
            api.get("/a", max_age=A_WEEK)
        assert api.get("/a", max_age=A_WEEK).payload == "fine"


def test_an_answer_that_varies_with_a_header_is_kept_all_the_same(tmp_path: Path) -> None:
    answers = [sends("old", Vary="*"), sends("new")]
    with misbehaving_server(a=answers) as server, api_of(server.url, state_dir=tmp_path) as api:
        assert [api.get("/a", max_age=A_WEEK).payload for _ in range(2)] == ["old", "old"]


def test_whoever_asks_for_the_same_at_the_same_time_gets_the_answer_just_fetched(tmp_path: Path) -> None:
    with (
        misbehaving_server(a=[sends("first", after=0.1), sends("second")]) as server,
        api_of(server.url, state_dir=tmp_path) as api,
        ThreadPoolExecutor(8) as pool,
    ):
        assert set(pool.map(lambda _: api.get("/a", max_age=A_WEEK).payload, range(8))) == {"first"}
        assert server.count() == 1


def test_two_sessions_may_use_one_file_from_many_threads(tmp_path: Path) -> None:
    with (
        misbehaving_server() as server,
        api_of(server.url, name="TMDB", state_dir=tmp_path) as tmdb,
        api_of(server.url, name="OMDb", state_dir=tmp_path) as omdb,
        ThreadPoolExecutor(16) as pool,
    ):
        apis = [tmdb, omdb] * 100
        payloads = list(pool.map(lambda task: task[1].get(f"/{task[0] % 50}", max_age=A_WEEK).payload, enumerate(apis)))
    assert payloads == [{"path": f"/{number % 50}"} for number in range(200)]


def test_sessions_may_all_start_at_once_in_a_new_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        opened = list(pool.map(lambda _: api_of("http://127.0.0.1:1", state_dir=tmp_path / "new"), range(16)))
    for api in opened:
        api.close()
    assert rows(tmp_path / "new") == 0


def test_the_cache_can_be_switched_off(tmp_path: Path) -> None:
    with misbehaving_server() as server, api_of(server.url, state_dir=tmp_path, cache=False) as api:
        api.get("/a", max_age=A_WEEK)
        api.get("/a", max_age=A_WEEK)
        assert server.count() == 2
    assert not (tmp_path / cache.FILE_NAME).exists()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000], ids=["empty", "damaged"])
def test_a_damaged_file_is_replaced(content: bytes, tmp_path: Path) -> None:
    (tmp_path / cache.FILE_NAME).write_bytes(content)
    with misbehaving_server(a=[sends("old"), sends("new")]) as server, api_of(server.url, state_dir=tmp_path) as api:
        assert [api.get("/a", max_age=A_WEEK).payload for _ in range(2)] == ["old", "old"]


def test_a_file_that_breaks_later_costs_the_cache_and_not_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with misbehaving_server() as server, api_of(server.url, state_dir=tmp_path) as api:
        api.get("/a", max_age=A_WEEK)
        with closing(sqlite3.connect(tmp_path / cache.FILE_NAME)) as connection:
            connection.execute("DROP TABLE responses")
            connection.commit()
        with caplog.at_level(logging.WARNING):
            assert [api.get("/a", max_age=A_WEEK).from_cache for _ in range(3)] == [False, True, True]
    [line] = caplog.messages
    assert "is damaged and begins anew" in line


def test_answers_are_removed_a_week_after_they_expired(tmp_path: Path) -> None:
    with misbehaving_server() as server:
        with api_of(server.url, state_dir=tmp_path) as api:
            api.get("/stays", max_age=A_WEEK)
            api.get("/goes", max_age=timedelta(seconds=1))
        with closing(sqlite3.connect(tmp_path / cache.FILE_NAME)) as connection:
            connection.execute("UPDATE responses SET expires = expires - ?", (cache.KEPT_AFTER_EXPIRY_SECONDS + 2,))
            connection.commit()
        with api_of(server.url, state_dir=tmp_path):
            assert rows(tmp_path) == 1


def test_a_file_grown_too_large_loses_what_has_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with misbehaving_server(a=[sends_with_etag("x", '"1"')]) as server:
        with api_of(server.url, state_dir=tmp_path) as api:
            api.get("/a")
            api.get("/b", max_age=A_WEEK)
        sleep(1.1)
        monkeypatch.setattr(cache, "MAX_FILE_BYTES", 1)
        with api_of(server.url, state_dir=tmp_path):
            assert rows(tmp_path) == 1


def test_no_key_is_in_the_file(tmp_path: Path) -> None:
    with (
        misbehaving_server(a=[sends_with_etag("x", '"1"')]) as server,
        api_of(
            server.url,
            state_dir=tmp_path,
            secret_headers={"trakt-api-key": SecretStr("canary-h"), "Authorization": SecretStr("Bearer canary-b")},
            secret_params={"apikey": SecretStr("canary-p")},
        ) as api,
    ):
        api.get("/a", {"i": "tt1"})
        api.get("/b", {"i": "tt1"}, max_age=A_WEEK)
        assert server.arrivals[1].query == "i=tt1&apikey=canary-p"
        assert server.arrivals[1].headers["trakt-api-key"] == "canary-h"
    with closing(sqlite3.connect(tmp_path / cache.FILE_NAME)) as connection:
        stored = connection.execute("SELECT url, headers, body FROM responses").fetchall()
    assert len(stored) == 2
    plain = [f"{url} {headers}".encode() + zlib.decompress(body) for url, headers, body in stored]
    assert b"tt1" in b"".join(plain)
    for content in [*plain, *(path.read_bytes() for path in tmp_path.iterdir())]:
        assert b"canary" not in content
