"""All of `ratingo serve` killed at once amid a run, then started again: nothing stands still, no title is lost."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ratingo_pipelines.gateway.processes.lost_runs import REASON
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines_tests.e2e.installations import (
    AT_WORK,
    LISTED,
    amid_a_run,
    cut_the_power,
    embedded,
    production,
    site_database,
    tasks,
    under_way,
    wait_for_cycle,
)
from ratingo_pipelines_tests.exactness import differences
from ratingo_pipelines_tests.gateway.whole import Whole
from ratingo_pipelines_tests.installation import until

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["embedded", "production"])
def env(request: pytest.FixtureRequest, tmp_path: Path, sandbox: RunningSandbox) -> dict[str, str]:
    """An installation whose database is there."""
    if request.param == "embedded":
        return embedded(tmp_path, sandbox, AT_WORK)
    return production(tmp_path, sandbox, AT_WORK, request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(env: dict[str, str]) -> Iterator[Database]:
    """The site's."""
    with site_database(env) as found:
        yield found


def test_the_runs_are_ended_at_the_start_and_every_title_is_stored(
    env: dict[str, str], database: Database, sandbox: RunningSandbox, new_whole: Callable[..., Whole]
) -> None:
    whole = new_whole(env)
    killed = amid_a_run(whole, sandbox)
    cycle = whole.get("/api/sync/trending/status").json()["job"]["id"]

    cut_the_power(whole)
    sandbox.faults()
    whole = new_whole(env)
    ended = whole.run(killed)
    wait_for_cycle(whole)

    # Not after the 15 minutes of Dagster's own monitoring: before anything else.
    assert (ended["complete"], ended["status"], ended["error"]) == (True, "FAILURE", REASON)
    assert whole.get("/api/sync/trending/status").json()["job"]["id"] == cycle
    assert tasks(whole)["error"] == 0
    assert differences(database, SHOWS, sandbox.truth(SHOWS, LISTED)) == []
    until(lambda: not under_way(whole), 60, "the run of the rest is over")
