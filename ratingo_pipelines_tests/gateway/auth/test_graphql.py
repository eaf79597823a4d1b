"""GraphQL requests as they are read before Dagster reads them."""

import json

import pytest

from ratingo_pipelines.gateway.auth.graphql import NoGraphql, read_message, read_request

QUERY = "{ __typename }"


def body(**content: object) -> bytes:
    """A request's body."""
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("query", "mutations"),
    [
        (QUERY, ()),
        ("query A { a } query B { b }", ()),
        ("subscription { x }", ()),
        ("mutation { setNuxSeen }", ("setNuxSeen",)),
        ("mutation M { a: launchRun { x } terminateRun { y } }", ("launchRun", "terminateRun")),
        ("query A { a } mutation B { b }", ("b",)),
        ("mutation { ...F } fragment F on Mutation { launchRun { x } }", ("a fragment",)),
        ("mutation { ... on Mutation { launchRun { x } } }", ("a fragment",)),
        ("\ufeff mutation # query\n { a }", ("a",)),
        ("{ mutation }", ()),
        ('{ a(x: "mutation { b }") }', ()),
    ],
)
def test_a_mutation_is_known_however_it_is_written(query: str, mutations: tuple[str, ...]) -> None:
    request = read_request(body(query=query, operationName="A"))

    assert request.mutations == mutations
    assert request.changes_something is bool(mutations)


@pytest.mark.parametrize("variables", [None, {}, {"a": 1}, '{"a": 1}'])
def test_variables_are_an_object_or_none(variables: object) -> None:
    assert read_request(body(query=QUERY, variables=variables)).mutations == ()


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"1",
        b'"query"',
        b"null",
        b"[" * 100_000,
        body(),
        body(query=None),
        body(query=1),
        body(query=""),
        body(query=" "),
        body(query="{"),
        body(query="mutation"),
        body(query="{a" * 5000 + "}" * 5000),
        body(query="{" + "a " * 30_000 + "}"),
        body(query=QUERY, variables=[]),
        body(query=QUERY, variables="["),
        body(query=QUERY, variables="[]"),
        body(query=QUERY, operationName=1),
    ],
    ids=lambda each: each[:40].decode("latin-1"),
)
def test_what_is_no_request_is_told_so(wrong: bytes) -> None:
    with pytest.raises(NoGraphql):
        read_request(wrong)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "connection_init"},
        {"type": "connection_init", "payload": {}},
        {"type": "stop", "id": "1"},
        {"type": "start", "id": "1", "payload": {"query": "subscription { x }"}},
        {"type": "start", "id": 1, "payload": {"query": "subscription { x }", "variables": {}}},
        {"type": "anything new"},
    ],
)
def test_messages_of_the_protocol_are_passed_on(message: dict[str, object]) -> None:
    read_message({"text": json.dumps(message)})


@pytest.mark.parametrize(
    "message",
    [
        {"bytes": b"{}"},
        {"text": ""},
        {"text": "hello"},
        {"text": "[]"},
        {"text": '{"type": "start"}'},
        {"text": '{"type": "start", "id": "1", "payload": []}'},
        {"text": '{"type": "start", "id": [], "payload": {"query": "subscription { x }"}}'},
        {"text": '{"type": "start", "id": "1", "payload": {}}'},
        {"text": '{"type": "start", "id": "1", "payload": {"query": "subscription { x }", "variables": []}}'},
        {"text": '{"type": "start", "id": "1", "payload": {"query": "mutation { setNuxSeen }"}}'},
    ],
)
def test_other_messages_are_refused(message: dict[str, object]) -> None:
    with pytest.raises(NoGraphql):
        read_message(message)
