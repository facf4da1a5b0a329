"""Starts and ends the servers of the embedded stack, those of a killed run included."""

import asyncio
import fcntl
import os
import random
import signal
import socket
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import psutil


class StackError(Exception):
    """The stack cannot run; the message is one sentence for whoever sits before it."""


@contextmanager
def only_one(data_dir: Path) -> Generator[None]:
    """Hold the directory for this process; the lock vanishes with it, however it ends. Raises StackError if held."""
    with (data_dir / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StackError(f"A stack is already running on the data in {data_dir}; end it first.") from error
        yield


def check_port_free(port: int, user: str) -> None:
    """Raise StackError, naming the port and who wanted it, if something listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(f"Port {port}, wanted by {user}, is in use by another program.") from error


_OURS = range(20_000, 32_768)
"""Below the ports from which Linux (32768) and macOS (49152, RFC 6335) take the near end of outgoing connections.

One of those may be taken between the moment it was found free and the server's start, or while a killed server is away.
"""

_given_away: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Return ports on which nobody listens now, all different, none of them given to an earlier caller of ours.

    An earlier caller may not listen yet. No outgoing connection holds one of them, unless the system was told to begin
    lower than it does by itself. Raises StackError when there are no more.
    """
    anywhere = random.SystemRandom().sample(_OURS, len(_OURS))
    ports = list(islice((port for port in anywhere if port not in _given_away and _is_free(port)), count))
    if len(ports) < count:
        raise StackError(f"There are no {count} free ports between {_OURS.start} and {_OURS.stop}.")
    _given_away.update(ports)
    return ports


def _is_free(port: int) -> bool:
    with suppress(StackError):
        check_port_free(port, "nobody")
        return True
    return False


class Server:
    """One server process of ours, in a process group of its own so that the terminal's Ctrl-C does not reach it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self._name, self._process, self._log = name, process, log

    @classmethod
    async def start(
        cls, name: str, *argv: str | Path, log: Path, cwd: Path, environment: Mapping[str, str] | None = None
    ) -> "Server":
        """Start the program; what it prints is added to `log`, and `environment` to the one it finds."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=cwd, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """The operating system's number for it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, be it frozen."""
        return self._process.returncode is None

    async def until(self, ready: Callable[[], Coroutine[None, None, None]], *, timeout: float = 60) -> None:  # noqa: ASYNC109 - one deadline over many tries
        """Try `ready` until it no longer raises.

        Raises StackError when the server ends, when the seconds are over, or when `ready` does: waiting mends no such.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            self._check_alive()
            try:
                return await ready()
            except StackError:
                raise
            except Exception as error:  # whatever else a starting server answers means: not yet
                if asyncio.get_running_loop().time() > deadline:
                    raise StackError(f"{self._name} is not ready after {timeout:.0f} s: {error!r}") from error
            await asyncio.sleep(0.03)

    async def stop(self, with_signal: signal.Signals, *, grace: float = 15) -> None:
        """Ask it to end, and make it end after `grace` seconds."""
        if self._process.returncode is None:
            self._process.send_signal(with_signal)
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def kill_all(self) -> None:
        """End it, and every program it started, as a power cut does."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # its group is its own
        await self._process.wait()

    async def wait(self) -> int:
        """Wait for its own end and return its exit code."""
        return await self._process.wait()

    def _check_alive(self) -> None:
        if self._process.returncode is not None:
            raise StackError(f"{self._name} ended while starting. {self._log} says:\n{tail(self._log)}")


async def run(name: str, *argv: str | Path, log: Path, cwd: Path) -> None:
    """Run a program to its end, which is now if we are cancelled. Raises StackError with its last words if it fails."""
    server = await Server.start(name, *argv, log=log, cwd=cwd)
    try:
        code = await server.wait()
    except BaseException:
        await server.kill_all()
        raise
    if code != 0:
        raise StackError(f"{name} failed. {log} says:\n{tail(log)}")


def stop_leftovers(program: str, cwd: Path, *signals: signal.Signals) -> None:
    """End every `program` that works in `cwd`: a killed run left it. Call it under `only_one`, where no other can be.

    Known by the working directory, which both servers keep for life, rather than by a pid file: a pid may by now be
    somebody else's, and PostgreSQL's orphaned backends are in no file. Each signal is given ten seconds.
    """
    for number in signals:
        found = [process for process in psutil.process_iter(["name"]) if _works_in(process, program, cwd)]
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        psutil.wait_procs(found, timeout=10)


def _works_in(process: psutil.Process, program: str, cwd: Path) -> bool:
    try:
        return process.name() == program and Path(process.cwd()) == cwd
    except (psutil.Error, OSError):
        return False


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
