"""Reads GraphQL requests before Dagster does: what they are, and whether they are any. Pure.

What Dagster makes of what it does not expect is a traceback: a list for an object, a number for a query, variables that
are a list (`dagster_webserver/graphql.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from graphql.language import FieldNode

MOST_TOKENS = 20_000
"""Words of a query; the UI's longest has a tenth of it."""
START = "start"
"""The message of the protocol graphql-ws that begins a subscription (dagster_webserver/graphql.py, GraphQLWS)."""


class NoGraphql(Exception):
    """Not a GraphQL request; one line that says why."""


@dataclass(frozen=True)
class GraphqlRequest:
    """What a request asks for: the fields of its mutations, none if it only reads."""

    mutations: tuple[str, ...] = ()

    @property
    def changes_something(self) -> bool:
        """Whether it is a mutation, or might be."""
        return bool(self.mutations)


def read_request(body: bytes) -> GraphqlRequest:
    """Read the body of a POST. Raises NoGraphql."""
    return _read(_json(body))


def read_message(message: Mapping[str, Any]) -> None:
    """Look a websocket's message over (ASGI `websocket.receive`). Raises NoGraphql; what changes something is none."""
    text = message.get("text")
    if text is None:
        raise NoGraphql("messages must be text")
    content = _json(text.encode("utf-8", "surrogatepass"))
    if content.get("type") != START:
        return
    if not isinstance(content.get("id"), str | int) or not isinstance(content.get("payload"), dict):
        raise NoGraphql("a subscription starts with an id and a payload")
    if _read(content["payload"]).changes_something:
        raise NoGraphql("mutations are asked by POST")


def _json(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise NoGraphql("the body must be JSON") from None
    if not isinstance(content, dict):
        raise NoGraphql("the body must be one JSON object with a `query`")
    return content


def _read(content: dict[str, Any]) -> GraphqlRequest:
    query, variables, name = content.get("query"), content.get("variables"), content.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise NoGraphql("`query` must be a text")
    if isinstance(variables, str):
        variables = _variables(variables)
    if variables is not None and not isinstance(variables, dict):
        raise NoGraphql("`variables` must be an object")
    if name is not None and not isinstance(name, str):
        raise NoGraphql("`operationName` must be a text")
    try:
        document = parse(query, no_location=True, max_tokens=MOST_TOKENS)
    except GraphQLError as error:
        raise NoGraphql(error.message) from None
    except RecursionError:
        raise NoGraphql("the query is nested too deeply") from None
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    # Whichever of several is meant: one that changes something makes all of it one.
    fields = tuple(
        field.name.value if isinstance(field, FieldNode) else "a fragment"
        for operation in operations
        if operation.operation is OperationType.MUTATION
        for field in operation.selection_set.selections
    )
    return GraphqlRequest(fields)


def _variables(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoGraphql("`variables` must be an object") from None
