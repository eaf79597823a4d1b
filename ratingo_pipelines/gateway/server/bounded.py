"""uvicorn's server, taking connections one by one: no more than the book allows, whatever waits in the queue.

asyncio's own way takes whatever is there at once, before anything can be closed for it.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from ratingo_pipelines.gateway.server.connections import GRACE_SECONDS, Connections
from ratingo_pipelines.gateway.server.descriptors import MOST_CONNECTIONS
from ratingo_pipelines.gateway.server.protocols import BOOK, LONGEST_HEAD, BoundedH11, BoundedWebSocket

BACKLOG = 1000
"""Calls that wait in the system's queue until they are taken (listen(2)), up to `net.core.somaxconn`."""
AT_ONCE = 16
"""Connections taken in one turn of the event loop; by so many the bound is exceeded while others are closed."""
LEAVE_SECONDS = 2
"""For requests under way when the server stops; those that wait for a run are let go at once."""
LONGEST_MESSAGE = 1024 * 1024
"""Bytes that a websocket may send at once."""
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_WITHOUT_DESCRIPTORS = 0.25
OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

log = logging.getLogger("ratingo.gateway")


def web_server(app: ASGIApp, trusted_proxies: Sequence[str] = (), bound: int = MOST_CONNECTIONS) -> "BoundedServer":
    """A server of the application. The server's own log would show queries: the middleware logs."""
    config = uvicorn.Config(
        app,
        http=BoundedH11,
        ws=BoundedWebSocket,
        ws_max_size=LONGEST_MESSAGE,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=LEAVE_SECONDS,
    )
    return BoundedServer(config, bound)


class BoundedServer(uvicorn.Server):
    """Serves on one listening socket, with `BoundedH11` and `BoundedWebSocket` as its protocols."""

    def __init__(self, config: uvicorn.Config, bound: int) -> None:
        super().__init__(config)
        self.book = Connections(bound)
        self._acceptor: _Acceptor | None = None

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Start to take connections."""
        await super().startup(sockets=[])
        [listening] = sockets or []
        self._acceptor = _Acceptor(self, listening)
        self._acceptor.start()

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Take no more, and end those that are open."""
        if self._acceptor is not None:
            self._acceptor.stop()
        await super().shutdown(sockets=list(sockets or []))

    def new_protocol(self) -> asyncio.Protocol:
        """The protocol of one more connection."""
        state = {**self.lifespan.state, BOOK: self.book}
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=state
        )
        return protocol


class _Acceptor:
    """Takes connections off the listening socket while there is room."""

    def __init__(self, server: BoundedServer, listening: socket.socket) -> None:
        self._server = server
        self._book = server.book
        self._listening = listening
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading = False
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._listening.setblocking(False)
        self._listening.listen(BACKLOG)
        self._book.on_room = self._resume
        self._resume()
        self._look_after_the_slow()

    def stop(self) -> None:
        self._stopped = True
        self._pause()
        if self._timer is not None:
            self._timer.cancel()

    def _look_after_the_slow(self) -> None:
        self._book.close_the_slow()
        self._timer = self._loop.call_later(SECONDS_BETWEEN_LOOKS, self._look_after_the_slow)

    def _resume(self) -> None:
        if not self._reading and not self._stopped:
            self._reading = True
            self._loop.add_reader(self._listening.fileno(), self._take)

    def _pause(self, seconds: float | None = None) -> None:
        """Leave the callers in the system's queue: until a connection is closed, or so many seconds."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._listening.fileno())
        if seconds is not None:
            self._loop.call_later(seconds, self._resume)

    def _take(self) -> None:
        """Take who waits; each that is above the bound makes an older one give way."""
        for _ in range(AT_ONCE):
            if self._book.open >= self._book.bound + AT_ONCE:
                # Those that gave way are closed in the loop's next turn.
                return
            if self._book.above_bound >= 0 and not self._book.may_give_way():
                self._pause(GRACE_SECONDS)
                return
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in OUT_OF_DESCRIPTORS:
                    raise
                log.warning("no connection can be taken: %s", error.strerror)
                self._pause(SECONDS_WITHOUT_DESCRIPTORS)
                return
            self._book.accepted()
            if self._book.above_bound > 0:
                self._book.give_way()
            task = self._loop.create_task(self._connect(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._server.new_protocol, connection)
        except OSError:
            # The caller was gone before anything could be said.
            connection.close()
            self._book.lost()
