"""Fresh by change: what a simulated month of titles that left the list costs, by the sandbox's own counters.

The month, and what has to be right in it, is that of the test (`ratingo_pipelines_tests/sync/month.py`).
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.common import folder, settings_of
from benchmarks.figures import Figure, exact
from ratingo_pipelines.sandbox.process import start_sandbox
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines_tests.sync.month import simulate
from ratingo_pipelines_tests.sync.syncing import Clock, pass_time


def run() -> Iterator[Figure]:
    """Thirty days, four cycles each."""
    clock = Clock()
    with start_sandbox() as sandbox, folder() as home, open_sync_context(settings_of(sandbox, home)) as ctx:
        pass_time(sandbox, clock)
        month = simulate(replace(ctx, now=clock), sandbox, clock)
    yield Figure("titles listed, on average", month.listed, "")
    yield Figure("requests that refreshing all of them in each cycle would take", month.refreshing_all, "")
    yield Figure("requests of the daily job, the feed and second answers among them", month.of_job, "")
    yield Figure("of refreshing all", 100 * month.of_job / month.refreshing_all, "%", limit=20)
    yield Figure("requests of the cycles, for the short list alone", month.of_cycles, "")
    yield Figure("the longest that providers were not right", month.providers_wrong_for, "days", limit=3)
    yield exact([text for found in month.late.values() for text in found], "the day after each change")
