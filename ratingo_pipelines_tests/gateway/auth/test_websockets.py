"""Who may open a websocket, how many, and for how long."""

import json
from contextlib import ExitStack

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from ratingo_pipelines.gateway.auth.middleware import MOST_WEBSOCKETS
from ratingo_pipelines_tests.gateway.served import BEARER, Served
from ratingo_pipelines_tests.installation import until

GRAPHQL_WS = Subprotocol("graphql-ws")


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
