"""Spends OMDb's requests of a UTC day: counted in the database before they are sent, across threads and processes.

They are taken a handful at a time, or every call would cost a write of its own. What the count is wrong by at the end
(answers that came from the cache, requests that were repeated) is put right then, and at midnight: a call is booked on
the day it was made. Where more is due than a day allows, the media share the day by what is due.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from math import ceil
from threading import Lock

from ratingo_pipelines.sources.omdb import OmdbClient
from ratingo_pipelines.storage import quota
from ratingo_pipelines.storage.engine import retried_transaction
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.report import BatchStopped, StopReason
from ratingo_pipelines.text import counted

API = "omdb"
HANDFUL = 20
RESERVED_FOR_CYCLES = 5
"""One part in so many of a day's requests is left to titles of the latest cycle, however many others wait."""


def reserved(limit: int) -> int:
    """How many of a day's requests are left to titles of the latest cycle."""
    return limit // RESERVED_FOR_CYCLES


def fair_share(limit: int, load: int, others_load: int, asked_today: int) -> int | None:
    """How many titles of a medium may still be asked about today, so that those of the others wait no longer.

    A load is what was to be asked today: titles due now and titles asked about since midnight. The day is shared in
    proportion, but for the requests left to the latest cycle, which are beside it. None: there is enough for all.
    """
    shared = limit - reserved(limit)
    if load + others_load <= shared:
        return None
    return max(ceil(shared * load / (load + others_load)) - asked_today, 0)


class DailyQuota:
    """The day's requests, for all threads of one batch: of so many titles of the latest cycle, and so many others."""

    def __init__(self, ctx: SyncContext, omdb: OmdbClient, in_cycle: int, others: int) -> None:
        self._ctx = ctx
        self._omdb = omdb
        self._sent_before = omdb.api.requests
        self._day = ctx.now().date()
        self._limit = ctx.settings.omdb_daily_limit
        self._lock = Lock()
        self._reserve = reserved(self._limit)
        self._wanted = {0: in_cycle, self._reserve: others} if self._reserve else {0: in_cycle + others}
        self._left: Counter[int] = Counter()
        self._taken = 0
        self._exhausted = ""
        """What OMDb said when no request was left, if it did."""

    def spend(self, *, in_cycle: bool) -> None:
        """Use one request; raise `BatchStopped` when there is none left for such a title."""
        reserve = 0 if in_cycle else self._reserve
        with self._lock:
            if self._ctx.now().date() != self._day:
                self._turn_day()
            if not self._left[reserve]:
                self._take(reserve)
            self._left[reserve] -= 1

    def _turn_day(self) -> None:
        """Book what was sent so far on the day that is over, and begin the new one with nothing taken."""
        self.settle()
        for reserve, left in self._left.items():
            self._wanted[reserve] += left
        self._left.clear()
        self._day = self._ctx.now().date()
        self._sent_before += self._sent
        self._taken, self._exhausted = 0, ""

    @property
    def _sent(self) -> int:
        return self._omdb.api.requests - self._sent_before

    @retried_transaction
    def exhaust(self, said: str) -> None:
        """OMDb says that no request is left, whatever was counted here; so it is told to whoever wants one."""
        with self._lock, self._ctx.database.writing() as conn:
            self._exhausted = said
            self._left.clear()
            quota.exhaust(conn, API, self._day.isoformat(), self._limit)

    @retried_transaction
    def settle(self) -> None:
        """Put the count right: what was sent is what is spent."""
        difference = self._sent - self._taken
        if difference and not self._exhausted:
            with self._ctx.database.writing() as conn:
                quota.correct(conn, API, self._day.isoformat(), difference)

    @retried_transaction
    def _take(self, reserve: int) -> None:
        with self._ctx.database.writing() as conn:
            granted = 0
            if not self._exhausted:
                wanted = min(HANDFUL, self._wanted[reserve])
                granted = quota.take(conn, API, self._day.isoformat(), self._limit, wanted, reserve)
        if not granted:
            raise BatchStopped(self._exhausted or self._spent(reserve), StopReason.QUOTA)
        self._wanted[reserve] -= granted
        self._left[reserve] += granted
        self._taken += granted

    def _spent(self, reserve: int) -> str:
        kept = f", but for the {reserve} left to titles of the latest cycle" if reserve else ""
        midnight = datetime.combine(self._day + timedelta(days=1), time(), UTC)
        used = counted(self._limit, "request of this UTC day is", "requests of this UTC day are")
        return f"OMDb's {used} used up (OMDB_DAILY_LIMIT){kept}; the rest is asked after {midnight:%Y-%m-%d %H:%M} UTC"


@contextmanager
def daily_quota(ctx: SyncContext, omdb: OmdbClient, in_cycle: int, others: int) -> Iterator[DailyQuota]:
    """The day's requests for the batch that the block works off: so many titles of the latest cycle, so many others."""
    spent = DailyQuota(ctx, omdb, in_cycle, others)
    try:
        yield spent
    finally:
        spent.settle()
