"""Bounds what uvicorn waits for before a request is one: the size of its head, and the time it takes to arrive."""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 * 1024
HEAD_SECONDS = 10.0
"""From the first byte: a connection that says nothing at all is bounded by this too, from its opening."""

_REFUSALS = {
    408: b"HTTP/1.1 408 Request Timeout\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
}


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it with httptools, whose parser would take a head without end, at any pace."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._head = 0  # bytes that came since the last complete head
        self._timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser while the head is small enough."""
        if self._timer is None and self.cycle and self.cycle.response_complete:
            self._wait()  # the next request of a connection that is kept
        self._head += len(data)
        super().data_received(data)
        if self._timer and self._head > LARGEST_HEAD:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        """Stop the clock: from here on the body's bounds hold (`shared.asgi`)."""
        self._stop_waiting()
        self._head = 0
        super().on_headers_complete()

    def _wait(self) -> None:
        self._head = 0
        self._timer = self.loop.call_later(self.head_seconds, self._refuse, 408)

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._head:  # who has asked nothing is answered nothing: browsers open connections they may need
            self.transport.write(_REFUSALS[status] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()
