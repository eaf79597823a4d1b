"""The book of open connections: which of them gives way when there are too many, and which took too long.

A connection is protected only while a request of somebody who was let in is under way (`admit`). All others may be
closed: those that have not sent a whole head first, the oldest first. There is no bound an address: everybody behind a
proxy, or on this machine, shares theirs. Sockets are `bounded`'s, HTTP is `protocols`'.
"""

import logging
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import chain
from time import monotonic
from typing import Protocol

from starlette.types import Scope

LONGEST_SECONDS = 10.0
"""For a head to be whole, and for a request to be over whose caller is not let in."""
GRACE_SECONDS = 0.25
"""A connection so young gives way to none: its head may be on its way. A thousand callers at once are no attack."""
SECONDS_BETWEEN_LINES = 60.0
STATE = "ratingo_connection"
"""Where a request's `state` (ASGI's extension) holds its connection."""

log = logging.getLogger("ratingo.gateway")


class Phase(Enum):
    """What a connection is at."""

    HEAD = "waits for a whole head"
    REQUEST = "a request of a caller who was not let in, or not yet"
    ADMITTED = "a request of a caller who was let in"


class BoundConnection(Protocol):
    """What the book knows of a connection."""

    def abort(self) -> None:
        """Close it at once, whatever is unsent; it will call `closed` of the book, not before this returns."""


class Connections:
    """All open connections, up to a bound. For the thread of the event loop alone."""

    def __init__(self, bound: int, now: Callable[[], float] = monotonic) -> None:
        self.bound = bound
        self.open = 0
        """Sockets accepted and not closed yet."""
        self.on_room: Callable[[], None] = lambda: None
        """Called whenever a connection is closed."""
        self._now = now
        # The oldest of each first: a dictionary keeps its order.
        self._phases: dict[Phase, dict[BoundConnection, float]] = {phase: {} for phase in Phase}
        self._closing: set[BoundConnection] = set()
        self._gave_way = 0
        self._said_at: float | None = None

    def accepted(self) -> None:
        """Count a socket."""
        self.open += 1

    def lost(self) -> None:
        """Count one less: a socket that was accepted never came to be a connection, or was closed."""
        self.open -= 1
        self.on_room()

    def begins(self, connection: BoundConnection, phase: Phase) -> None:
        """The connection is at something else from now on."""
        for connections in self._phases.values():
            connections.pop(connection, None)
        if connection not in self._closing:
            self._phases[phase][connection] = self._now()

    def closed(self, connection: BoundConnection) -> None:
        """Forget it."""
        for connections in self._phases.values():
            connections.pop(connection, None)
        self._closing.discard(connection)
        self.lost()

    @property
    def above_bound(self) -> int:
        """By how many connections the bound is exceeded, those left out that are being closed; negative below it."""
        return self.open - len(self._closing) - self.bound

    def may_give_way(self) -> bool:
        """Whether some connection can be closed for a new one."""
        return next(self._in_order(GRACE_SECONDS), None) is not None

    def give_way(self) -> None:
        """Close the connection whose turn it is, if there is one."""
        chosen = next(self._in_order(GRACE_SECONDS), None)
        if chosen is not None:
            self._close(chosen)
            self._gave_way += 1
            self._say()

    def close_the_slow(self) -> None:
        """Close all that have taken too long."""
        for connection in list(self._in_order(LONGEST_SECONDS)):
            self._close(connection)

    def _in_order(self, older_than: float) -> Iterator[BoundConnection]:
        """The connections of those who were not let in, in the order in which they give way."""
        until = self._now() - older_than
        for connection, since in chain(self._phases[Phase.HEAD].items(), self._phases[Phase.REQUEST].items()):
            if since <= until:
                yield connection

    def _close(self, connection: BoundConnection) -> None:
        for connections in self._phases.values():
            connections.pop(connection, None)
        self._closing.add(connection)
        connection.abort()

    def _say(self) -> None:
        """Log it, but not for each: who would flood the server must not flood its log."""
        if self._said_at is None or self._now() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = self._now()
            log.warning(
                "all %d connections are taken; those that send nothing give way to new ones (%d so far)",
                self.bound,
                self._gave_way,
            )


def peer_of(scope: Scope) -> str | None:
    """The address at the other end of a request's connection: a reverse proxy's, where there is one."""
    connection = scope.get("state", {}).get(STATE)
    peer = scope.get("client") if connection is None else connection.client
    return str(peer[0]) if peer else None


def admit(scope: Scope) -> None:
    """Say of a request that its caller was let in: its connection gives way to none until the answer is sent."""
    connection = scope.get("state", {}).get(STATE)
    if connection is not None:
        connection.admit()
