"""Counts wrong secrets by client. What a client may still do is decided by the middleware and the login page."""

from collections import OrderedDict, deque
from collections.abc import Callable
from math import ceil
from time import monotonic

ALLOWED = 10
SECONDS = 60.0
MOST_CLIENTS = 10_000
"""Remembered at once; past it the one that tried longest ago is forgotten."""


class Attempts:
    """Wrong attempts of each client within the last minute."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, client: str) -> None:
        """Note a wrong attempt."""
        times = self._failures.setdefault(client, deque(maxlen=ALLOWED))
        times.append(self._now())
        self._failures.move_to_end(client)
        if len(self._failures) > MOST_CLIENTS:
            self._failures.popitem(last=False)

    def wait(self, client: str) -> int:
        """Seconds until the client may try again; 0 if it may now."""
        times = self._failures.get(client)
        if times is None or len(times) < ALLOWED:
            return 0
        return max(0, ceil(times[0] + SECONDS - self._now()))
