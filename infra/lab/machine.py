"""Installs what the lab needs of Debian, starting none of it, and reads how this machine reaches its packages."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.processes import StackError
from infra.lab.commands import quietly

# what is looked for on the path, and the package that brings it
_PACKAGES = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "chromium": "chromium",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def install() -> list[str]:
    """Install the packages whose programs are missing, and return their names. Raises StackError."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise StackError("The lab runs a Docker engine of its own: as root, on Debian, with apt-get.")
    missing = sorted({package for program, package in _PACKAGES.items() if not _there(program)})
    if missing:
        options = ("-o", "DPkg::Lock::Timeout=300", "-y", "-qq")
        quietly("apt-get", *options, "update")
        with nothing_starts(_POLICY):
            quietly("apt-get", *options, "install", "--no-install-recommends", *missing)
    return missing


def _there(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None


@contextmanager
def nothing_starts(policy: Path) -> Generator[None]:
    """Keep packages from starting services, by the script Debian's policy provides for, unless the machine has one."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", "utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


@dataclass(frozen=True)
class Sources:
    """Where this machine gets its packages, so that what is built here gets them there too."""

    debian: str
    """Debian's mirror."""
    apt: str
    """apt's configuration for reaching it."""
    pip: str
    """pip's configuration file."""


def sources(pip: tuple[str | Path, ...]) -> Sources:
    """Read the machine's own configuration; `pip` is the command whose settings count."""
    reach = ("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Max-ValidTime", "Acquire::Retries")
    dump = quietly("apt-config", "dump").splitlines()
    apt = "".join(f"{line}\n" for line in dump if line.startswith(reach))
    return Sources(_mirror(), apt, _pip_file(quietly(*pip, "config", "list")))


def _mirror() -> str:
    lines = quietly(
        "apt-get", "indextargets", "--format", "$(SITE) $(ORIGIN) $(CODENAME) $(COMPONENT)", "Created-By: Packages"
    ).split("\n")
    for line in lines:
        if line.endswith(" Debian bookworm main"):
            return line.split()[0]
    raise StackError("apt knows no mirror of Debian 12 (bookworm), of which the stand-ins are made.")


def _pip_file(listing: str) -> str:
    """Turn `pip config list`, variables included, into a file."""
    wanted = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert")
    found = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    pairs = {name.rsplit(".", 1)[-1]: value.strip("'") for name, value in found.items()}
    settings = [f"{key} = {pairs[key]}\n" for key in wanted if key in pairs]
    return "[global]\n" + "".join(settings)
