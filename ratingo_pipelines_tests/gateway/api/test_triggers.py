"""What a trigger does when Dagster will not have its run, when one is at work already, and when a source is shut."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from starlette.types import Receive, Scope, Send

from ratingo_pipelines.defs.policies import CYCLE_TAG
from ratingo_pipelines.gateway.api.answers import ApiResponse
from ratingo_pipelines.gateway.api.progress import Progress
from ratingo_pipelines.gateway.api.runs import NotLaunched, Runs
from ratingo_pipelines.gateway.api.triggers import Triggers
from ratingo_pipelines.gateway.api.waiting import Deadline
from ratingo_pipelines.gateway.auth.principals import CALLER, Principal, Role
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.storage import cycles
from ratingo_pipelines.storage.cycles import Entry
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.sync.context import utc_now

PROCESS = "/api/sync/trending/process"
REFUSED = {
    "__typename": "RunConfigValidationInvalid",
    "errors": [{"message": "Received unexpected config entry"}],
}


Ask = Callable[[str], tuple[int, dict[str, Any]]]


class Webserver:
    """Answers each launch as it is told to, and counts them; the rest of Dagster is the real instance."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = REFUSED
        self.launches = 0
        self.tags: dict[str, str] = {}
        """Of the last launch."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.launches += 1
        launched = json.loads((await receive())["body"])["variables"]["params"]["executionMetadata"]
        self.tags = {tag["key"]: tag["value"] for tag in launched["tags"]}
        body = json.dumps({"data": {"launchRun": self.answer}}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def webserver() -> Webserver:
    return Webserver()


@pytest.fixture
def cycle_id(database: Database) -> int:
    """A cycle of three titles that wait."""
    entries = [Entry(rank, 100 + rank, rank, None, None, f"Title {rank}", 2026, watchers=10) for rank in (1, 2, 3)]
    with database.writing() as conn:
        return cycles.open_cycle(conn, SHOWS, utc_now(), entries, 10_000, None).id


@pytest.fixture
def ask(
    instance: dg.DagsterInstance, webserver: Webserver, database: Database
) -> Callable[[str], tuple[int, dict[str, Any]]]:
    """Asks the coordinator (`trending`) or the processor (`process`) and waits for nothing."""
    triggers = Triggers(Runs(webserver, instance), Progress(database), timedelta(minutes=15))

    async def is_gone() -> bool:
        return False

    def asked(what: str) -> tuple[int, dict[str, Any]]:
        deadline = Deadline(0, is_gone, lambda: False)
        if what == "process":
            response: ApiResponse = asyncio.run(triggers.process(SHOWS, 2, PROCESS, deadline))
        else:
            response = asyncio.run(triggers.run("shows_trending", "/api/sync/trending", deadline))
        return response.status_code, json.loads(bytes(response.body))

    return asked


@pytest.mark.parametrize("what", ["trending", "process"])
def test_a_run_that_dagster_refuses_is_answered_with_its_reason(
    ask: Callable[[str], tuple[int, dict[str, Any]]], webserver: Webserver, cycle_id: int, what: str
) -> None:
    status, answer = ask(what)

    assert (status, answer) == (
        200,
        {
            "success": False,
            "error": "Dagster did not take the run: RunConfigValidationInvalid: Received unexpected config entry",
        },
    )
    assert webserver.launches == 1


def test_a_call_while_a_run_works_the_cycle_off_joins_it_though_titles_are_free(
    ask: Callable[[str], tuple[int, dict[str, Any]]],
    instance: dg.DagsterInstance,
    webserver: Webserver,
    cycle_id: int,
) -> None:
    working = create_run_for_test(instance, job_name="shows_sync", status=dg.DagsterRunStatus.STARTED)

    status, answer = ask("process")

    assert (status, answer["complete"], answer["runId"]) == (202, False, working.run_id)
    assert answer["statusUrl"] == f"/api/sync/runs/{working.run_id}"
    assert "processed" not in answer
    assert webserver.launches == 0


def test_a_call_while_a_run_of_the_job_is_at_it_joins_it(
    ask: Ask, instance: dg.DagsterInstance, webserver: Webserver
) -> None:
    working = create_run_for_test(instance, job_name="shows_trending", status=dg.DagsterRunStatus.STARTED)

    status, answer = ask("trending")

    assert (status, answer["runId"], answer["statusUrl"]) == (202, working.run_id, f"/api/sync/runs/{working.run_id}")
    assert webserver.launches == 0


@pytest.mark.parametrize(("claimed", "launches"), [([101, 102, 103], 0), ([101, 102], 1)])
def test_a_run_is_launched_only_where_a_title_is_nobodys(
    ask: Callable[[str], tuple[int, dict[str, Any]]],
    database: Database,
    webserver: Webserver,
    cycle_id: int,
    claimed: list[int],
    launches: int,
) -> None:
    now = utc_now()
    with database.writing() as conn:
        cycles.claim(conn, cycle_id, "cli-of-somebody", now + timedelta(minutes=1), now, tmdb_ids=claimed)

    status, answer = ask("process")

    assert webserver.launches == launches
    if not launches:
        assert (status, answer["complete"], answer["statusUrl"]) == (202, False, "/api/sync/trending/status")


def test_a_run_over_chosen_titles_is_not_joined(
    ask: Callable[[str], tuple[int, dict[str, Any]]],
    instance: dg.DagsterInstance,
    webserver: Webserver,
    cycle_id: int,
) -> None:
    chosen = {"ops": {"shows_sync_titles": {"config": {"ids": [1396]}}}}
    create_run_for_test(instance, job_name="shows_sync", status=dg.DagsterRunStatus.STARTED, run_config=chosen)

    ask("process")

    assert webserver.launches == 1


def fail(instance: dg.DagsterInstance, cycle_id: int, **metadata: str) -> str:
    """A run of the cycle that failed with this metadata."""

    @dg.op
    def stops() -> None:
        raise dg.Failure("titles ended early: TMDB refuses the key", metadata=metadata, allow_retries=False)

    @dg.job
    def shows_sync() -> None:
        stops()

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    tags = {CYCLE_TAG: str(cycle_id)}
    return shows_sync.execute_in_process(instance=instance, run_config=quiet, tags=tags, raise_on_error=False).run_id


def test_while_a_source_is_shut_the_processor_launches_nothing_and_says_why(
    ask: Callable[[str], tuple[int, dict[str, Any]]],
    instance: dg.DagsterInstance,
    webserver: Webserver,
    cycle_id: int,
) -> None:
    stopped = fail(instance, cycle_id, **{"stopped by": "access"})

    status, answer = ask("process")

    assert (status, answer["success"], answer["runId"]) == (200, False, stopped)
    assert answer["error"] == "titles ended early: TMDB refuses the key"
    assert webserver.launches == 0


def test_titles_that_failed_stop_no_further_run(
    ask: Callable[[str], tuple[int, dict[str, Any]]],
    instance: dg.DagsterInstance,
    webserver: Webserver,
    cycle_id: int,
) -> None:
    fail(instance, cycle_id, failed="3")

    ask("process")

    assert webserver.launches == 1


def test_one_title_is_fetched_by_one_run_however_often_it_is_asked_for(
    instance: dg.DagsterInstance, webserver: Webserver, database: Database
) -> None:
    triggers = Triggers(Runs(webserver, instance), Progress(database), timedelta(minutes=15))
    config = {"ops": {"shows_fetch_title": {"config": {"tmdb_id": 7}}}}
    at_it = create_run_for_test(
        instance, job_name="shows_title", run_config=config, status=dg.DagsterRunStatus.STARTED
    ).run_id

    async def stays() -> bool:
        return False

    assert asyncio.run(triggers.fetch_title(SHOWS, 7, "/api/sync/shows/{tmdb_id}")) == at_it
    deadline = Deadline(0, stays, lambda: False)
    answer = asyncio.run(triggers.fetch(SHOWS, 7, "/api/sync/shows/{tmdb_id}", deadline))
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/sync/runs/{at_it}")
    assert webserver.launches == 0
    with pytest.raises(NotLaunched, match="Received unexpected config entry"):
        asyncio.run(triggers.fetch_title(SHOWS, 8, "/api/sync/shows/{tmdb_id}"))
    assert webserver.launches == 1


@pytest.mark.parametrize(
    ("caller", "named"),
    [(None, {}), (Principal("token nightly", Role.TRIGGER), {"ratingo/launched_by": "token nightly"})],
    ids=["nobody", "a token"],
)
def test_a_run_names_who_launched_it_and_by_which_endpoint(
    ask: Ask, webserver: Webserver, caller: Principal | None, named: dict[str, str]
) -> None:
    CALLER.set(caller)

    ask("trending")

    by = {"ratingo/origin": "gateway", "ratingo/endpoint": "/api/sync/trending"}
    assert webserver.tags == by | named


@pytest.mark.parametrize(
    ("status", "is_said"),
    [(dg.DagsterRunStatus.CANCELED, True), (dg.DagsterRunStatus.FAILURE, False)],
)
def test_a_run_that_a_person_ended_is_said_to_be_canceled(
    instance: dg.DagsterInstance, webserver: Webserver, status: dg.DagsterRunStatus, is_said: bool
) -> None:
    run_id = create_run_for_test(instance, job_name="shows_sync", status=status).run_id
    runs = Runs(webserver, instance)
    run = asyncio.run(runs.get(run_id))
    assert run is not None

    assert (asyncio.run(runs.why_failed(run)) == "the run was canceled") is is_said
