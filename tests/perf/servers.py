"""Starts the measured servers as processes, waits until they answer, and ends them."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.embedded.processes import Server, StackError, free_ports
from tests.perf.pinning import cores


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    port: int
    pid: int


@asynccontextmanager
async def serving(what: str, folder: Path, told: Mapping[str, Any] | None = None) -> AsyncGenerator[Running]:
    """Run one of `tests.perf.serving`'s servers on the server's core."""
    [port] = free_ports(1)
    settings = dict((told or {}).get("settings", {})) | {"listen_port": port}
    path = folder / f"{what}-{port}.json"
    path.write_text(json.dumps({**(told or {}), "settings": settings, "port": port, "core": cores()[0]}), "utf-8")
    server = await Server.start(
        what, sys.executable, "-m", "tests.perf.serving", what, str(path), log=folder / f"{what}.log", cwd=Path.cwd()
    )
    try:
        await server.until(lambda: _listens(port))
        yield Running(port, server.pid)
    finally:
        await server.stop(signal.SIGTERM)


async def until_200(port: int, request: bytes) -> float:
    """Ask until the answer is 200; return how many seconds that took. Raises StackError after half a minute."""
    started = time.perf_counter()
    while (waited := time.perf_counter() - started) < 30:
        if (await _ask(port, request)).startswith(b"HTTP/1.1 200"):
            return time.perf_counter() - started
        await asyncio.sleep(0.01)
    raise StackError(f"no 200 on port {port} after {waited:.0f} s")


async def _ask(port: int, request: bytes) -> bytes:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    writer.write(request)
    answer = await reader.read(1024)
    writer.close()
    return answer


async def _listens(port: int) -> None:
    if not await _ask(port, b"GET / HTTP/1.0\r\n\r\n"):
        raise ConnectionError
