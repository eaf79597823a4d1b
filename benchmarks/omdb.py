"""A batch of the OMDb backfill: 100 titles at 100 ms ± 30 of latency. The second call in a row asks nothing.

The floor is requests x latency / concurrency; OMDb's own limit is a quota a day.
"""

from collections.abc import Iterator
from functools import partial
from time import monotonic

from benchmarks.common import LATENCY, LATENCY_SECONDS, MakeUrl, back_ends, folder, medians_in_turn, settings_of
from benchmarks.figures import Figure, exact
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines.sync.omdb import backfill_omdb
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences

LISTED = 150
BATCH = 100


def run() -> Iterator[Figure]:
    """Titles of a cycle, which have their IMDb ids from Trakt and TMDB."""
    with start_sandbox() as sandbox, back_ends() as makers:
        found = medians_in_turn({name: partial(_backfill, sandbox, make) for name, make in makers.items()})
    for name, (seconds, floor, asked, again, wrong) in found.items():
        yield Figure(f"{name}: a batch of {BATCH}, {asked:.0f} requests", seconds, "s", floor, 3)
        yield Figure(f"{name}: requests of the second call in a row", again, limit=0)
        yield exact([f"{wrong} facts"] * int(wrong), name)


def _backfill(sandbox: RunningSandbox, make: MakeUrl) -> tuple[float, ...]:
    sandbox.reset()
    with folder() as home, open_sync_context(settings_of(sandbox, home, make(), TRENDING_LIMIT=str(LISTED))) as ctx:
        open_trending_cycle(ctx, SHOWS, "bench")
        sync_pending(ctx, SHOWS, "bench")
        sandbox.faults(LATENCY)
        began = monotonic()
        report = backfill_omdb(ctx, SHOWS, limit=BATCH)
        seconds, asked = monotonic() - began, report.requests["omdb"]
        # What is left of the titles, and then there is nothing to ask.
        backfill_omdb(ctx, SHOWS)
        again = backfill_omdb(ctx, SHOWS).requests["omdb"]
        wrong = differences(ctx.database, SHOWS, sandbox.truth(SHOWS, LISTED), after_omdb=True)
    floor = asked * LATENCY_SECONDS / ctx.settings.concurrency
    return seconds, floor, float(asked), float(again), float(len(wrong))
