"""Cuts ports of this host off by the kernel's packet filter: nothing is refused, nothing arrives, nobody is told."""

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
    """Drop whatever goes over the loopback interface to or from these TCP ports. Raises CalledProcessError."""
    sides = [(side, str(port)) for port in ports for side in ("--dport", "--sport")]
    try:
        for side in sides:
            _filter("-I", side, check=True)
        yield
    finally:  # at once, with nothing awaited: a rule that stays would cut off whoever has the port next
        for side in sides:
            _filter("-D", side, check=False)


def _filter(action: str, side: tuple[str, str], *, check: bool) -> None:
    rule = ("-i", "lo", "-p", "tcp", *side, "-j", "DROP")
    subprocess.run(["iptables", "-w", action, "INPUT", *rule], capture_output=True, check=check)
