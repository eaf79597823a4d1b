"""Waits for something to become true: often at first, then every two seconds, and never beyond the caller's time."""

from asyncio import sleep
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

FIRST_DELAY, LONGEST_DELAY, GROWTH = 0.2, 2.0, 1.3

T = TypeVar("T")


class Deadline:
    """How long one caller waits: its seconds, unless it goes away or the server stops."""

    def __init__(self, seconds: float, is_gone: Callable[[], Awaitable[bool]], is_stopping: Callable[[], bool]) -> None:
        self._until = monotonic() + seconds
        self._is_gone = is_gone
        self._is_stopping = is_stopping

    async def until(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What `look` finds as soon as it finds anything; None when patience is at an end."""
        delay = FIRST_DELAY
        while True:
            found = await look()
            left = self._until - monotonic()
            if found is not None or left <= 0 or self._is_stopping() or await self._is_gone():
                return found
            await sleep(min(delay, left))
            delay = min(delay * GROWTH, LONGEST_DELAY)
