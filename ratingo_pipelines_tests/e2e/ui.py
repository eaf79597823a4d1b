"""What people do and see in Dagster's UI, by the GraphQL that it asks its webserver."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg

LOCATION = "ratingo_pipelines"


@dataclass(frozen=True)
class Ui:
    """The UI of the webserver at `url`."""

    url: str

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask the webserver. Raises `OSError` where nobody answers."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 - ours
        with urlopen(request, timeout=60) as response:  # noqa: S310 - as above
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def has_loaded(self) -> bool:
        """Whether the code location is there."""
        query = "{ repositoriesOrError { __typename ... on RepositoryConnection { nodes { name } } } }"
        return bool(self.graphql(query)["repositoriesOrError"].get("nodes"))

    def launch(self, job: str, config: Mapping[str, Any] | None = None) -> str:
        """Start a job from its launchpad; the run's id."""
        selector = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__", "jobName": job}
        answer = self.graphql(
            "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename "
            "... on LaunchRunSuccess { run { runId } } ... on PythonError { message } "
            "... on RunConfigValidationInvalid { errors { message } } } }",
            params={"selector": selector, "runConfigData": json.dumps(config or {}), "mode": "default"},
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def failed_partitions(self, *path: str) -> set[str]:
        """The partitions of an asset that are shown as FAILED."""
        answer = self.graphql(
            "query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { "
            "assetPartitionStatuses { ... on DefaultPartitionStatuses { failedPartitions } } } } }",
            key={"path": list(path)},
        )
        return set(answer["assetNodeOrError"]["assetPartitionStatuses"]["failedPartitions"])

    def backfill(self, assets: Sequence[dg.AssetKey], partitions: Sequence[str], config: Mapping[str, Any]) -> str:
        """Start a backfill; its id."""
        answer = self.graphql(
            "mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) { __typename "
            "... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }",
            params={
                "assetSelection": [{"path": list(asset.path)} for asset in assets],
                "partitionNames": list(partitions),
                "runConfigData": config,
            },
        )["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def ended_backfill(self, backfill_id: str) -> dict[str, Any] | None:
        """What is shown of a backfill that is over; None before that."""
        found: dict[str, Any] = self.graphql(
            "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status "
            "assetBackfillData { assetBackfillStatuses { ... on AssetPartitionsStatusCounts { numPartitionsTargeted "
            "numPartitionsMaterialized numPartitionsFailed numPartitionsInProgress } } } } } }",
            id=backfill_id,
        )["partitionBackfillOrError"]
        return None if found["status"] == "REQUESTED" else found
