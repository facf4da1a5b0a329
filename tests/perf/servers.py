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

import psutil

from infra.embedded.processes import Server, free_ports
from tests.perf.cores import cores


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    port: int
    pid: int
    started_in: float  # seconds from the start of the process to its first answer

    def rss(self) -> float:
        """Return its resident memory in MiB."""
        return psutil.Process(self.pid).memory_info().rss / 2**20


@asynccontextmanager
async def serving(what: str, folder: Path, told: Mapping[str, Any] | None = None) -> AsyncGenerator[Running]:
    """Run one of `tests.perf.serving`'s servers on the server's core."""
    [port] = free_ports(1)
    settings = dict((told or {}).get("settings", {})) | {"listen_port": port}
    path = folder / f"{what}-{port}.json"
    path.write_text(json.dumps({**(told or {}), "settings": settings, "port": port, "core": cores()[0]}), "utf-8")
    started = time.perf_counter()
    server = await Server.start(
        what, sys.executable, "-m", "tests.perf.serving", what, str(path), log=folder / f"{what}.log", cwd=Path.cwd()
    )
    try:
        await server.until(lambda: _answers(port))
        yield Running(port, server.pid, time.perf_counter() - started)
    finally:
        await server.stop(signal.SIGTERM)


async def _answers(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        await reader.readuntil(b"\r\n")
    finally:
        writer.close()
