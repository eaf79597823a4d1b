"""The endpoints as their OpenAPI document describes them, asked at random by a caller with the role `trigger`."""

from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ratingo_pipelines.gateway.api.parameters import LONGEST_WAIT
from ratingo_pipelines.gateway.auth.access import OPEN_PATHS
from ratingo_pipelines.gateway.auth.principals import Role
from ratingo_pipelines.gateway.auth.tokens import add_token
from ratingo_pipelines_tests.door.conftest import Measured
from ratingo_pipelines_tests.gateway.whole import Whole
from ratingo_pipelines_tests.installation import until

EXAMPLES = 8
"""Of each operation, right ones and wrong ones."""
UNDER_WAY = "{ runsOrError(filter: {statuses: [QUEUED, STARTING, STARTED]}) { ... on Runs { count } } }"
QUEUED = "{ runsOrError(filter: {statuses: [QUEUED]}) { ... on Runs { results { id } } } }"
CANCEL = "mutation($ids: [String!]!) { terminateRuns(runIds: $ids) { __typename } }"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
"""Those that look at the answer; methods and credentials are tried elsewhere, on every route."""


@pytest.fixture(scope="module")
def trigger(door: Whole) -> dict[str, str]:
    """The header of a token with that role."""
    tokens = Path(door.environment["RATINGO_HOME"]) / "tokens"
    return {"Authorization": f"Bearer {add_token(tokens, 'schema', Role.TRIGGER)}"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_every_answer_is_one_that_the_description_promises(
    door: Whole, trigger: dict[str, str], mode: GenerationMode, measured: Measured
) -> None:
    schema = schemathesis.openapi.from_url(f"{door.url}/api/openapi.json", headers=trigger)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == schema.statistic.operations.total > 10
    asked = 0
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.path in OPEN_PATHS:
            # It takes nothing, so that nothing can be wrong.
            continue

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            if "wait" in names(case) and is_right(case):
                # What a trigger waits for is tested elsewhere.
                case.query = {**case.query, "wait": 0}
            response = case.call(headers=trigger, timeout=30)
            asked += 1
            assert response.status_code < 500, response.text
            # A request made up wrongly may lack the header.
            known = response.request.headers.get("Authorization") == trigger["Authorization"]
            assert known or response.status_code >= 400 or case.path in OPEN_PATHS, response.text
            assert not known or response.status_code not in {401, 403}, response.text
            case.validate_response(response, checks=CHECKS)

        ask()
    measured(f"requests made up from the description, {mode.name.lower()}", str(asked))
    assert "Traceback" not in door.log


def is_right(case: schemathesis.Case) -> bool:
    """Whether it waits for nothing wrong."""
    wait = str(case.query.get("wait", 0))
    return wait.isascii() and wait.isdigit() and int(wait) <= LONGEST_WAIT


def names(case: schemathesis.Case) -> set[str]:
    """The query parameters that an operation takes."""
    return {parameter.name for parameter in case.operation.query}


def test_the_runs_that_this_began_come_to_an_end(door: Whole) -> None:
    queued = [run["id"] for run in door.graphql(QUEUED)["runsOrError"]["results"]]
    door.graphql(CANCEL, ids=queued)
    until(lambda: not door.graphql(UNDER_WAY)["runsOrError"]["count"], 180, "all runs are over")


def test_a_trigger_s_token_opens_neither_the_ui_nor_mutations(door: Whole, trigger: dict[str, str]) -> None:
    assert requests.get(door.url + "/runs", headers=trigger, timeout=30).status_code == 403
    mutation = {"query": "mutation { setNuxSeen }"}
    assert requests.post(door.url + "/graphql", json=mutation, headers=trigger, timeout=30).status_code == 403
    query = {"query": "{ version }"}
    assert requests.post(door.url + "/graphql", json=query, headers=trigger, timeout=30).json()["data"]["version"]
