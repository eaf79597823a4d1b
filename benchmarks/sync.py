"""The command line at 100 ms ± 30 of latency and the APIs' real limits: TMDB 40/s, Trakt 500 in 300 s and 20/s.

The floor is the largest of requests / limit and requests x latency / concurrency: Trakt's 20/s decides. Further down,
what the limiter itself costs, and how busy it is kept when 1,000 titles are due.
"""

import json
from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Any

from benchmarks.common import (
    BIN,
    LATENCY,
    LATENCY_SECONDS,
    REAL_LIMITS,
    TRAKT_BURST,
    MakeUrl,
    add_stubs,
    back_ends,
    environment_of,
    folder,
    medians,
    medians_in_turn,
    opened,
    settings_of,
)
from benchmarks.common import (
    run as run_process,
)
from benchmarks.figures import Figure, exact
from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.settings import RateLimit, Settings
from ratingo_pipelines.sources.http.limits import SystemClock, open_rate_limiter
from ratingo_pipelines.sync.context import open_sync_context
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines.sync.report import Follower
from ratingo_pipelines_tests.exactness import differences

LIMIT = 100
DUE = 1_000
TMDB_A_SECOND = 40
ACQUIRED = 2_000


def run() -> Iterator[Figure]:
    """Whole processes first, then the limiter."""
    with back_ends() as makers, start_sandbox() as sandbox:
        found = medians_in_turn({name: partial(_sync, sandbox, make) for name, make in makers.items()})
        for name, (whole, start, trending, titles, floor, wrong) in found.items():
            yield Figure(f"{name}: whole process", whole, "s", floor, 1.5 * floor)
            yield Figure(f"{name}: of this, the process's start and end", start, "s")
            yield Figure(f"{name}: of this, the trending list and six monthly ones", trending, "s")
            yield Figure(f"{name}: of this, the titles", titles, "s")
            yield exact([f"{wrong} facts"] * int(wrong), name)
    yield from _limiter()
    with start_sandbox(size=1_400) as sandbox:
        yield from _busy(sandbox)


def _sync(sandbox: RunningSandbox, make: MakeUrl) -> tuple[float, ...]:
    url = make()
    with folder() as home:
        sandbox.reset()
        sandbox.faults(LATENCY)
        environment = environment_of(sandbox, home, url, **REAL_LIMITS)
        ended = run_process([str(BIN / "ratingo"), "sync", "shows", "--limit", str(LIMIT), "--json"], environment, home)
    report = json.loads(ended.said)
    trending, titles = report["trending"]["seconds"], report["titles"]["seconds"]
    with opened(url) as database:
        wrong = differences(database, SHOWS, sandbox.truth(SHOWS, LIMIT))
    start = ended.seconds - trending - titles
    return ended.seconds, start, trending, titles, floor_of(sandbox.counters()), float(len(wrong))


def floor_of(counted: dict[str, Any]) -> float:
    """Seconds that the requests of a run take at best, with real limits and latency."""
    tmdb, trakt = counted["tmdb"]["requests"], counted["trakt"]["requests"]
    concurrency = Settings.model_fields["concurrency"].default
    return float(max(tmdb / TMDB_A_SECOND, trakt / TRAKT_BURST, (tmdb + trakt) * LATENCY_SECONDS / concurrency))


def _limiter() -> Iterator[Figure]:
    """Huge limits, so that nothing waits: what is left is the cost."""
    with folder() as home:
        limiter = open_rate_limiter((RateLimit(10**6, 1), RateLimit(10**7, 300)), home, "cost", SystemClock())

        def acquire() -> tuple[float]:
            began = monotonic()
            for _ in range(ACQUIRED):
                grant = limiter.acquire()
                grant.sending()
                grant.answered()
            return ((monotonic() - began) / ACQUIRED * 1000,)

        [cost] = medians(acquire)
        limiter.close()
    yield Figure("the limiter's cost a request, shared between processes through its file", cost, "ms", limit=1)


def _busy(sandbox: RunningSandbox) -> Iterator[Figure]:
    due = [entry["tmdb"] for entry in sandbox.truth(SHOWS) if entry["skip"] is None][:DUE]
    sandbox.faults(LATENCY)
    with folder() as home, open_sync_context(settings_of(sandbox, home, **REAL_LIMITS)) as ctx:
        with ctx.database.writing() as conn:
            add_stubs(conn, SHOWS, due)
        began = monotonic()
        ended: list[float] = []
        asked = backfill_meta(
            ctx, SHOWS, "bench", follower=Follower(on_outcome=lambda _: ended.append(monotonic()))
        ).requests["tmdb"]
        seconds = monotonic() - began
    # The first second's grants come at once.
    floor = asked / TMDB_A_SECOND - 1
    yield Figure(f"{len(due)} titles due, one call a title at 40/s (one run)", seconds, "s", floor)
    # From when the first second's allowance is used up: until then nothing holds the requests back, and how fast they
    # go, from a standing start, is not the limiter's.
    busy = (len(ended) / TMDB_A_SECOND - 1) / (ended[-1] - ended[TMDB_A_SECOND - 1])
    yield Figure("the limiter was kept busy for", 100 * busy, "%", limit=95, at_least=True)
