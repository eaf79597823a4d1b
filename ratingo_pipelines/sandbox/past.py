"""When the sandbox's world moved, so that TMDB's feed of changes can name what really changed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Past:
    """The moves of the world so far; days are UTC's by the sandbox's clock."""

    today: date
    pinned: date | None = None
    """The world's day where it does not follow the clock."""
    first: int = 0
    """The epoch before the first move."""
    moves: tuple[tuple[date, int], ...] = ()
    """When the world moved to which epoch."""

    def moments(self, start: date, end: date) -> list[tuple[int, date]]:
        """Epochs and days that the world went through from one day up to, and without, another, with the one before."""
        return list(dict.fromkeys(self._moments(start, min(end, self.today + DAY))))

    def _moments(self, start: date, end: date) -> Iterator[tuple[int, date]]:
        epoch = next((epoch for day, epoch in reversed(self.moves) if day < start), self.first)
        yield epoch, self.pinned or start - DAY
        for number in range(max(0, (end - start).days)):
            day = start + DAY * number
            yield epoch, self.pinned or day
            for moved, after in self.moves:
                if moved == day:
                    epoch = after
                    yield epoch, self.pinned or day
