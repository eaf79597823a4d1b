"""The pages for people, with 10,000 shows of 30 snapshots and 600,000 child rows: over HTTP, authentication included.

`/watching` draws 50 titles with their trends and offers, and the state of the sync; a title's page all that is known
of it.
"""

from collections.abc import Iterator
from functools import partial
from time import monotonic

from starlette.types import Receive, Scope, Send

from benchmarks.common import back_ends, medians, opened
from benchmarks.figures import Figure
from benchmarks.filling import FIRST_ID, fill
from ratingo_pipelines.gateway.app import Access, behind_authentication
from ratingo_pipelines.gateway.http_counts import HttpCounts
from ratingo_pipelines.gateway.pages.watching import WatchingPages
from ratingo_pipelines.media import SHOWS, Medium
from ratingo_pipelines.settings import Settings
from ratingo_pipelines_tests.gateway.served import BEARER, BROWSER, Served, secrets, served

TITLES, SNAPSHOTS, CYCLES = 10_000, 30, 20
LIMIT = 100
PATHS = {
    "/watching": "/watching",
    "/watching.json": "/watching.json",
    "/watching/titles/shows/{tmdb_id}": f"/watching/titles/shows/{FIRST_ID + 7}",
    "/watching/calendar": "/watching/calendar",
}


def run() -> Iterator[Figure]:
    """On both back ends."""
    with back_ends() as makers:
        for name, make in makers.items():
            with opened(make()) as database:
                fill(database, SHOWS, TITLES, SNAPSHOTS, CYCLES)
                pages = WatchingPages(database, Settings(_env_file=None), _no_run)
                application = behind_authentication(pages.routes(), _no_dagster, Access(secrets()), HttpCounts())
                with served(application, ()) as site:
                    for what, path in PATHS.items():
                        _ask(site, path)
                        [took] = medians(partial(_ask, site, path))
                        yield Figure(f"{name}: {what}", took, "ms", limit=LIMIT)


def _ask(site: Served, path: str) -> tuple[float]:
    began = monotonic()
    site.ask(path, headers=BEARER | BROWSER).raise_for_status()
    return (1000 * (monotonic() - began),)


async def _no_dagster(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("Dagster was asked")


async def _no_run(medium: Medium, tmdb_id: int, path: str) -> str:
    raise AssertionError("a run was asked for")
