"""OMDb's day among 10,000 and 100,000 tracked titles, by the real plan and intervals, 400 days of them simulated.

Of 1,000 requests a day 100 titles are in the latest list (20 of them new each day) and stay on the site's list for 30
days; 50 stubs of related titles are added a day; 3 of 10 titles have no answer. No database, no HTTP: what is shown is
how long titles wait once they are due, and that none waits for ever.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random

from benchmarks.figures import Figure
from ratingo_pipelines.settings import Settings
from ratingo_pipelines.storage.asked import OMDB, next_ask
from ratingo_pipelines.storage.turns import Turn
from ratingo_pipelines.sync.planner import plan

SIZES = (10_000, 100_000)
DAYS = 400
NAMED, NAMED_ANEW = 100, 20
STUBS_A_DAY = 50
UNANSWERED = 0.3
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
A_DAY = timedelta(days=1)


@dataclass
class _Title:
    number: int
    due_since: datetime
    listed_until: datetime = BEGUN
    asked: bool = False
    misses: int = 0


@dataclass
class _World:
    """Titles, who is named by the list, and how long those waited that were asked about."""

    size: int
    dice: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - no secret
    titles: list[_Title] = field(default_factory=list)
    named: list[_Title] = field(default_factory=list)
    longest: dict[Turn, timedelta] = field(default_factory=lambda: dict.fromkeys(Turn, timedelta()))
    asked_of: Counter[Turn] = field(default_factory=Counter)
    put_off: int = 0
    """Listed titles that were due and had to wait for another day."""
    fullest: int = 0

    def __post_init__(self) -> None:
        self.titles = [_Title(number, BEGUN) for number in range(self.size)]
        self.named = self.dice.sample(self.titles, NAMED)

    def turn_of(self, title: _Title, now: datetime, named: set[int]) -> Turn:
        """As the database tells the classes apart."""
        if title.number in named:
            return Turn.TRENDING
        if title.listed_until > now:
            return Turn.LISTED
        return Turn.OLDEST if title.asked else Turn.NEW

    def live(self, now: datetime, budget: int) -> None:
        """One day: a new list, new stubs, and the day's requests by the plan."""
        self.named = [*self.dice.sample(self.titles, NAMED_ANEW), *self.named[: NAMED - NAMED_ANEW]]
        for title in self.named:
            title.listed_until = now + timedelta(days=Settings.model_fields["listed_days"].default)
        first = len(self.titles)
        self.titles += [_Title(first + number, now) for number in range(STUBS_A_DAY)]
        named = {title.number for title in self.named}
        waiting: dict[Turn, list[tuple[datetime, int]]] = {turn: [] for turn in Turn}
        for title in self.titles:
            if title.due_since <= now:
                heappush(waiting[self.turn_of(title, now, named)], (title.due_since, title.number))
        granted = plan(budget, {turn: len(due) for turn, due in waiting.items()})
        self.fullest = max(self.fullest, sum(granted.values()))
        self.put_off += sum(len(waiting[turn]) - granted[turn] for turn in (Turn.TRENDING, Turn.LISTED))
        for turn, count in granted.items():
            self.asked_of[turn] += count
            for _ in range(count):
                due_since, number = heappop(waiting[turn])
                self.longest[turn] = max(self.longest[turn], now - due_since)
                self._ask(self.titles[number], now)

    def _ask(self, title: _Title, now: datetime) -> None:
        answered = self.dice.random() >= UNANSWERED
        title.asked, title.misses = True, 0 if answered else title.misses + 1
        title.due_since = next_ask(OMDB, answered, title.misses, now)

    def longest_still(self, now: datetime) -> timedelta:
        """How long the title has been due that is due for longest."""
        return now - min(title.due_since for title in self.titles)


def run() -> Iterator[Figure]:
    """Each size on its own."""
    limit: int = Settings.model_fields["omdb_daily_limit"].default
    for size in SIZES:
        world = _World(size)
        for day in range(DAYS):
            world.live(BEGUN + day * A_DAY, limit)
        yield from _figures(world, limit)


def _figures(world: _World, limit: int) -> Iterator[Figure]:
    about = f"{world.size:,} titles"
    never = sum(not title.asked for title in world.titles[: world.size])
    yield Figure(f"{about}: of those there at first, never asked about", never, limit=0)
    yield Figure(f"{about}: requests of the fullest day", world.fullest, limit=limit)
    yield Figure(f"{about}: listed titles that waited for another day", world.put_off, limit=0)
    for turn in Turn:
        yield Figure(f"{about}: asked about a day, {turn}", world.asked_of[turn] / DAYS)
    for turn in (Turn.NEW, Turn.OLDEST):
        yield Figure(f"{about}: longest wait of one asked about, {turn}", world.longest[turn] / A_DAY, "days")
    still = world.longest_still(BEGUN + DAYS * A_DAY) / A_DAY
    yield Figure(f"{about}: longest wait at the end", still, "days", limit=DAYS / 2)
