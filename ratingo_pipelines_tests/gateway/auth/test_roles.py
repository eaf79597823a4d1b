"""What a named token may do, by its role, and for how long."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.auth.tokens import add_token, remove_token
from ratingo_pipelines_tests.gateway.served import BROWSER, PROCESS, STATUS, Served

REFUSED = {"read": {"trigger", "admin"}, "trigger": {"admin"}, "admin": set()}


MAY = [
    ("read", "GET", STATUS),
    ("read", "GET", "/readyz"),
    ("read", "GET", "/metrics"),
    ("read", "GET", "/changes"),
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
