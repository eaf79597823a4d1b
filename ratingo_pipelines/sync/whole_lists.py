"""Gets a trending list that is whole, of whoever gives it: asks, judges, asks once more. Nothing is remembered here.

Whether a list is whole is decided in `trust.lists`; whose list is taken, and what becomes of it, is `trending`'s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from ratingo_pipelines.media import Medium
from ratingo_pipelines.sources.errors import SourceError
from ratingo_pipelines.storage import attempts, cycles
from ratingo_pipelines.storage.attempts import AttemptOutcome
from ratingo_pipelines.storage.cycles import Cycle, Entry
from ratingo_pipelines.sync.asking import NotBelieved
from ratingo_pipelines.sync.clock import wrong_clock
from ratingo_pipelines.sync.context import SyncContext
from ratingo_pipelines.sync.trust.lists import ListFault, ListReading, ListVerdict, is_believed, judge_trending
from ratingo_pipelines.text import counted

WITHOUT_WATCHERS = "no watchers"
WITHOUT_POPULARITY = "no popularity"
Line = TypeVar("Line")


class NoCycle(NotBelieved):
    """The source answered, and no cycle was opened all the same. An unfinished one goes on."""

    def __init__(self, api: str, message: str, outcome: AttemptOutcome = AttemptOutcome.NOT_WHOLE) -> None:
        super().__init__(api, message, outcome)


@dataclass(frozen=True)
class ListGiver(Generic[Line]):
    """Somebody who gives trending lists."""

    api: str
    source: str
    """As cycles name it."""
    attempts: str
    """As what attempts at its list are kept, which tell how often it was short."""
    ask: Callable[[bool], list[Line]]
    """Given whether the cache is passed by."""
    read: Callable[[Sequence[Line]], ListReading]


@dataclass(frozen=True)
class WholeList:
    """A list that is believed: a place for each of its entries, what can be told to be ineligible skipped."""

    source: str
    places: Sequence[Entry]
    max_watchers: int
    max_popularity: float | None = None
    """The largest of TMDB's list, which does not tell watchers."""
    said: str | None = None
    """What is to be said of one that is believed though it is short."""
    instead_of: SourceError | None = None
    """Why it is not Trakt's."""


def ask_until_whole(ctx: SyncContext, medium: Medium, giver: ListGiver[Line]) -> tuple[list[Line], str | None]:
    """The list, and what is to be said of one that is believed though it is short.

    A list that is not whole is asked for once more; raises `NoCycle` if it stays so, another `SourceError` where it
    does not come.
    """
    listed = giver.ask(False)
    if wrong := wrong_clock(ctx):
        said = f"{wrong}; no cycle was opened, and one that is unfinished goes on"
        raise NoCycle(giver.api, said, AttemptOutcome.CLOCK)
    with ctx.database.reading() as conn:
        cycle = cycles.latest_cycle_of(conn, medium, giver.source)
        last = reading_of(conn, cycle) if cycle else None
        failed = attempts.since_well(conn, medium, giver.attempts)
    if judge_trending(giver.read(listed), last) is None:
        return listed, None
    listed = giver.ask(True)
    verdict = judge_trending(giver.read(listed), last)
    if verdict is None:
        return listed, None
    short = [attempt.asked_at for attempt in failed if attempt.outcome == AttemptOutcome.SHORT]
    if is_believed(verdict, short, ctx.now()):
        times = counted(len(short) + 1, "time")
        return listed, f"the trending list of {medium} {verdict.said}; told so {times}, it is believed"
    is_short = verdict.fault is ListFault.SHORT
    outcome = AttemptOutcome.SHORT if is_short else AttemptOutcome.NOT_WHOLE
    raise NoCycle(giver.api, _refusal(ctx, medium, verdict), outcome)


def reading_of(conn: Connection, cycle: Cycle) -> ListReading:
    """What the list of a cycle came to; where it does not tell watchers, each title counts as one."""
    without = WITHOUT_WATCHERS if cycle.tells_watchers else WITHOUT_POPULARITY
    watchers = cycles.watchers_of(conn, cycle.id, without=without)
    if not cycle.tells_watchers:
        watchers = dict.fromkeys(watchers, 1)
    return ListReading(cycle.asked or cycle.listed, cycle.listed, cycles.named_in(conn, cycle.id), watchers)


def _refusal(ctx: SyncContext, medium: Medium, verdict: ListVerdict) -> str:
    minutes = counted(max(round(ctx.settings.retry_delay_seconds / 60), 1), "minute")
    return (
        f"the trending list of {medium} {verdict.said}; no cycle was opened, and one that is unfinished goes on. "
        f"`ratingo sync {medium}` asks again at once, Dagster by itself in {minutes}"
    )
