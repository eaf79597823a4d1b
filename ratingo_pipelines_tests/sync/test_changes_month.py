"""A simulated month: every listed title is right, the day after each change, at a fraction of the requests."""

import pytest

from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines_tests.sync.month import SHORT, simulate
from ratingo_pipelines_tests.sync.syncing import Clock


@pytest.mark.long
def test_a_month_leaves_every_listed_title_right_at_a_fifth_of_the_requests(
    ctx: SyncContext, sandbox: RunningSandbox, clock: Clock
) -> None:
    month = simulate(ctx, sandbox, clock)
    assert month.late == {}
    assert month.providers_wrong_for <= 3
    assert month.listed > 5 * SHORT
    assert 0 < 5 * month.of_job <= month.refreshing_all
