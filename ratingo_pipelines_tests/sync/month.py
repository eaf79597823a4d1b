"""A month of a list that moved on, simulated: four cycles a day, the daily job, and what of the truth is not stored.

For a test and a benchmark alike; it asserts nothing. The world moves on once a day: episodes air, videos come, offers
come and go. Only time is simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ratingo_pipelines.media import SHOWS
from ratingo_pipelines.sandbox.process import RunningSandbox
from ratingo_pipelines.storage.pipeline_tables import doubts
from ratingo_pipelines.storage.tables import tables_of
from ratingo_pipelines.storage.titles import listed_tmdb_ids
from ratingo_pipelines.sync.changes import refresh_changed
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.meta import backfill_meta
from ratingo_pipelines_tests.exactness import compare
from ratingo_pipelines_tests.sync.syncing import RUN, Clock, limited, run_cycle

DAYS, CYCLES_A_DAY = 30, 4
LONG, SHORT = 80, 8
"""How long the first list is, and those that follow: what only the first one named has left the list."""
NAMED_BY_FEED = frozenset({"next_episode_season", "next_episode_number", "next_episode_air_date", "videos"})
PROVIDERS = "watch_providers"
REQUESTS_OF_A_TITLE = 2
"""Details and ratings, each time a cycle refreshes a title."""


@dataclass(frozen=True)
class Month:
    """What was not right, and what it cost."""

    late: Mapping[int, list[str]]
    """By day, what the feed names and is not stored after the day's job; what awaits a second answer aside."""
    providers_wrong_for: int
    """The longest that a listed title's providers were not right, in days; those in doubt aside."""
    listed: int
    """Titles that the site lists, the mean of the days: what left the list long ago is taken off it."""
    of_job: int
    """Requests of the daily jobs, the feed's and those for second answers among them."""
    of_cycles: int
    """Requests of the cycles, which the list's titles get in any case."""
    refreshing_all: int
    """Requests that all listed titles in each of the cycles would take."""


def simulate(ctx: SyncContext, sandbox: RunningSandbox, clock: Clock) -> Month:
    """Let a month pass, on a database that is empty."""
    run_cycle(limited(ctx, LONG))
    late: dict[int, list[str]] = {}
    wrong_for: dict[int, int] = {}
    of_job = of_cycles = refreshing_all = longest = listed_days = 0
    for day in range(DAYS):
        before = _requests(sandbox)
        for cycle in range(CYCLES_A_DAY):
            clock.turn(hours=24 / CYCLES_A_DAY)
            if not cycle:
                _move_on(sandbox, clock)
            run_cycle(limited(ctx, SHORT))
            of_cycles += _requests(sandbox) - before
            before = _requests(sandbox)
            if in_doubt := _in_doubt(ctx):
                # Second answers are the meta backfill's, which asks about doubts first, and about stubs after them.
                backfill_meta(ctx, SHOWS, RUN, limit=len(in_doubt))
            of_job += _requests(sandbox) - before
            before = _requests(sandbox)
        sandbox.control("epoch", {"now": clock().isoformat()})
        refresh_changed(ctx, SHOWS, RUN)
        of_job += _requests(sandbox) - before
        sandbox.control("epoch", {"now": None})
        listed, wrong = _wrong(ctx, sandbox)
        in_doubt = _in_doubt(ctx)
        listed_days += len(listed)
        refreshing_all += len(listed) * CYCLES_A_DAY * REQUESTS_OF_A_TITLE
        if found := [text for part, i, text in wrong if part in NAMED_BY_FEED and i not in in_doubt]:
            late[day] = found
        offers = {tmdb_id for part, tmdb_id, _ in wrong if part == PROVIDERS} - in_doubt
        wrong_for = {tmdb_id: wrong_for.get(tmdb_id, 0) + 1 for tmdb_id in offers}
        longest = max([longest, *wrong_for.values()])
    return Month(late, longest, listed_days // DAYS, of_job, of_cycles, refreshing_all)


def _move_on(sandbox: RunningSandbox, clock: Clock) -> None:
    """The next epoch, dated by the clock that is turned; then the upstreams' clocks are the machine's again."""
    sandbox.control("epoch", {"now": clock().isoformat()})
    sandbox.control("epoch", {"advance": 1, "today": clock.day.isoformat()})
    sandbox.control("epoch", {"now": None})


def _requests(sandbox: RunningSandbox) -> int:
    return sum(sandbox.counters()[api]["requests"] for api in ("tmdb", "trakt"))


def _wrong(ctx: SyncContext, sandbox: RunningSandbox) -> tuple[list[int], list[tuple[str, int, str]]]:
    """The listed titles, and what of them is not as the world is now: part, title, words."""
    with ctx.database.reading() as conn:
        listed = sorted(listed_tmdb_ids(conn, tables_of(SHOWS)))
    truth = [_truth(sandbox, tmdb_id) for tmdb_id in listed]
    return listed, [(one.part, one.place[0], str(one)) for one in compare(ctx.database, SHOWS, truth)]


def _truth(sandbox: RunningSandbox, tmdb_id: int) -> Mapping[str, Any]:
    """As an entry of the list's truth; of who is watching the title's own says nothing."""
    told = sandbox.control(f"truth/shows/{tmdb_id}")
    return {"tmdb": tmdb_id, "skip": None, "watchers": 0, "facts": told["facts"] | {"row": told["row"]}}


def _in_doubt(ctx: SyncContext) -> set[int]:
    with ctx.database.reading() as conn:
        return set(conn.execute(select(doubts.c.tmdb_id).where(doubts.c.medium == SHOWS.plural)).scalars())
