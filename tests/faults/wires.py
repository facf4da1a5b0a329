"""A wire between two processes that a test may make slow, cut, or leave open with nobody at its other end."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast


class Wire:
    """What passes from a port of this host to another one."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.delay = 0.0
        """Seconds that each piece is held up."""
        self.port = 0
        self.flows = asyncio.Event()
        self.flows.set()
        self.whole = True
        self.ends: set[_End] = set()

    def cut(self) -> None:
        """Reset what is connected, and refuse who comes."""
        self.whole = False
        for end in list(self.ends):
            end.abort()

    def silence(self) -> None:
        """Let nothing through and close nothing: a half-open connection, a dropping firewall."""
        self.flows.clear()

    def mend(self) -> None:
        """Let everything through again."""
        self.whole, self.delay = True, 0.0
        self.flows.set()


class _End(asyncio.Protocol):
    """One end of a connection: what comes in here goes out at the other end."""

    def __init__(self, wire: Wire, other: "_End | None" = None) -> None:
        self._wire, self._other = wire, other
        self._held: deque[bytes] = deque()
        self._releasing: asyncio.Task[None] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect the other end, if this is the near one."""
        self._transport = cast("asyncio.Transport", transport)
        self._wire.ends.add(self)
        if not self._wire.whole:
            self.abort()
        elif self._other is None:
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, other = await loop.create_connection(lambda: _End(self._wire, self), "127.0.0.1", self._wire.to_port)
        except OSError:
            self.abort()
            return
        self._other = other
        if self._transport is None or self._transport.is_closing():
            other.abort()
        elif self._held:
            self._releasing = asyncio.create_task(self._release())

    def data_received(self, data: bytes) -> None:
        """Pass it on, at once where nothing holds it up."""
        if self._other and not self._held and self._wire.flows.is_set() and not self._wire.delay:
            self._pass_on(data)
            return
        self._held.append(data)
        if self._other and self._releasing is None:
            self._releasing = asyncio.create_task(self._release())

    async def _release(self) -> None:
        while self._held:
            await self._wire.flows.wait()
            if self._wire.delay:
                await asyncio.sleep(self._wire.delay)
            self._pass_on(self._held[0])
            self._held.popleft()
        self._releasing = None

    def _pass_on(self, data: bytes) -> None:
        if far := self._far():
            far.write(data)

    def _far(self) -> asyncio.Transport | None:
        """Return the transport of the other end while it is open."""
        far = self._other._transport if self._other else None
        return None if far is None or far.is_closing() else far

    def pause_writing(self) -> None:
        """Take no more in than can go out."""
        if far := self._far():
            far.pause_reading()

    def resume_writing(self) -> None:
        """Take in again."""
        if far := self._far():
            far.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end as well."""
        self._wire.ends.discard(self)
        if self._releasing:
            self._releasing.cancel()
        if self._other:
            self._other.abort()

    def abort(self) -> None:
        """Reset this end; the other follows when it is lost."""
        if self._transport:
            self._transport.abort()


@asynccontextmanager
async def wire_to(port: int) -> AsyncGenerator[Wire]:
    """Lay a wire to a port of this host."""
    wire = Wire(port)
    server = await asyncio.get_running_loop().create_server(lambda: _End(wire), "127.0.0.1")
    wire.port = int(server.sockets[0].getsockname()[1])
    try:
        yield wire
    finally:
        server.close()
        wire.cut()
