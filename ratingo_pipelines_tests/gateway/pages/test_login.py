"""In and out by the browser's way."""

from collections.abc import Callable

import pytest

from ratingo_pipelines.gateway.pages.login import local_path
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, PASSWORD, SECRET, Served


def test_the_page_asks_for_the_secret_and_loads_nothing_from_elsewhere(gateway: Served) -> None:
    answer = gateway.ask("/login", headers=BROWSER)

    assert answer.status_code == 200
    assert 'name="secret"' in answer.text
    assert "CRON_SECRET" in answer.text
    assert "//" not in answer.text.replace("<!doctype", "")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_secret_is_taken_for_a_cookie_that_scripts_and_other_sites_cannot_use(gateway: Served) -> None:
    answer = gateway.log_in()

    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert answer.status_code == 303
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert any(part.startswith("max-age=") for part in attributes)
    assert SECRET not in answer.headers["set-cookie"]


def test_after_the_login_the_browser_goes_where_it_wanted(gateway: Served) -> None:
    answer = gateway.ask("/login", "POST", data={"secret": SECRET, "next": "/runs?view=queued"})

    assert answer.headers["location"] == "/runs?view=queued"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/login",
        "/logout",
    ],
)
def test_the_login_sends_nobody_to_another_site(wanted: str) -> None:
    assert local_path(wanted) == "/"


def test_where_the_browser_wanted_to_go_cannot_break_out_of_the_page(gateway: Served) -> None:
    answer = gateway.ask("/login", params={"next": '/"><script>alert(1)</script>'})

    assert "<script>" not in answer.text


@pytest.mark.parametrize("given", ["", "wrong", SECRET[:-1], SECRET + "x"])
def test_a_wrong_secret_is_asked_for_again(gateway: Served, given: str) -> None:
    answer = gateway.log_in(given)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'name="secret"' in answer.text


def test_the_password_opens_the_ui_where_there_is_one(new_gateway: Callable[..., Served]) -> None:
    gateway = new_gateway(password=PASSWORD)

    assert gateway.log_in(PASSWORD).status_code == 303
    assert gateway.log_in(SECRET).status_code == 303


def test_a_password_can_be_guessed_ten_times_a_minute_and_then_not_even_rightly(
    new_gateway: Callable[..., Served],
) -> None:
    gateway = new_gateway(password=PASSWORD)

    assert [gateway.log_in("guess").status_code for _ in range(12)] == [401] * 10 + [429] * 2
    assert gateway.log_in(PASSWORD).status_code == 429
    assert gateway.log_in(SECRET).status_code == 303


def test_another_site_may_not_log_anybody_in(gateway: Served) -> None:
    assert gateway.log_in(headers={"Origin": "https://evil.example"}).status_code == 403
    assert gateway.log_in(headers={"Origin": gateway.url}).status_code == 303


def test_a_form_that_does_not_end_is_not_read_to_its_end(gateway: Served) -> None:
    answer = gateway.ask("/login", "POST", data={"secret": SECRET, "next": "/" + "x" * 100_000})

    assert answer.status_code == 401


def test_logging_out_ends_the_session_wherever_its_cookie_was_copied_to(gateway: Served) -> None:
    mine, others = gateway.cookie(), gateway.cookie()
    assert gateway.ask("/", headers=mine | BROWSER).status_code == 200

    answer = gateway.ask("/logout", "POST", headers=mine)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert 'ratingo_session=""' in answer.headers["set-cookie"]
    assert gateway.ask("/", headers=mine | BROWSER).status_code == 303
    assert gateway.ask("/", headers=others | BROWSER).status_code == 200


def test_another_site_can_log_nobody_out(gateway: Served) -> None:
    cookie = gateway.cookie()

    gateway.ask("/logout", headers=cookie | {"Sec-Fetch-Site": "cross-site"})

    assert gateway.ask("/", headers=cookie | BROWSER).status_code == 200


def test_logging_out_without_a_session_is_no_error(gateway: Served) -> None:
    assert gateway.ask("/logout").status_code == 303
    assert gateway.ask("/logout", headers=BEARER).status_code == 303
