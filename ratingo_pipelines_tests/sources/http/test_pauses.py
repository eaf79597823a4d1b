"""Refusals (429, 503): the pause an API asks for, who keeps it, and what happens when it is too long."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread
from time import sleep

import pytest
from pydantic import SecretStr

from ratingo_pipelines.sources.errors import RateLimited, SourceUnavailable
from ratingo_pipelines.sources.http.backoff import Backoff, parse_retry_after
from ratingo_pipelines_tests.sources.apis import HandedClock, api_of
from ratingo_pipelines_tests.sources.http.misbehaving import misbehaving_server, sends, sends_page

REFUSED_FOR_A_WHILE = sends({}, 429, Retry_After="1.5")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("-5", None),
        ("0", None),
        ("99999999999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
        ("3", 3.0),
        (" 2.5 ", 2.5),
    ],
)
def test_a_retry_after_is_seconds_or_says_nothing(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def test_a_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 < (parse_retry_after(date) or 0) <= 30


@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_request_goes_out_again_after_the_pause(status: int) -> None:
    clock = HandedClock()
    began = clock.now
    with (
        misbehaving_server(a=[sends({}, status, Retry_After="40"), sends("fine")]) as server,
        api_of(server.url, clock=clock) as api,
    ):
        assert api.get("/a").payload == "fine"
        assert server.count() == 2
        assert 40 <= clock.now - began < 41
        assert 39 < api.seconds_waited <= 40


def test_a_pause_holds_every_thread_of_its_api() -> None:
    with misbehaving_server(a=[REFUSED_FOR_A_WHILE, sends(1)]) as server, api_of(server.url) as api:
        refused = Thread(target=api.get, args=["/a"])
        refused.start()
        sleep(0.2)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(api.get, [f"/held/{number}" for number in range(8)]))
        refused.join()
    assert all(arrival.at - server.arrivals[0].at >= 1 for arrival in server.arrivals[1:])


def test_a_pause_of_one_api_does_not_hold_another_on_the_same_host() -> None:
    with (
        misbehaving_server(a=[sends({}, 429, Retry_After="80"), sends(1)]) as server,
        api_of(server.url, name="Trakt") as trakt,
        api_of(server.url, name="TMDB") as tmdb,
    ):

        def ask() -> None:
            with suppress(SourceUnavailable):
                trakt.get("/a")

        refused = Thread(target=ask)
        refused.start()
        sleep(0.2)
        tmdb.get("/b")
        assert refused.is_alive(), "the other one still waits"
        trakt.close()
        refused.join()
        assert server.count("/a") == 1


def test_two_sessions_with_one_key_share_the_pause_and_another_key_has_its_own() -> None:
    mine, other = ({"trakt-api-key": SecretStr(key)} for key in ("mine", "other"))
    with (
        misbehaving_server(a=[sends({}, 429, Retry_After="100")]) as server,
        api_of(server.url, secret_headers=mine) as first,
        api_of(server.url, secret_headers=mine) as second,
        api_of(server.url, secret_headers=other) as third,
    ):
        for api in (first, second):
            with pytest.raises(RateLimited):
                api.get("/a")
        assert third.get("/b").payload
        assert server.count("/a") == 1


def test_a_pause_beyond_the_cap_fails_at_once_with_the_time_and_spends_no_attempt() -> None:
    with (
        misbehaving_server(a=[sends({}, 429, Retry_After="300")]) as server,
        api_of(server.url, retry_after_cap_seconds=90) as api,
    ):
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                api.get("/a")
        assert server.count() == 1
    until = caught.value.until
    assert timedelta(seconds=298) < until - datetime.now(UTC) <= timedelta(seconds=300)
    assert f"try again at {until:%H:%M} UTC" in str(caught.value)
    assert (caught.value.stops_api, caught.value.stops_run) == (True, False)


def test_threads_that_already_queue_fail_as_well_when_the_pause_is_too_long() -> None:
    with (
        misbehaving_server(a=[sends({}, 429, after=0.2, Retry_After="300")]) as server,
        api_of(server.url) as api,
        ThreadPoolExecutor(8) as pool,
    ):
        futures = [pool.submit(api.get, "/a") for _ in range(8)]
        assert all(isinstance(future.exception(), RateLimited) for future in futures)
        assert server.count() == 1


def test_cloudflares_page_is_recognised() -> None:
    with (
        misbehaving_server(a=[sends_page(429, Retry_After="300")]) as server,
        api_of(server.url) as api,
        pytest.raises(RateLimited, match="Cloudflare"),
    ):
        api.get("/a")


def test_without_a_header_the_pause_is_guessed_and_doubles() -> None:
    clock = HandedClock()
    began = clock.now
    with (
        misbehaving_server(a=[*[sends({}, 429)] * 4, sends(1)]) as server,
        api_of(server.url, clock=clock) as api,
    ):
        api.get("/a")
        assert server.count() == 5
    assert clock.now - began == 1 + 2 + 4 + 8


def test_many_requests_refused_at_once_are_one_refusal() -> None:
    clock = HandedClock()
    backoff = Backoff("Trakt", clock.steady)
    asked_at = clock.now
    for _ in range(16):
        backoff.pause_all(None, asked_at, "refused")
    assert backoff.wait(90) == 1


def test_an_answer_ends_the_doubling() -> None:
    clock = HandedClock()
    backoff = Backoff("Trakt", clock.steady)
    backoff.pause_all(None, clock.now, "refused")
    clock.now += 2
    backoff.answered(clock.now)
    backoff.pause_all(None, clock.now, "refused")
    assert backoff.wait(90) == 1


def test_a_request_that_is_refused_for_ever_is_left_for_another_run() -> None:
    with misbehaving_server(a=[sends({}, 429, Retry_After="0.01")]) as server, api_of(server.url) as api:
        with pytest.raises(RateLimited):
            api.get("/a")
        assert server.count() == 6


def test_an_api_out_of_service_for_ever_is_unavailable() -> None:
    with misbehaving_server(a=[sends({}, 503, Retry_After="0.01")]) as server, api_of(server.url) as api:
        with pytest.raises(SourceUnavailable, match="503"):
            api.get("/a")
        assert server.count() == 4


def test_closing_ends_a_pause() -> None:
    with misbehaving_server(a=[sends({}, 429, Retry_After="60")]) as server:
        api = api_of(server.url)
        failed: list[BaseException] = []

        def ask(get: Callable[[str], object]) -> None:
            try:
                get("/a")
            except SourceUnavailable as error:
                failed.append(error)

        thread = Thread(target=ask, args=[api.get])
        thread.start()
        sleep(0.2)
        api.close()
        thread.join(2)
        assert failed
