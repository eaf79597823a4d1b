"""Hostile upstreams, briefly: after at most three cycles all that can be had is stored, and nothing got worse.

`make chaos` runs the same with longer lists, both media and real storms, and all the lies, of which here are a few.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ratingo_pipelines.media import MOVIES, SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines_tests.chaos.running import Chaos
from ratingo_pipelines_tests.chaos.scenarios import Scenario, scenarios

pytestmark = pytest.mark.long

LIES = ("lie: no_providers", "lie: foreign_404 (TMDB)", "lie: list_half_of_nulls", "lie: omdb_timeout")
"""One of each kind: of parts, of whole answers, of lists, of OMDb's wordings."""
ALL = scenarios(storm_every=5)
SHORT = [scenario for scenario in ALL if scenario.name in LIES or not scenario.lies]
BACK_ENDS = ("sqlite_url", "postgres_url")


@dataclass(frozen=True)
class _New:
    """Databases that are never copied: each scenario fills its own."""

    new: Callable[[], str]

    def copy(self, url: str) -> str:
        return url


@pytest.mark.parametrize(
    ("number", "scenario"),
    list(enumerate(SHORT)),
    ids=[scenario.name.replace(" ", "-") for scenario in SHORT],
)
def test_after_three_cycles_all_is_right_and_nothing_got_worse(
    number: int, scenario: Scenario, sandbox: RunningSandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    databases = _New(request.getfixturevalue(BACK_ENDS[number % 2]))
    medium = (SHOWS, MOVIES)[number // 2 % 2] if len(scenario.media) > 1 else scenario.media[0]
    chaos = Chaos(sandbox, tmp_path, databases, [medium], known=10 if scenario.lies else 5, listed=14, seed=7)
    outcome = chaos.run(replace(scenario, known=None, listed=None))
    assert outcome.worse == []
    assert outcome.wrong == []
    assert outcome.unlisted == set()
    assert (outcome.stored, outcome.cycles is not None) == (outcome.expected, True), outcome.notes
    assert outcome.ok


def test_the_lies_that_are_told_briefly_are_among_all() -> None:
    assert [scenario.name for scenario in SHORT if scenario.lies] == list(LIES)
