"""The embedded stack keeps what it acknowledged through kill -9, and says in a sentence why it cannot start."""
# aiokafka ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.embedded.jars import check_digest, files
from infra.embedded.processes import StackError, free_ports
from infra.embedded.stack import SERVICES, TOPICS, Stack

ROOT = Path(__file__).parent.parent.parent

# A run of its own, as `make run` is: it starts the stack, says so, and waits to be killed.
RUN = """
import asyncio, sys
from pathlib import Path
from infra.embedded.stack import Stack

async def main():
    directory, *ports = sys.argv[1:]
    names = ("postgres_port", "kafka_port", "kafka_controller_port")
    async with Stack(Path(directory), **dict(zip(names, map(int, ports)))) as stack:
        print(stack.postgres.pid, stack.kafka.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def directory() -> Generator[Path]:
    with TemporaryDirectory(prefix="motlan-") as name:
        yield Path(name)


def make_stack(directory: Path, **ports: int) -> Stack:
    postgres, kafka, controller = free_ports(3)
    free = {"postgres_port": postgres, "kafka_port": kafka, "kafka_controller_port": controller}
    return Stack(directory, **{**free, **ports})


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def write(stack: Stack) -> None:
    async with connected(stack.databases["consent"].owner) as owner:
        await owner.execute("CREATE TABLE kept (n int)")
    async with connected(stack.databases["consent"].service) as service:
        await service.execute("INSERT INTO kept VALUES (7)")
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait("consent.events", b"kept", partition=2)
    finally:
        await producer.stop()


async def check_kept(stack: Stack) -> None:
    async with connected(stack.databases["consent"].service) as service:
        assert await service.fetchval("SELECT n FROM kept") == 7
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka.bootstrap)
    await consumer.start()
    try:
        partition = TopicPartition("consent.events", 2)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        message = await asyncio.wait_for(consumer.getone(), 10)
        assert message.value == b"kept"
    finally:
        await consumer.stop()


async def start_run(directory: Path) -> tuple[asyncio.subprocess.Process, list[int]]:
    """Start the stack in a process of its own; return it and the pids of its two servers."""
    command = [sys.executable, "-c", RUN, str(directory), *map(str, free_ports(3))]
    run = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert run.stdout is not None
    line = await asyncio.wait_for(run.stdout.readline(), 60)
    return run, [int(pid) for pid in line.split()]


@pytest.mark.stack
async def test_what_was_acknowledged_survives_kill_9_of_everything(directory: Path) -> None:
    async with make_stack(directory) as stack:
        await write(stack)
    run, servers = await start_run(directory)
    for pid in (run.pid, *servers):
        os.kill(pid, signal.SIGKILL)
    await run.wait()
    async with make_stack(directory) as stack:
        await check_kept(stack)


@pytest.mark.stack
async def test_servers_left_by_a_killed_run_are_ended_at_the_next_start(directory: Path) -> None:
    run, servers = await start_run(directory)
    run.kill()
    await run.wait()
    assert all(psutil.pid_exists(pid) for pid in servers)
    async with make_stack(directory):
        assert not any(psutil.pid_exists(pid) for pid in servers)


@pytest.mark.stack
async def test_a_pid_file_naming_somebody_elses_process_hinders_nothing(directory: Path) -> None:
    async with make_stack(directory):
        left = (directory / "postgres/cluster/postmaster.pid").read_text("utf-8").splitlines()
    left[0] = str(os.getppid())
    (directory / "postgres/cluster/postmaster.pid").write_text("\n".join(left), "utf-8")
    async with make_stack(directory) as stack:
        assert stack.postgres.pid
    assert psutil.pid_exists(os.getppid())


@pytest.mark.stack
async def test_a_second_start_on_the_same_data_says_so(directory: Path) -> None:
    async with make_stack(directory) as stack:
        with pytest.raises(StackError, match="already running on the data in"):
            await make_stack(directory).__aenter__()
        async with connected(stack.databases["audit"].service) as service:
            assert await service.fetchval("SELECT 1") == 1


@pytest.mark.stack
@pytest.mark.parametrize(
    ("port", "user"),
    [("postgres_port", "PostgreSQL"), ("kafka_port", "Kafka"), ("kafka_controller_port", "Kafka's controller")],
)
async def test_a_busy_port_is_named(directory: Path, port: str, user: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        number = int(other.getsockname()[1])
        with pytest.raises(StackError, match=f"Port {number}, wanted by {user}, is in use"):
            await make_stack(directory, **{port: number}).__aenter__()


@pytest.mark.stack
async def test_the_database_keeps_what_it_acknowledges(stack: Stack) -> None:
    async with connected(stack.databases["reuse"].service) as service:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await service.fetchval("SELECT current_setting($1)", setting) == "on"
        assert await service.fetchval("SHOW password_encryption") == "scram-sha-256"
        assert await service.fetchval("SHOW listen_addresses") == "127.0.0.1"
        assert (await service.fetchval("SHOW server_version")).startswith("18.")


@pytest.mark.stack
@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_uses_its_tables_but_cannot_change_them(stack: Stack, name: str) -> None:
    async with connected(stack.databases[name].owner) as owner:
        await owner.execute("CREATE TABLE rights (id bigint GENERATED ALWAYS AS IDENTITY, n int)")
        try:
            async with connected(stack.databases[name].service) as service:
                await service.execute("INSERT INTO rights (n) VALUES (1)")
                await service.execute("UPDATE rights SET n = 2")
                assert await service.fetchval("DELETE FROM rights RETURNING n") == 2
                for refused in ("TRUNCATE rights", "DROP TABLE rights", "CREATE TABLE more (n int)"):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await service.execute(refused)
        finally:
            await owner.execute("DROP TABLE rights")


@pytest.mark.stack
async def test_a_service_cannot_enter_anothers_database(stack: Stack) -> None:
    for other in ("identity", "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(stack.postgres.dsn("consent", other))


@pytest.mark.stack
async def test_a_wrong_password_is_refused(stack: Stack) -> None:
    wrong = stack.postgres.dsn("consent", "consent").replace("consent:", "consent:x", 1)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


@pytest.mark.stack
async def test_topics_keep_their_partition_count_for_life(stack: Stack) -> None:
    await stack.kafka.ensure_topics(TOPICS)
    with pytest.raises(StackError, match=r"consent\.events has 4 partitions, not 5"):
        await stack.kafka.ensure_topics({"consent.events": 5})


def test_a_jar_with_another_digest_is_refused_and_removed(directory: Path) -> None:
    jar = directory / "kafka.jar"
    jar.write_bytes(b"not what was reviewed")
    with pytest.raises(StackError, match="it was not used"):
        check_digest(jar, "0" * 64, "org.example:kafka:1")
    assert not jar.exists()


def test_what_cannot_be_fetched_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")  # nobody is there, as on a machine without a network
    listed = directory / "list.sha256"
    listed.write_text(f"{'0' * 64}  org.example:nowhere:1:zip\n", "utf-8")
    with pytest.raises(StackError, match=r"org\.example:nowhere:1:zip, needed by the stack, could not be fetched"):
        files(listed)


def test_a_port_is_given_to_nobody_twice() -> None:
    ports = [port for _ in range(50) for port in free_ports(20)]
    assert len(set(ports)) == len(ports)


def test_no_outgoing_connection_can_hold_a_port_that_was_given_away() -> None:
    linux = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first_outgoing = int(linux.read_text("ascii").split()[0]) if linux.exists() else 49_152  # RFC 6335: dynamic ports
    assert max(free_ports(1_000)) < first_outgoing
