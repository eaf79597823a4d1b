"""GraphQL takes JSON by POST from pages of this site, and nothing else."""

import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, Served
from ratingo_pipelines_tests.installation import until

QUERY = {"query": "{ __typename }"}
MUTATION = "mutation { setNuxSeen }"


def test_a_query_in_json_is_answered(gateway: Served) -> None:
    answer = gateway.ask("/graphql", "POST", json=QUERY, headers=BEARER)

    assert answer.json() == {"data": {"__typename": "Query"}}


def test_a_session_may_query_too(gateway: Served) -> None:
    answer = gateway.ask("/graphql", "POST", json=QUERY, headers=gateway.cookie() | {"Origin": gateway.url})

    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_other_method_than_post_reaches_dagster(gateway: Served, method: str) -> None:
    answer = gateway.ask("/graphql", method, params={"query": MUTATION}, headers=BEARER)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_the_playground_which_would_send_its_own_requests_is_not_served(gateway: Served) -> None:
    assert gateway.ask("/graphql", headers=gateway.cookie() | BROWSER).status_code == 405


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/graphql",
        "Application/JSON",
        "",
    ],
)
def test_what_any_page_may_send_without_asking_is_refused(gateway: Served, content_type: str) -> None:
    body = json.dumps({"query": MUTATION})

    answer = gateway.ask("/graphql", "POST", data=body, headers=BEARER | {"Content-Type": content_type})

    assert answer.status_code == 415


def test_a_query_in_the_url_of_a_post_is_refused(gateway: Served) -> None:
    assert gateway.ask("/graphql", "POST", params={"query": MUTATION}, headers=BEARER).status_code == 415


def test_json_may_be_named_with_its_charset(gateway: Served) -> None:
    headers = BEARER | {"Content-Type": "application/json; charset=utf-8"}

    assert gateway.ask("/graphql", "POST", data=json.dumps(QUERY), headers=headers).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"])
def test_pages_of_other_sites_are_refused_whoever_they_say_they_are(gateway: Served, origin: str) -> None:
    for credentials in (BEARER, gateway.cookie()):
        answer = gateway.ask("/graphql", "POST", json=QUERY, headers=credentials | {"Origin": origin})

        assert answer.status_code == 403
        assert answer.json()["success"] is False


@pytest.mark.parametrize("wrong", ["", "[]", "{", '{"query": 1}', '{"query": "{"}', '[{"query": "{ __typename }"}]'])
def test_what_is_no_request_is_told_so_in_one_line_of_the_log(
    gateway: Served, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = gateway.ask("/graphql", "POST", data=wrong, headers=BEARER | {"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert "Traceback" not in caplog.text


def test_a_body_that_is_too_long_is_not_read(gateway: Served) -> None:
    headers = BEARER | {"Content-Type": "application/json"}

    assert gateway.ask("/graphql", "POST", data=b" " * (11 << 20), headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/download_debug/nothing"),
        ("GET", "/notebook"),
        ("GET", "/notebook?repoLocName=x&path=y.ipynb"),
        ("GET", "/logs/x"),
        ("GET", "/logs/a/b/c/d.e.f"),
        ("POST", "/report_asset_check/x"),
        ("POST", "/report_asset_materialization/"),
        ("POST", "/report_asset_observation/x?metadata=y"),
    ],
)
def test_what_dagster_can_make_nothing_of_is_the_caller_s_fault_in_one_line(
    gateway: Served, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = gateway.ask(path, method, headers=BEARER)

    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text + caplog.text
    assert all("\n" not in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("path", ["/status", "/nonsense", "/runs", "/api.json"])
@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/plain"])
def test_programs_are_told_where_there_is_nothing(gateway: Served, path: str, accept: str) -> None:
    answer = gateway.ask(path, headers=BEARER | {"Accept": accept})

    assert (answer.status_code, answer.json()["success"]) == (404, False)
    assert gateway.ask(path, headers=BEARER | BROWSER).headers["content-type"].startswith("text/html")


def test_files_of_the_ui_are_there_for_everybody_who_may(gateway: Served) -> None:
    assert gateway.ask("/favicon.png", headers=BEARER | {"Accept": "*/*"}).status_code == 200
    assert gateway.ask("/", headers=BEARER).status_code == 200


@pytest.mark.parametrize("frame", ["hello", "[]", b"bytes", '{"type": "start", "id": "1", "payload": {"query": "{"}}'])
def test_a_frame_that_is_no_graphql_ends_the_websocket_in_one_line(
    gateway: Served, frame: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    url = gateway.url.replace("http", "ws") + "/graphql"
    with connect(url, additional_headers=BEARER, subprotocols=[Subprotocol("graphql-ws")]) as socket:
        socket.send(frame)
        with pytest.raises(ConnectionClosed, match="1007"):
            socket.recv(timeout=10)

    until(lambda: "sent no GraphQL" in caplog.text, 10, "it is logged")
    assert "Traceback" not in caplog.text


def test_websockets_are_for_graphql(gateway: Served) -> None:
    with (
        pytest.raises(InvalidStatus) as refusal,
        connect(gateway.url.replace("http", "ws") + "/x", additional_headers=BEARER),
    ):
        pass

    assert refusal.value.response.status_code == 404
