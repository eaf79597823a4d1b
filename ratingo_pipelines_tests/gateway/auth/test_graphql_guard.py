"""GraphQL takes JSON by POST from pages of this site, and nothing else."""

import json

import pytest

from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, Served

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
