"""Hostile upstreams, briefly: after at most three cycles all that can be had is stored, and nothing got worse.

`make chaos` runs the same with longer lists, both media and real storms.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.chaos.running import Chaos
from ratingo_pipelines_tests.chaos.scenarios import Scenario, scenarios

SHORT = scenarios(storm_every=5)
BACK_ENDS = ("sqlite_url", "postgres_url")


@pytest.mark.parametrize(
    ("number", "scenario"), list(enumerate(SHORT)), ids=[scenario.name.replace(" ", "-") for scenario in SHORT]
)
def test_after_three_cycles_all_is_right_and_nothing_got_worse(
    number: int, scenario: Scenario, sandbox: RunningSandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    new_database: Callable[[], str] = request.getfixturevalue(BACK_ENDS[number % 2])
    medium = (SHOWS, MOVIES)[number // 2 % 2]
    outcome = Chaos(sandbox, tmp_path, new_database, [medium], known=5, listed=14, seed=7).run(scenario)
    assert outcome.worse == []
    assert outcome.wrong == []
    assert outcome.unlisted == set()
    assert (outcome.stored, outcome.cycles is not None) == (outcome.expected, True), outcome.notes
    assert outcome.ok
