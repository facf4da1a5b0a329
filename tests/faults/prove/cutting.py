"""Cuts ports of this host off by the kernel's packet filter: nothing is refused, nothing arrives, nobody is told."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

NEEDS = "root and iptables"


def can_cut() -> bool:
    """Say whether this may be done here (`NEEDS`)."""
    if os.geteuid() or not (iptables := shutil.which("iptables")):
        return False
    return subprocess.run([iptables, "-w", "-S", "INPUT"], capture_output=True, check=False).returncode == 0


@asynccontextmanager
async def cut_off(*ports: int) -> AsyncGenerator[None]:
    """Drop whatever goes over the loopback interface to or from these TCP ports."""
    rules = [
        ("-i", "lo", "-p", "tcp", side, str(port), "-j", "DROP") for port in ports for side in ("--dport", "--sport")
    ]
    try:
        for rule in rules:
            await _filter("-I", *rule)
        yield
    finally:
        for rule in rules:
            await asyncio.shield(_filter("-D", *rule))


async def _filter(action: str, *rule: str) -> None:
    told = await asyncio.create_subprocess_exec(
        "iptables", "-w", action, "INPUT", *rule, stderr=asyncio.subprocess.PIPE
    )
    _, error = await told.communicate()
    if told.returncode and action != "-D":
        raise OSError(f"iptables: {error.decode().strip()}")
