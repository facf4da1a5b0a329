"""HTTP/1.1 as far as a request for a release needs it: the clients share the machine with what they try."""

import asyncio
import re
from collections.abc import Mapping

_PATIENCE = 15.0
_LENGTH = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class NoAnswer(Exception):
    """The connection was refused, broke, or stayed silent; whether the request had its effect is not known."""


class Lines:
    """Connections that stay open, by the address they lead to."""

    def __init__(self) -> None:
        self._idle: dict[str, list[_Connection]] = {}

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send JSON and return status and body; raises NoAnswer."""
        address, _, path = url.removeprefix("http://").partition("/")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n{lines}\r\n".encode() + body
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._ask(address, request)
        except (OSError, asyncio.IncompleteReadError) as error:  # TimeoutError is an OSError
            raise NoAnswer(type(error).__name__) from error

    async def _ask(self, address: str, request: bytes) -> tuple[int, bytes]:
        reader, writer = await self._connected(address)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            writer.transport.abort()
            raise
        if b"connection: close" in head.lower():
            writer.close()
        else:
            self._idle.setdefault(address, []).append((reader, writer))
        return int(head[9:12]), body

    async def _connected(self, address: str) -> _Connection:
        idle = self._idle.get(address, [])
        while idle:
            reader, writer = idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        host, _, port = address.partition(":")
        return await asyncio.open_connection(host, int(port))

    def close(self) -> None:
        """Let go of all of them."""
        for connections in self._idle.values():
            for _, writer in connections:
                writer.transport.abort()
