"""Keeping up: meta backfill of 5,000 titles at zero latency, limits raised, the sandbox on the same cores (one run).

TMDB lets 40 titles a second through; this program must not be the bottleneck. The ceiling is that limit.
"""

from collections.abc import Iterator
from time import monotonic, process_time

from psutil import Process

from benchmarks.common import MakeUrl, add_stubs, back_ends, folder, settings_of
from benchmarks.figures import Figure, exact
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines_tests.exactness import differences

TITLES = 5_000
SIZE = 6_000
OF_TRENDING = (
    *("rating_trakt", "rating_trakt_avg", "rating_trakt_votes", "watchers_delta", "delta_3m", "trending_score"),
    *("trending_updated_at", "primary_rating", "rating_imdb", "imdb_votes", "rating_metacritic"),
    *("ratings", "rating_buckets", "snapshots", "related", "imdb_id", "title"),
)
"""What a backfill of metadata does not write: TMDB does not say it, or is not asked (a title keeps its name)."""


def run() -> Iterator[Figure]:
    """Both back ends, one after the other: each run is long enough to be its own median."""
    with start_sandbox(size=SIZE) as sandbox, back_ends() as makers:
        for name, make in makers.items():
            yield from _backfill(sandbox, name, make)


def _backfill(sandbox: RunningSandbox, name: str, make: MakeUrl) -> Iterator[Figure]:
    truth = [entry for entry in sandbox.truth(SHOWS) if entry["skip"] is None][:TITLES]
    server = Process(sandbox.process.pid)
    with folder() as home, open_sync_context(settings_of(sandbox, home, make())) as ctx:
        with ctx.database.writing() as conn:
            add_stubs(conn, SHOWS, [entry["tmdb"] for entry in truth])
        before, began, cpu = sum(server.cpu_times()[:2]), monotonic(), process_time()
        report = backfill_meta(ctx, SHOWS, "bench")
        seconds, cpu, served = monotonic() - began, process_time() - cpu, sum(server.cpu_times()[:2]) - before
        rate = report.succeeded / seconds
        yield Figure(f"{name}: titles a second over {report.succeeded:,}", rate, "/s", None, 40, at_least=True)
        yield Figure(f"{name}: processor time of this program a title", 1000 * cpu / report.succeeded, "ms")
        yield Figure(f"{name}: processor time of the sandbox a title", 1000 * served / report.succeeded, "ms")
        found = differences(ctx.database, SHOWS, truth, ignoring=OF_TRENDING)
        yield exact(found, name)
