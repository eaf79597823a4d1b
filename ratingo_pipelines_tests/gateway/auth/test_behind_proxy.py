"""Cookies, origins and addresses behind a proxy, declared or not."""

import logging
from collections.abc import Callable

import pytest

from ratingo_pipelines_tests.gateway.served import BROWSER, PROCESS, STATUS, Served
from ratingo_pipelines_tests.installation import until

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
