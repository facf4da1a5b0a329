"""A Docker engine of the lab's own: its images stay in the user's cache, everything else ends with it."""

import os
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from infra.embedded.processes import StackError, only_one, stop_leftovers, tail
from infra.lab.commands import cache, needed, quietly

_RUN = Path("/run/motlan-lab")  # short: a socket's path has at most 107 characters
_SOCKET = _RUN / "docker.sock"


@contextmanager
def engine(plugin: Path, images: str) -> Generator[None]:
    """Run an engine: meanwhile `docker` and `docker compose` mean it, for us and whatever we start.

    `plugin` is docker compose; `images` tells stores of images apart, which hold others under the same names. What a
    killed lab left running is ended first. Raises StackError.
    """
    home = cache() / "engine" / images
    for directory in (home, _RUN):
        directory.mkdir(parents=True, exist_ok=True)
    with only_one(_RUN):
        _check_alone()
        _end_leftovers()
        process = _start(home)
        try:
            os.environ.update(DOCKER_HOST=f"unix://{_SOCKET}", DOCKER_CONFIG=str(_client(plugin)))
            _wait(process, home)
            yield
        finally:
            _stop(process)


def _check_alone() -> None:
    """Two engines would share one bridge and one table of packet filters, and break each other's networks."""
    if Path("/var/run/docker.pid").exists() and _is_docker(Path("/var/run/docker.pid")):
        raise StackError(
            "A Docker engine runs on this machine already, and the lab's would disturb it: end it first,\n"
            "or, if it can pull images, use it without the lab: make up."
        )


def _is_docker(pid_file: Path) -> bool:
    try:
        return "dockerd" in Path(f"/proc/{int(pid_file.read_text())}/comm").read_text()
    except (OSError, ValueError):
        return False


def _end_leftovers() -> None:
    for home, program in product((cache() / "engine").iterdir(), ("dockerd", "containerd")):
        stop_leftovers(program, home, signal.SIGTERM, signal.SIGKILL)
    for pid_file in (_RUN / "docker.pid", _RUN / "exec" / "containerd" / "containerd.pid"):
        pid_file.unlink(missing_ok=True)  # the number may be somebody else's by now


def _start(home: Path) -> subprocess.Popen[bytes]:
    options = ("--data-root", home / "data", "--exec-root", _RUN / "exec", "--pidfile", _RUN / "docker.pid")
    path = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}  # where iptables is
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [needed("dockerd", "install docker.io"), *options, "--storage-driver", "overlay2", "-H", f"unix://{_SOCKET}"],
            cwd=home, env={**os.environ, **path}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def _wait(process: subprocess.Popen[bytes], home: Path, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            quietly("docker", "info")
            return
        except StackError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                log = home / "log"
                raise StackError(f"The Docker engine did not start. {log} says:\n{tail(log)}") from error
        time.sleep(0.2)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it in good order: it ends its containers and its containerd first."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _end_leftovers()


def _client(plugin: Path) -> Path:
    """Return a configuration of the `docker` command that has our docker compose, and nobody's registry passwords."""
    config = cache() / "docker"
    link = config / "cli-plugins" / "docker-compose"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(plugin)
    return config
