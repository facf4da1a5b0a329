"""A wire between two processes that a test may make slow, cut, or leave open with nobody at its other end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

_CHUNK = 1 << 16


class Wire:
    """What passes from a port of this host to another one."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self.delay = 0.0
        """Seconds that each piece is held up."""
        self.port = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._whole = True
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Reset what is connected, and refuse who comes."""
        self._whole = False
        for writer in self._open:
            writer.transport.abort()

    def silence(self) -> None:
        """Let nothing through and close nothing: a half-open connection, a dropping firewall."""
        self._flows.clear()

    def mend(self) -> None:
        """Let everything through again."""
        self._whole, self.delay = True, 0.0
        self._flows.set()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either end closes it."""
        if not self._whole:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        with suppress(OSError):
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._open -= ends
        for end in ends:
            end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_CHUNK):
            await self._flows.wait()
            if self.delay:
                await asyncio.sleep(self.delay)
            writer.write(piece)
            await writer.drain()
        raise ConnectionResetError  # one end has closed: so does the other


@asynccontextmanager
async def wire_to(port: int) -> AsyncGenerator[Wire]:
    """Lay a wire to a port of this host."""
    wire = Wire(port)
    server = await asyncio.start_server(wire.pass_on, "127.0.0.1")
    wire.port = int(server.sockets[0].getsockname()[1])
    try:
        yield wire
    finally:
        server.close()
        wire.cut()
