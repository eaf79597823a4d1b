"""`JsonApi` against a real server that misbehaves: what is retried, what is not, and what each failure is called."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
from pydantic import SecretStr

from ratingo_pipelines.settings import RateLimit
from ratingo_pipelines.sources.errors import (
    AccessDenied,
    BadPayload,
    CircuitOpen,
    Misrouted,
    NotFound,
    QuotaExhausted,
    Rejected,
    SourceError,
    SourceUnavailable,
)
from ratingo_pipelines_tests.sources.apis import HandedClock, api_of
from ratingo_pipelines_tests.sources.http.misbehaving import (
    Behaviour,
    bombs,
    cuts_the_body,
    cuts_the_gzip,
    drips,
    hangs,
    misbehaving_server,
    resets,
    sends,
    sends_bytes,
    sends_page,
)

PASSING_FAULTS = {
    "reset": resets,
    "hang": hangs,
    "500": sends({}, 500),
    "522": sends_page(522),
    "cut body": cuts_the_body,
    "cut gzip": cuts_the_gzip,
    "web page": sends_page(),
    "malformed": sends_bytes(b'{"a": "b" "c"}'),
    "empty": sends_bytes(b""),
}


def test_an_answer_is_parsed_and_its_headers_are_found_in_any_case() -> None:
    listed = sends([1, {"b": None}], X_Pagination_Page_Count="7")
    with misbehaving_server(a=[listed]) as server, api_of(server.url) as api:
        answer = api.get("/a", {"q": "x y", "absent": None})
    assert answer.payload == [1, {"b": None}]
    assert answer.headers["x-pagination-page-count"] == "7"
    assert server.arrivals[0].query == "q=x+y"


def test_requests_name_the_application() -> None:
    with misbehaving_server() as server, api_of(server.url, headers={"trakt-api-version": "2"}) as api:
        api.get("/a")
    assert server.arrivals[0].headers["User-Agent"].startswith("ratingo-pipelines/")
    assert "https://ratingo.top" in server.arrivals[0].headers["User-Agent"]
    assert server.arrivals[0].headers["trakt-api-version"] == "2"


@pytest.mark.parametrize("fault", PASSING_FAULTS.values(), ids=PASSING_FAULTS)
def test_a_passing_fault_is_retried_and_counted(fault: Behaviour) -> None:
    with misbehaving_server(a=[fault, fault, sends("fine")]) as server, api_of(server.url) as api:
        assert api.get("/a").payload == "fine"
        assert (api.requests, api.retries, server.count()) == (3, 2, 3)


@pytest.mark.parametrize("fault", PASSING_FAULTS.values(), ids=PASSING_FAULTS)
def test_a_lasting_fault_is_given_up_after_three_retries(fault: Behaviour) -> None:
    with misbehaving_server(a=[fault]) as server, api_of(server.url) as api:
        with pytest.raises((SourceUnavailable, BadPayload, Misrouted)) as caught:
            api.get("/a")
        assert api.requests == server.count() == 4
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("Trakt: /a")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, Misrouted),
        (400, Rejected),
        (401, AccessDenied),
        (403, AccessDenied),
        (404, NotFound),
        (410, NotFound),
        (412, Rejected),
        (422, Rejected),
        (423, Rejected),
    ],
)
def test_what_will_not_change_is_asked_once(status: int, kind: type[SourceError]) -> None:
    answer = sends({"status_message": "No."}, status, Location="http://127.0.0.1:1/")
    with misbehaving_server(a=[answer]) as server, api_of(server.url) as api:
        with pytest.raises(kind, match=str(status)):
            api.get("/a")
        assert server.count() == 1


def test_only_the_key_stops_the_run() -> None:
    assert [kind for kind in (AccessDenied, NotFound, BadPayload, Rejected, SourceUnavailable) if kind.stops_run] == [
        AccessDenied
    ]


def test_the_client_says_what_a_status_means_before_the_usual_meaning() -> None:
    until = datetime(2026, 1, 1, tzinfo=UTC)
    with (
        misbehaving_server(a=[sends({"Error": "Request limit reached!"}, 401)]) as server,
        api_of(server.url, lambda response: QuotaExhausted("OMDb", until) if "limit" in response.text else None) as api,
        pytest.raises(QuotaExhausted, match="2026-01-01 00:00 UTC"),
    ):
        api.get("/a")


def test_cloudflare_is_not_mistaken_for_a_revoked_key() -> None:
    with (
        misbehaving_server(a=[sends_page(403)]) as server,
        api_of(server.url, lambda response: AccessDenied("Trakt", "the key was revoked")) as api,
        pytest.raises(AccessDenied, match="Cloudflare"),
    ):
        api.get("/a")


def test_redirects_are_not_followed_as_they_would_carry_the_key_along() -> None:
    with misbehaving_server() as elsewhere, misbehaving_server(a=[sends({}, 301, Location=elsewhere.url)]) as server:
        with api_of(server.url, secret_headers={"trakt-api-key": SecretStr("canary")}) as api, pytest.raises(Misrouted):
            api.get("/a")
        assert elsewhere.count() == 0


def test_malformed_bodies_can_be_retried_less_often_where_requests_are_dear() -> None:
    with misbehaving_server(a=[sends_bytes(b"{"), resets]) as server, api_of(server.url, malformed_retries=0) as api:
        with pytest.raises(BadPayload):
            api.get("/a")
        assert server.count() == 1


def test_raw_control_characters_in_a_text_are_let_pass() -> None:
    with misbehaving_server(a=[sends_bytes(b'{"Plot": "one\ntwo\x02"}')]) as server, api_of(server.url) as api:
        assert api.get("/a").payload == {"Plot": "one\ntwo\x02"}


@pytest.mark.parametrize("body", [b"NaN", b'{"a": -Infinity}', b"[" * 100_000, b"\xff\xfe\x00", b"1" * 5000])
def test_what_no_json_parser_should_accept_is_a_bad_payload(body: bytes) -> None:
    with misbehaving_server(a=[sends_bytes(body)]) as server, api_of(server.url) as api, pytest.raises(BadPayload):
        api.get("/a")


@pytest.mark.parametrize(
    "prefix",
    [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"H"],
    ids=["headers", "body", "status"],
)
def test_a_server_that_drips_cannot_hold_a_thread(prefix: bytes) -> None:
    with misbehaving_server(a=[drips(prefix), sends(1)]) as server, api_of(server.url, timeout_seconds=0.3) as api:
        assert api.get("/a").payload == 1
        assert api.retries >= 1, "it was let go of, and asked again"


def test_a_body_that_does_not_end_is_refused_without_asking_again() -> None:
    with misbehaving_server(a=[bombs(21)]) as server, api_of(server.url, timeout_seconds=10) as api:
        with pytest.raises(BadPayload, match="larger than 20 MiB"):
            api.get("/a")
        assert server.count() == 1


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with api_of(f"http://127.0.0.1:{port}") as api, pytest.raises(SourceUnavailable, match=r"refused.*try again"):
        api.get("/a")


def test_a_certificate_bundle_that_is_missing_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with api_of("https://127.0.0.1:1") as api, pytest.raises(SourceUnavailable, match=r"ca\.pem"):
        api.get("/a")


def test_a_netrc_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with (
        misbehaving_server() as server,
        api_of(server.url, secret_headers={"Authorization": SecretStr("Bearer x")}) as api,
    ):
        api.get("/a")
    assert server.arrivals[0].headers["Authorization"] == "Bearer x"


@pytest.mark.parametrize("key", ["line\nbreak", "ключ"])
def test_a_key_that_cannot_be_sent_is_said_to_be_wrong(key: str) -> None:
    with pytest.raises(AccessDenied, match="copy it") as caught:
        api_of("http://127.0.0.1:1", secret_headers={"trakt-api-key": SecretStr(key)})
    assert key not in str(caught.value)


def test_an_api_that_fails_for_longer_than_the_cap_is_left_alone() -> None:
    with (
        misbehaving_server(a=[sends({}, 502)]) as server,
        api_of(server.url, concurrency=16, retry_after_cap_seconds=0) as api,
    ):
        for _ in range(5):
            with pytest.raises(SourceUnavailable):
                api.get("/a")
        with pytest.raises(CircuitOpen, match=r"TMDB|Trakt: failed 24 times in a row .*/a failed \(502"):
            api.get("/a")
        with pytest.raises(CircuitOpen) as caught:
            api.get("/fine")
        assert server.count() == 24
    assert caught.value.stops_api
    assert timedelta(0) <= caught.value.until - datetime.now(UTC) <= timedelta(seconds=1)


def test_a_burst_of_failures_costs_a_pause_and_no_request() -> None:
    with misbehaving_server() as server, api_of(server.url, concurrency=4) as api:
        server.answers = {f"/{n}": [*[sends({}, 502)] * 3, sends(n)] for n in range(4)}
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda n: api.get(f"/{n}").payload, range(4))) == [0, 1, 2, 3]
        assert api.retries == 12
        assert api.seconds_waited >= 1


def test_while_the_api_is_down_for_everybody_no_request_uses_up_its_retries() -> None:
    clock = HandedClock()
    down = [sends({}, 502)] * 8
    with misbehaving_server(c=[*down, sends("fine")]) as server, api_of(server.url, clock=clock, concurrency=1) as api:
        server.answers |= {"/a": down, "/b": down}
        for path in ("/a", "/b"):
            with pytest.raises(SourceUnavailable):
                api.get(path)
        began = clock.now
        assert api.get("/c").payload == "fine"
        assert [server.count(path) for path in ("/a", "/b", "/c")] == [4, 4, 9]
        assert clock.now - began == 1 + 2 + 4 + 8 + 15 * 4


def test_a_web_page_instead_of_json_is_not_the_api_and_tells_nothing_of_whether_that_is_up() -> None:
    with (
        misbehaving_server(a=[sends_page()], b=[sends({}, 502)]) as server,
        api_of(server.url, retry_after_cap_seconds=0) as api,
    ):
        for _ in range(6):
            with pytest.raises(Misrouted, match=r"/a is a web page \(200\); look at TRAKT_BASE_URL"):
                api.get("/a")
        assert server.count("/a") == 24, "no circuit opened"
        for path in "bbbabb":
            with pytest.raises((SourceUnavailable, Misrouted)):
                api.get(f"/{path}")
        with pytest.raises(CircuitOpen):
            api.get("/b")
        assert server.count("/b") == 24, "nor did a page close one"


def test_an_unknown_title_in_between_is_a_sign_of_life() -> None:
    with misbehaving_server(a=[sends({}, 502)], b=[sends({}, 404)]) as server, api_of(server.url) as api:
        for path in ("/a", "/a", "/a", "/a", "/b", "/a", "/a"):
            with pytest.raises((SourceUnavailable, NotFound)):
                api.get(path)
        assert api.get("/fine").payload


def test_the_apis_clock_is_read_from_what_it_has_just_said(tmp_path: Path) -> None:
    dated = "Wed, 21 Oct 2026 07:28:00 GMT"
    undated = [sends(1), sends(1, Date="soon"), sends(1, Date=dated, Age="7"), sends({}, 404, Date=dated)]
    with misbehaving_server(a=[*undated, sends_page(Date=dated)]) as server, api_of(server.url) as api:
        for _ in range(5):
            with suppress(SourceError):
                api.get("/a")
        assert api.server_time() is None
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    with misbehaving_server(a=[sends(1, Date=ahead)]) as server, api_of(server.url, state_dir=tmp_path) as api:
        for _ in range(2):
            api.get("/a", max_age=timedelta(days=1))
            theirs, ours = api.server_time() or pytest.fail("no time was noted")
            assert timedelta(hours=1, minutes=59) < theirs - ours < timedelta(hours=2, minutes=1)
            assert theirs.utcoffset() == ours.utcoffset() == timedelta(0)
    with api_of(server.url, state_dir=tmp_path) as api:
        assert api.get("/a", max_age=timedelta(days=1)).from_cache
        assert api.server_time() is None


def test_one_request_a_url_is_in_flight() -> None:
    with misbehaving_server(a=[sends(1, after=0.02)]) as server, api_of(server.url) as api:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda path: api.get(path).payload, ["/a"] * 8)) == [1] * 8
        assert server.most_at_once["/a"] == 1


def test_sixty_four_threads_share_one_session() -> None:
    # On a busy machine an answer may take longer than the tests' usual patience, and would be asked for again.
    with misbehaving_server() as server, api_of(server.url, concurrency=64, timeout_seconds=10) as api:
        with ThreadPoolExecutor(64) as pool:
            payloads = list(pool.map(lambda number: api.get(f"/t/{number}").payload["path"], range(640)))
        assert payloads == [f"/t/{number}" for number in range(640)]
        assert api.requests == server.count() == 640


def test_closing_releases_whoever_waits() -> None:
    caught: list[Exception] = []
    with misbehaving_server() as server:
        api = api_of(server.url, windows=(RateLimit(1, 300),))

        def ask() -> None:
            try:
                api.get("/b")
            except SourceUnavailable as error:
                caught.append(error)

        api.get("/a")
        waiting = Thread(target=ask)
        waiting.start()
        sleep(0.1)
        api.close()
        waiting.join(2)
    assert "closed" in str(caught[0])
    assert server.count() == 1
