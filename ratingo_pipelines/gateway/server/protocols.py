"""uvicorn's protocols, telling the book of connections what each connection is at.

HTTP is read by h11, which bounds what it keeps of a head that does not end; httptools, uvicorn's first choice, bounds
nothing. uvicorn takes protocol classes by its settings `http` and `ws` (https://www.uvicorn.org/settings/); of the
classes it has, these lean on `cycle`, `transport`, `app_state`, `on_response_complete` and `handle_websocket_upgrade`.
"""

import asyncio
from typing import Any

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from ratingo_pipelines.gateway.server.connections import STATE, Connections, Phase

LONGEST_HEAD = 64 * 1024
"""Bytes of a request's line and headers."""
BOOK = "ratingo_connections"
"""Where the state of the application holds the book."""


class BoundedH11(H11Protocol):
    """HTTP/1.1 on a connection that may have to give way."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._book: Connections = app_state[BOOK]
        rest = {name: value for name, value in app_state.items() if name != BOOK}
        super().__init__(config, server_state, {**rest, STATE: self}, _loop)
        self._noted: RequestResponseCycle | None = None
        self._upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Enter it in the book."""
        self._book.begins(self, Phase.HEAD)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._note()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection to the websocket's protocol; this one goes on to stand for it in the book."""
        self._upgraded = True
        self._book.begins(self, Phase.REQUEST)
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Strike it out."""
        super().connection_lost(exc)
        self._book.closed(self)

    def admit(self) -> None:
        """The request under way is of a caller who was let in."""
        self._book.begins(self, Phase.ADMITTED)

    def abort(self) -> None:
        """Close at once."""
        self.transport.abort()

    def upgrade_lost(self) -> None:
        """The websocket on this connection is closed."""
        self._book.closed(self)

    def _note(self) -> None:
        """Enter a request that began, and the end of the one before."""
        under_way = None if self.cycle is None or self.cycle.response_complete else self.cycle
        if self._upgraded or under_way is self._noted:
            return
        self._noted = under_way
        self._book.begins(self, Phase.HEAD if under_way is None else Phase.REQUEST)


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A websocket on such a connection."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Strike the connection out."""
        super().connection_lost(exc)
        self.app_state[STATE].upgrade_lost()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; an answer instead of the handshake ends it, which uvicorn does not note, and complains."""
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True

    def data_received(self, data: bytes) -> None:
        """Take what came; the first is the whole head.

        uvicorn has no answer to one that `websockets` does not take, and would leave the connection open: a line above
        8 KiB, more than 128 headers, a body, another method than GET (`websockets.http11`).
        """
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self.logger.warning("Invalid websocket request received.")
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()
