"""How often the APIs are asked: a cycle of 100 into an empty database, then a second one six hours later.

The floor is one list, one TMDB call a title, and two Trakt calls (ratings, related) or, in the second cycle, one.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from benchmarks.common import folder, settings_of
from benchmarks.figures import Figure, exact
from ratingo_pipelines.media import MEDIA, Medium
from ratingo_pipelines.sandbox.process import RunningSandbox, start_sandbox
from ratingo_pipelines.sync.context import SyncContext, open_sync_context, utc_now
from ratingo_pipelines.sync.titles import sync_pending
from ratingo_pipelines.sync.trending import open_trending_cycle
from ratingo_pipelines_tests.exactness import differences

LIMIT = 100
CYCLE = timedelta(hours=6)


def run() -> Iterator[Figure]:
    """Count by the sandbox's own counters."""
    with start_sandbox() as sandbox, folder() as home:
        for medium in MEDIA:
            with open_sync_context(settings_of(sandbox, home / medium.plural)) as ctx:
                yield from _cycle(sandbox, ctx, medium, "first cycle", related=1, spare=10)
                later = replace(ctx, now=lambda: utc_now() + CYCLE)
                yield from _cycle(sandbox, later, medium, "second cycle", related=0, spare=5)
                yield exact(differences(ctx.database, medium, sandbox.truth(medium, LIMIT)), medium.plural)


def _cycle(
    sandbox: RunningSandbox, ctx: SyncContext, medium: Medium, name: str, *, related: int, spare: int
) -> Iterator[Figure]:
    sandbox.reset()
    open_trending_cycle(ctx, medium, name)
    titles = sync_pending(ctx, medium, name).fetched
    counted = sandbox.counters()
    tmdb, trakt = (counted[api]["requests"] for api in ("tmdb", "trakt"))
    repeated = sum(len(counted[api]["repeated"]) for api in counted)
    a_title = 2 + related
    what = f"{medium}, {name}: "
    yield Figure(
        f"{what}requests for {titles} titles", tmdb + trakt, "", 1 + a_title * titles, a_title * titles + spare
    )
    yield Figure(f"{what}of these to TMDB", tmdb, "", titles, titles + spare)
    yield Figure(f"{what}of these to Trakt", trakt, "", 1 + (1 + related) * titles, (1 + related) * titles + spare)
    yield Figure(f"{what}URLs asked twice", repeated, limit=0)
