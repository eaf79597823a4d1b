"""Who is authenticated, over real HTTP."""

import errno
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from ratingo_pipelines.gateway.app import TRIGGERS
from ratingo_pipelines.gateway.auth.audit import Audit
from ratingo_pipelines.gateway.auth.middleware import MOST_WEBSOCKETS
from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.auth.tokens import add_token, remove_token
from ratingo_pipelines.sources.scrub import register_secrets
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, PASSWORD, PREVIOUS, SECRET, Served
from ratingo_pipelines_tests.installation import until

STATUS = "/api/sync/trending/status"
PROCESS = "/api/sync/trending/process?wait=0"
"""A trigger that has nothing to do, and so starts no run."""
GRAPHQL_WS = Subprotocol("graphql-ws")


def test_the_secret_in_the_header_opens_everything(gateway: Served) -> None:
    assert gateway.ask(STATUS, headers=BEARER).json()["success"] is True
    assert gateway.ask("/server_info", headers=BEARER).json()["dagster_version"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_in_any_case(gateway: Served, scheme: str) -> None:
    assert gateway.ask(STATUS, headers={"Authorization": f"{scheme} {SECRET}"}).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": ""},
        {"Authorization": SECRET},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": f"Bearer {SECRET[:-1]}"},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": f"Bearer {SECRET.upper()}"},
        {"Authorization": "Bearer ключ".encode().decode("latin-1")},
        {"Cookie": "ratingo_session=v1.forged.9999999999.00"},
        {"Cookie": "ratingo_session="},
        {"X-Cron-Secret": SECRET},
    ],
)
def test_anything_else_is_answered_401_in_json_naming_the_way_in(gateway: Served, given: dict[str, str]) -> None:
    answer = gateway.ask(STATUS, headers=given)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="ratingo"'
    assert answer.json()["success"] is False
    assert SECRET not in answer.text


def test_two_authorization_headers_are_one_too_many(gateway: Served) -> None:
    with closing(HTTPConnection(gateway.host)) as connection:
        connection.putrequest("GET", STATUS)
        connection.putheader("Authorization", f"Bearer {SECRET}")
        connection.putheader("Authorization", "Bearer wrong")
        connection.endheaders()

        assert connection.getresponse().status == 401


def test_during_a_rotation_both_secrets_open(new_gateway: Callable[..., Served]) -> None:
    gateway = new_gateway(previous=PREVIOUS)

    assert gateway.ask(STATUS, headers={"Authorization": f"Bearer {PREVIOUS}"}).status_code == 200
    assert gateway.ask(STATUS, headers=BEARER).status_code == 200


def test_after_the_rotation_the_old_secret_is_wrong(gateway: Served) -> None:
    assert gateway.ask(STATUS, headers={"Authorization": f"Bearer {PREVIOUS}"}).status_code == 401


def test_the_password_of_the_ui_is_no_bearer_secret(new_gateway: Callable[..., Served]) -> None:
    gateway = new_gateway(password=PASSWORD)

    assert gateway.ask(STATUS, headers={"Authorization": f"Bearer {PASSWORD}"}).status_code == 401


def test_after_ten_wrong_secrets_a_client_has_to_wait(gateway: Served) -> None:
    wrong = {"Authorization": "Bearer wrong"}

    assert [gateway.ask(STATUS, headers=wrong).status_code for _ in range(12)] == [401] * 10 + [429] * 2
    answer = gateway.ask(STATUS, headers=wrong)
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert answer.json()["success"] is False


def test_a_client_that_has_to_wait_is_let_in_with_the_right_secret(gateway: Served) -> None:
    for _ in range(12):
        gateway.ask(STATUS, headers={"Authorization": "Bearer wrong"})

    assert gateway.ask(STATUS, headers=BEARER).status_code == 200


def test_coming_without_a_secret_is_no_guess_and_locks_nobody_out(gateway: Served) -> None:
    assert {gateway.ask(STATUS).status_code for _ in range(15)} == {401}


@pytest.mark.parametrize("query", ["token=x", "access_token=x", "secret=x", "cron_secret=x", "CRON_SECRET=x"])
@pytest.mark.parametrize("headers", [{}, BEARER])
def test_a_secret_in_the_url_is_refused_even_beside_a_right_header(
    gateway: Served, query: str, headers: dict[str, str]
) -> None:
    answer = gateway.ask(f"{STATUS}?{query}", headers=headers)

    assert answer.status_code == 401
    assert "header" in answer.json()["error"]


@pytest.mark.parametrize("path", [STATUS, "/", "/login", "/healthz", "/graphql"])
def test_the_very_secret_opens_nothing_from_the_url_whatever_it_is_called(gateway: Served, path: str) -> None:
    assert gateway.ask(f"{path}?anything={SECRET}").status_code == 401


def test_the_log_tells_of_requests_but_of_no_secret(gateway: Served, caplog: pytest.LogCaptureFixture) -> None:
    register_secrets([SECRET])
    with caplog.at_level(logging.DEBUG):
        gateway.ask(STATUS, headers=BEARER)
        gateway.ask(f"{STATUS}?token={SECRET}")
        gateway.ask(f"/api/{SECRET}", headers=BEARER)
        gateway.ask(STATUS, headers={"Authorization": f"Bearer {SECRET}x"})
        gateway.log_in()
        gateway.log_in("almost-" + SECRET)

    assert f"GET {STATUS} -> 200" in caplog.text
    assert f"GET {STATUS} -> 401" in caplog.text
    assert "POST /login -> 303" in caplog.text
    assert SECRET not in caplog.text


def test_a_line_break_in_a_path_forges_no_line_of_the_log(gateway: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        gateway.ask("/api/x%0A2026-01-01%20admin%20was%20here")

    assert [record for record in caplog.records if record.getMessage().startswith("2026")] == []


def test_only_whether_it_is_up_is_told_without_credentials(gateway: Served) -> None:
    answer = gateway.ask("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "up"})
    assert gateway.ask("/readyz").status_code == 401


# Browsers


@pytest.mark.parametrize("path", ["/", "/runs", "/assets/shows/details", STATUS, "/server_info", "/nonsense"])
def test_a_browser_is_led_to_the_login_and_from_there_to_where_it_wanted(gateway: Served, path: str) -> None:
    answer = gateway.ask(path + "?view=graph", headers=BROWSER)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}%3Fview%3Dgraph"


def test_a_session_opens_what_the_secret_opens(gateway: Served) -> None:
    cookie = gateway.cookie()

    assert gateway.ask("/", headers=cookie | BROWSER).status_code == 200
    assert gateway.ask(STATUS, headers=cookie).json()["success"] is True


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/sync/trending?wait=0"),
        ("POST", "/api/sync/trending?wait=0"),
        ("POST", "/report_asset_check/x"),
        ("GET", "/graphql?query=mutation"),
        ("POST", "/anything/that/dagster/may/have/one/day"),
        ("PUT", "/"),
    ],
)
def test_a_page_of_another_site_cannot_use_the_session_to_start_anything(
    gateway: Served, foreign: dict[str, str], method: str, path: str
) -> None:
    answer = gateway.ask(path, method, headers=gateway.cookie() | foreign)

    assert answer.status_code == 403


def test_a_page_of_another_port_of_this_machine_is_another_site(gateway: Served) -> None:
    headers = gateway.cookie() | {"Origin": "http://127.0.0.1:1"}

    assert gateway.ask("/api/sync/trending?wait=0", "POST", headers=headers).status_code == 403


def test_a_cookie_changes_nothing_where_the_browser_does_not_say_whose_page_asks(gateway: Served) -> None:
    cookie = gateway.cookie()
    for path in ("/api/sync/trending?wait=0", "/report_asset_check/x", "/graphql", "/anything"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert (method, path, gateway.ask(path, method, headers=cookie).status_code) == (method, path, 403)


@pytest.mark.parametrize("shown", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": ""}])
def test_a_get_starts_nothing_for_a_cookie_wherever_it_comes_from(gateway: Served, shown: dict[str, str]) -> None:
    headers = gateway.cookie() | {name: value or gateway.url for name, value in shown.items()}
    assert len(TRIGGERS) > 5
    for path in TRIGGERS:
        answer = gateway.ask(path, headers=headers)
        assert (path, answer.status_code, answer.headers["allow"]) == (path, 405, "POST")


def test_a_page_of_ours_starts_something_by_post(gateway: Served) -> None:
    answer = gateway.ask(PROCESS, "POST", headers=gateway.page())

    assert answer.json()["success"] is True


def test_a_link_of_another_site_leads_to_our_pages_but_its_images_and_frames_do_not(gateway: Served) -> None:
    cross = gateway.cookie() | BROWSER | {"Sec-Fetch-Site": "cross-site"}
    link = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    assert gateway.ask("/runs", headers=cross | link).status_code == 200
    for mode, destination in (("navigate", "iframe"), ("no-cors", "image"), ("no-cors", "script"), ("cors", "empty")):
        answer = gateway.ask("/runs", headers=cross | {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination})
        assert (destination, answer.status_code) == (destination, 403)


def test_another_site_s_authorization_beside_a_good_cookie_locks_nobody_out(gateway: Served) -> None:
    for given in ("Basic dXNlcjpwYXNz", "Bearer eyJhbGciOi.of.a.proxy", "Negotiate x", ""):
        assert gateway.ask("/", headers=gateway.cookie() | BROWSER | {"Authorization": given}).status_code == 200


def test_a_second_cookie_of_the_name_locks_nobody_out(gateway: Served) -> None:
    good = gateway.cookie()["Cookie"]
    for both in (f"{good}; ratingo_session=foreign", f"ratingo_session=foreign; {good}", f'ratingo_session=""; {good}'):
        assert gateway.ask("/", headers=BROWSER | {"Cookie": both}).status_code == 200


def test_no_page_may_frame_another_or_load_pictures_from_elsewhere(gateway: Served) -> None:
    page = gateway.ask("/", headers=gateway.cookie() | BROWSER)

    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "same-origin"
    policy = dict(directive.strip().split(" ", 1) for directive in page.headers["content-security-policy"].split(";"))
    assert policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == "'self' data: blob:"
    assert "nonce-" in policy["script-src"]
    login = gateway.ask("/login").headers
    assert login["x-frame-options"] == "DENY"
    assert login["content-security-policy"].count("frame-ancestors") == 1


# Behind a proxy


HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


def test_under_https_the_cookie_is_this_host_s_alone_and_browsers_are_to_come_back_by_https(
    new_gateway: Callable[..., Served],
) -> None:
    gateway = new_gateway(trusted_proxies=["127.0.0.1"])
    entered = gateway.log_in(headers=HTTPS)
    set_cookie = entered.headers["set-cookie"]
    cookie = {"Cookie": set_cookie.partition(";")[0]}

    assert set_cookie.startswith("__Host-ratingo_session=")
    assert {"secure", "path=/", "httponly", "samesite=strict"} <= {p.strip().lower() for p in set_cookie.split(";")}
    assert "domain" not in set_cookie.lower()
    assert entered.headers["strict-transport-security"] == "max-age=31536000"
    assert gateway.ask("/", headers=cookie | BROWSER | HTTPS).status_code == 200
    assert gateway.ask("/", headers=cookie | BROWSER).status_code == 303
    assert "strict-transport-security" not in gateway.ask("/login").headers
    plain = {"Cookie": cookie["Cookie"].removeprefix("__Host-")}
    assert gateway.ask("/", headers=plain | BROWSER | HTTPS).status_code == 303


def test_under_https_a_page_of_plain_http_is_another_site(new_gateway: Callable[..., Served]) -> None:
    gateway = new_gateway(trusted_proxies=["127.0.0.1"])
    cookie = {"Cookie": gateway.log_in(headers=HTTPS).headers["set-cookie"].partition(";")[0]}

    for origin, status in ((f"http://{gateway.host}", 403), (f"https://{gateway.host}", 200)):
        answer = gateway.ask(PROCESS, "POST", headers=cookie | HTTPS | {"Origin": origin})
        assert (origin, answer.status_code) == (origin, status)


def test_an_undeclared_proxy_is_not_believed_and_said_once(
    new_gateway: Callable[..., Served], caplog: pytest.LogCaptureFixture
) -> None:
    gateway = new_gateway()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            answer = gateway.ask(STATUS, headers=HTTPS)

    assert "strict-transport-security" not in answer.headers
    assert "203.0.113.9" not in caplog.text
    assert caplog.text.count("TRUSTED_PROXIES") == 1


def test_a_declared_proxy_is_not_spoken_of(
    new_gateway: Callable[..., Served], caplog: pytest.LogCaptureFixture
) -> None:
    gateway = new_gateway(trusted_proxies=["127.0.0.0/8"])
    with caplog.at_level(logging.INFO):
        gateway.ask(STATUS, headers=HTTPS)
        until(lambda: f"203.0.113.9 GET {STATUS} -> 401" in caplog.text, 10, "it is logged")

    assert "TRUSTED_PROXIES" not in caplog.text


# Roles


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A file of tokens."""
    return tmp_path / "tokens"


REFUSED = {"read": {"trigger", "admin"}, "trigger": {"admin"}, "admin": set()}


MAY = [
    ("read", "GET", STATUS),
    ("read", "GET", "/readyz"),
    ("read", "GET", "/metrics"),
    ("read", "GET", "/status"),
    ("read", "GET", "/api/docs"),
    ("read", "GET", "/api/sync/runs/x"),
    ("read", "QUERY", "/graphql"),
    ("trigger", "GET", PROCESS),
    ("trigger", "POST", PROCESS),
    ("trigger", "POST", "/api/anything/new"),
    ("trigger", "DELETE", "/api/sync/runs/x"),
    ("admin", "GET", "/"),
    ("admin", "GET", "/runs"),
    ("admin", "GET", "/logs/x"),
    ("admin", "GET", "/server_info"),
    ("admin", "POST", "/report_asset_check/x"),
    ("admin", "MUTATION", "/graphql"),
]


@pytest.mark.parametrize("role", REFUSED)
def test_each_role_may_do_what_it_is_for_and_no_more(
    new_gateway: Callable[..., Served], tokens: Path, role: str
) -> None:
    gateway = new_gateway(tokens=tokens)
    headers = BROWSER | {"Authorization": f"Bearer {add_token(tokens, role, Role.parse(role))}"}
    for needed, method, path in MAY:
        query = {"QUERY": "{ __typename }", "MUTATION": "mutation { setNuxSeen }"}.get(method)

        answer = gateway.ask(
            path, "POST" if query else method, headers=headers, **({"json": {"query": query}} if query else {})
        )

        assert (method, path, answer.status_code == 403) == (method, path, needed in REFUSED[role])
        assert answer.status_code != 401


def test_a_token_that_is_removed_or_has_ended_opens_nothing(new_gateway: Callable[..., Served], tokens: Path) -> None:
    gateway = new_gateway(tokens=tokens)
    ended = {"Authorization": f"Bearer {add_token(tokens, 'old', Role.READ, datetime(2020, 1, 1, tzinfo=UTC))}"}
    removed = {"Authorization": f"Bearer {add_token(tokens, 'new', Role.READ)}"}
    assert [gateway.ask(STATUS, headers=each).status_code for each in (ended, removed)] == [401, 200]

    remove_token(tokens, "new")

    assert gateway.ask(STATUS, headers=removed).status_code == 401


def test_a_person_may_log_in_with_a_token_while_it_is_there(new_gateway: Callable[..., Served], tokens: Path) -> None:
    gateway = new_gateway(tokens=tokens)
    token = add_token(tokens, "anna", Role.READ)
    entered = gateway.log_in(token)
    cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
    assert entered.headers["location"] == "/api/docs"
    assert gateway.ask(STATUS, headers=cookie).status_code == 200
    assert gateway.ask("/", headers=cookie | BROWSER).status_code == 403
    assert gateway.ask(PROCESS, "POST", headers=cookie | {"Origin": gateway.url}).status_code == 403

    remove_token(tokens, "anna")
    assert gateway.ask(STATUS, headers=cookie).status_code == 401
    add_token(tokens, "anna", Role.ADMIN)
    assert gateway.ask(STATUS, headers=cookie).status_code == 401


# Audit


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    """An audit in files."""
    with closing(Audit(tmp_path)) as opened:
        yield opened


def audited(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of one of the audit's files, without their times."""
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    assert all(datetime.fromisoformat(line.pop("at")).tzinfo for line in lines)
    return lines


def test_whatever_changes_something_is_a_line_that_says_who_and_what_came_of_it(
    new_gateway: Callable[..., Served], audit: Audit, tmp_path: Path, tokens: Path
) -> None:
    gateway = new_gateway(audit=audit, tokens=tokens, password=PASSWORD)
    cron = {"Authorization": f"Bearer {add_token(tokens, 'cron', Role.TRIGGER)}"}
    page = gateway.page(PASSWORD)

    gateway.ask(PROCESS, headers=cron)
    gateway.ask("/graphql", "POST", json={"query": "mutation { shown: setNuxSeen }"}, headers=page)
    gateway.ask("/graphql", "POST", json={"query": "{ __typename }"}, headers=page)
    gateway.ask(STATUS, headers=BEARER)
    gateway.ask("/report_asset_check/x", "POST", headers=BEARER)
    gateway.ask("/logout", "POST", headers=page)

    lines = audited(tmp_path, "changes.jsonl")
    assert {line["from"] for line in lines} == {"127.0.0.1"}
    assert [(re.sub("session .*", "session", line["who"]), line["what"], line["outcome"]) for line in lines] == [
        ("UI_PASSWORD, session", "login", "logged in"),
        ("token cron", "GET /api/sync/trending/process", "200, success"),
        ("UI_PASSWORD, session", "mutation setNuxSeen", "200"),
        ("CRON_SECRET", "POST /report_asset_check/x", "400"),
        ("UI_PASSWORD, session", "logout", "logged out"),
    ]


def test_refusals_are_told_apart_and_kept_elsewhere_and_no_line_has_a_secret(
    new_gateway: Callable[..., Served], audit: Audit, tmp_path: Path, tokens: Path
) -> None:
    gateway = new_gateway(audit=audit, tokens=tokens, password=PASSWORD)
    token = add_token(tokens, "reader", Role.READ)
    reader = {"Authorization": f"Bearer {token}"}
    cookie = gateway.cookie(PASSWORD)

    gateway.ask(STATUS)
    gateway.ask(STATUS, headers={"Authorization": "Bearer not-the-secret"})
    gateway.ask(f"{STATUS}?token={SECRET}")
    gateway.ask(f"/api/{token}", "POST", headers=reader)
    gateway.ask("/graphql", "POST", json={"query": "mutation { setNuxSeen }"}, headers=reader)
    gateway.ask(PROCESS, "POST", headers=cookie | {"Origin": "https://evil.example"})
    gateway.ask(PROCESS, headers=cookie)
    gateway.log_in("not-the-password")
    gateway.log_in(PASSWORD, headers={"Origin": "https://evil.example"})

    told = [(line.get("who", "?")[:11], line["what"], line["refused"]) for line in audited(tmp_path, "refused.jsonl")]
    assert told == [
        ("?", f"GET {STATUS}", "no credentials"),
        ("?", f"GET {STATUS}", "wrong credentials"),
        ("?", f"GET {STATUS}", "secret in the URL"),
        ("token reade", "POST /api/***", "role"),
        ("token reade", "mutation setNuxSeen", "role"),
        ("UI_PASSWORD", "POST /api/sync/trending/process", "wrong origin"),
        ("UI_PASSWORD", "GET /api/sync/trending/process", "method"),
        ("?", "login", "wrong credentials"),
        ("?", "login", "wrong origin"),
    ]
    kept = "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))
    assert not [secret for secret in (SECRET, PASSWORD, token, "not-the", cookie["Cookie"][-20:]) if secret in kept]


def test_a_line_that_cannot_be_written_is_logged_and_keeps_nobody_from_working(
    new_gateway: Callable[..., Served],
    audit: Audit,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    [handler] = audit._changes.handlers
    monkeypatch.setattr(handler, "stream", SimpleNamespace(write=full, flush=bool, close=bool, seek=bool, tell=int))
    gateway = new_gateway(audit=audit)

    assert gateway.ask(PROCESS, headers=BEARER).json()["success"] is True
    assert "changes.jsonl cannot be written" in caplog.text
    assert "GET /api/sync/trending/process" in caplog.text
    assert "Traceback" not in caplog.text


# Websockets


def subscribe(gateway: Served, headers: dict[str, str]) -> object:
    """What GraphQL's websocket says to a newcomer."""
    url = gateway.url.replace("http", "ws") + "/graphql"
    with connect(url, additional_headers=headers, subprotocols=[GRAPHQL_WS]) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        return json.loads(socket.recv(timeout=10))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "ratingo_session=x"}])
@pytest.mark.parametrize("path", ["/graphql", "/anything"])
def test_a_websocket_without_credentials_is_not_even_accepted(
    gateway: Served, headers: dict[str, str], path: str
) -> None:
    with (
        pytest.raises(InvalidStatus) as refusal,
        connect(gateway.url.replace("http", "ws") + path, additional_headers=headers),
    ):
        pass

    assert refusal.value.response.status_code == 401


def test_a_websocket_with_the_secret_is_served(gateway: Served) -> None:
    assert subscribe(gateway, BEARER) == {"type": "connection_ack"}


def test_a_websocket_of_a_session_is_served_to_pages_of_this_site(gateway: Served) -> None:
    assert subscribe(gateway, gateway.cookie() | {"Origin": gateway.url}) == {"type": "connection_ack"}


def test_a_websocket_of_a_session_is_refused_to_pages_of_another_site(gateway: Served) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        subscribe(gateway, gateway.cookie() | {"Origin": "https://evil.example"})

    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-site"}])
def test_a_websocket_of_a_session_is_refused_where_nobody_says_whose_page_asks(
    gateway: Served, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        subscribe(gateway, gateway.cookie() | headers)

    assert refusal.value.response.status_code == 403


def test_a_session_has_so_many_websockets_and_no_more(gateway: Served) -> None:
    page, url = gateway.page(), gateway.url.replace("http", "ws") + "/graphql"
    with ExitStack() as stack:

        def open_one(headers: dict[str, str]) -> ClientConnection:
            connection = connect(url, additional_headers=headers, subprotocols=[GRAPHQL_WS])
            return stack.enter_context(connection)

        first = [open_one(page) for _ in range(MOST_WEBSOCKETS)]
        with pytest.raises(InvalidStatus) as refusal:
            open_one(page)
        assert refusal.value.response.status_code == 429
        open_one(gateway.page())
        open_one(BEARER)
        first[0].close()

        def again() -> bool:
            try:
                open_one(page)
            except InvalidStatus:
                return False
            return True

        until(again, 10, "the session may have another one")


def test_a_websocket_ends_with_its_session(gateway: Served) -> None:
    cookie = gateway.page()
    url = gateway.url.replace("http", "ws") + "/graphql"
    with connect(url, additional_headers=cookie, subprotocols=[GRAPHQL_WS]) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        socket.recv(timeout=10)
        gateway.ask("/logout", "POST", headers=cookie)
        socket.send(json.dumps({"type": "connection_init"}))

        with pytest.raises(Exception, match="4401"):
            socket.recv(timeout=10)
