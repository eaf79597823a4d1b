"""The clock starts everything: from a schedule's tick to a filled database, and what a daemon missed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from time import sleep

import pytest

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.engine import Database
from ratingo_pipelines.storage.schema import upgrade
from ratingo_pipelines.sync.context import utc_now
from ratingo_pipelines_tests.e2e.stack import Stack
from ratingo_pipelines_tests.exactness import differences

pytestmark = pytest.mark.e2e

MINUTE = timedelta(minutes=1)
TICK = ".dagster/scheduled_execution_time"
EVERY_MINUTE = {"SHOWS_TRENDING_CRON": "* * * * *", "MOVIES_TRENDING_CRON": "off", "TRENDING_LIMIT": 20}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, running_sandbox: RunningSandbox) -> Iterator[Stack]:
    """A stack on SQLite whose list of shows is fetched every minute; without a webserver, which nothing here needs."""
    running_sandbox.reset()
    folder = tmp_path_factory.mktemp("clock")
    url = f"sqlite:///{folder / 'ratingo.db'}"
    upgrade(Database(url))
    found = Stack(folder, running_sandbox, url, EVERY_MINUTE)
    try:
        found.services.start("code_server", "daemon")
        yield found
    finally:
        found.stop()


def test_from_the_schedules_tick_to_a_filled_database(stack: Stack, running_sandbox: RunningSandbox) -> None:
    counts = stack.wait_for_cycle(150)

    # Every run was started by the schedule or a sensor: nobody launched anything here.
    assert {run.tags.get("dagster/schedule_name") for run in stack.runs("shows_trending")} == {
        "shows_trending_schedule"
    }
    assert {run.tags.get("dagster/sensor_name") for run in stack.runs("shows_sync")} == {"shows_cycle"}
    assert counts.done == counts.total > 0
    assert differences(stack.database, SHOWS, running_sandbox.truth(SHOWS, 20)) == []


def test_a_daemon_that_was_down_for_two_ticks_makes_up_for_them_with_one_cycle(stack: Stack) -> None:
    stack.wait_for_cycle(150)
    stack.rest()
    stack.services.kill("daemon")
    down_since = utc_now()
    missed = [next_minute(down_since), next_minute(down_since) + MINUTE]

    sleep((missed[-1] - utc_now()).total_seconds() + 2)
    cycles_before = stack.cycles()
    stack.services.start("daemon")
    stack.until(lambda: ticks_since(stack, down_since), 90, "the schedule ticks")
    stack.until(lambda: stack.cycles() > cycles_before, 90, "a cycle is opened")

    # The first tick that was missed is not made up for; the second is, by one run.
    ticks = [tick for tick in ticks_since(stack, down_since) if tick <= missed[-1]]
    assert ticks == [missed[-1]]
    made_up = [run for run in stack.runs("shows_trending") if run.tags[TICK] in {iso(moment) for moment in missed}]
    assert len(made_up) == 1


def next_minute(moment: datetime) -> datetime:
    """The schedule's next tick."""
    return moment.replace(second=0, microsecond=0) + MINUTE


def iso(moment: datetime) -> str:
    """As the tags of runs say it."""
    return moment.isoformat()


def ticks_since(stack: Stack, moment: datetime) -> list[datetime]:
    """The schedule's ticks since then, by the time they are for."""
    states = stack.instance.all_instigator_state()
    [state] = [state for state in states if state.instigator_name == "shows_trending_schedule"]
    ticks = stack.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    times = [datetime.fromtimestamp(tick.timestamp, moment.tzinfo) for tick in ticks]
    return sorted(time for time in times if time > moment)
