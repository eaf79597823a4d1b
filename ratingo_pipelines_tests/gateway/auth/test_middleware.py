"""What an `Authorization` opens, and what a stranger is told, over real HTTP."""

import logging
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection

import pytest

from ratingo_pipelines.sources.scrub import register_secrets
from ratingo_pipelines_tests.gateway.served import BEARER, PASSWORD, PREVIOUS, SECRET, STATUS, Served


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
