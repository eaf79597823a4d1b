"""What a session opens to a browser, and what it opens to no page of another site."""

import pytest

from ratingo_pipelines.gateway.app import TRIGGERS
from ratingo_pipelines_tests.gateway.served import BROWSER, PROCESS, STATUS, Served


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
