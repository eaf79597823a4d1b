"""What a running sandbox remembers: its world, faults and counters."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from ratingo_pipelines.sandbox.catalogue import SIZE, catalogue
from ratingo_pipelines.sandbox.counters import Counters
from ratingo_pipelines.sandbox.faults import Fault
from ratingo_pipelines.sandbox.past import Past
from ratingo_pipelines.sandbox.world import World


@dataclass(frozen=True)
class SandboxOptions:
    """How a sandbox starts, and how it is again after a reset."""

    epoch: int = 0
    size: int = SIZE
    day: date | None = None
    """The sandbox's today; None is the real day, UTC."""


@dataclass
class State:
    """The one mutable thing; only the server's event loop touches it."""

    options: SandboxOptions
    clock: Callable[[], float] = time.monotonic
    faults: list[Fault] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    epoch: int = 0
    day: date | None = None
    ahead: timedelta = timedelta()
    """How far the sandbox's clock, which tells day and `Date`, is ahead of the machine's."""
    moves: list[tuple[date, int]] = field(default_factory=list)
    """The days, by the clock, on which the world moved to another epoch."""
    _world: World | None = None

    def __post_init__(self) -> None:
        self.reset()

    @property
    def now(self) -> datetime:
        """What the sandbox's clock says, UTC."""
        return datetime.now(UTC) + self.ahead

    @property
    def world(self) -> World:
        """The world of this epoch on this day; a new object whenever either has changed."""
        today = self.day or self.now.date()
        past = Past(self.now.date(), self.day, self.options.epoch, tuple(self.moves))
        known = self._world
        if known is None or (known.epoch, known.today, known.past) != (self.epoch, today, past):
            self._world = known = World(catalogue(self.options.size), self.epoch, today, past)
        return known

    def reset(self) -> None:
        """Forget faults and counters; epoch, day and clock as at the start."""
        self.faults = []
        self.counters = Counters()
        self.epoch, self.day = self.options.epoch, self.options.day
        self.ahead = timedelta()
        self.moves = []

    def move(self, epoch: int) -> None:
        """Go to an epoch, now."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.moves.append((self.now.date(), epoch))
