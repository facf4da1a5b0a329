"""Where personal data must not be: every place that a whole system writes to, read as raw as it lies there."""
# aiokafka ships no types; what we take from it here are a consumer and bytes.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.embedded.keyring import SERVICES
from infra.embedded.laptop import Laptop
from infra.embedded.stack import TOPICS
from infra.observability.collector import Collector
from tests.e2e.canaries import Finding, Search
from tests.e2e.watching import Watch

_BLOCK = 1 << 20
_OWN_CATALOGUES = ("pg_catalog", "information_schema")
Read = Callable[[str, str, bytes], None]


async def look_everywhere(system: Laptop, watch: Watch, search: Search, collector: Collector) -> list[Finding]:
    """Return every canary in every place of a running system."""
    found: list[Finding] = []

    def read(place: str, where: str, content: bytes) -> None:
        found.extend(search.find(place, where, content))

    directory = system.keyring.directory.parent
    _read_answers(watch, read)
    for place, sent in (("traces", collector.traces), ("metrics", collector.metrics)):
        for number, body in enumerate(sent):
            read(place, str(number), body)
    await _read_topics(system, read)
    for name in SERVICES:
        await _read_tables(system, name, read)
    await _flush(system)
    for place, files in _files(directory).items():
        for path in files:
            _read_file(place, path, search, read)
    return found


def _read_answers(watch: Watch, read: Read) -> None:
    for each in watch.seen:
        read("URLs", each.method, each.url.encode())
        read("URLs", "location", each.headers.get("location", "").encode())
        if each.status >= 400:
            read("error bodies", f"{each.method} {each.status}", each.body)
        if "/health" in each.url:
            read("health", each.method, each.body)


async def _read_topics(system: Laptop, read: Read) -> None:
    """Read every record of every topic: key, value and headers."""
    consumer = AIOKafkaConsumer(bootstrap_servers=system.stack.kafka.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for topic, count in TOPICS.items() for number in range(count)]
        ends = await consumer.end_offsets(partitions)
        left = {each for each in partitions if ends[each]}
        consumer.assign(list(left))
        await consumer.seek_to_beginning()
        while left:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    headers = b"".join(name.encode() + b"=" + value for name, value in record.headers)
                    read("topics", record.topic, (record.key or b"") + b" " + (record.value or b"") + b" " + headers)
            left = {each for each in left if await consumer.position(each) < ends[each]}
    finally:
        await consumer.stop()


async def leave_in_topic(system: Laptop, topic: str, value: bytes) -> None:
    """Write a record that nobody reads."""
    producer = AIOKafkaProducer(bootstrap_servers=system.stack.kafka.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def _read_tables(system: Laptop, name: str, read: Read) -> None:
    """Dump every table as text: what is compressed in its file is plain here, and bytea is hex."""
    connection = await asyncpg.connect(system.stack.postgres.dsn("postgres", name))
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname <> ALL($1)", _OWN_CATALOGUES
        )
        for schema, table in tables:
            dump: list[bytes] = []

            async def keep(chunk: bytes, dump: list[bytes] = dump) -> None:
                dump.append(chunk)

            await connection.copy_from_table(table, schema_name=schema, output=keep)
            read("tables", f"{name}.{table}", b"".join(dump))
        statistics = await connection.fetch("SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats")
        read("tables", f"{name}.pg_stats", "\n".join(str(tuple(row)) for row in statistics).encode())
        queries = await connection.fetch("SELECT query FROM pg_stat_activity")
        read("tables", f"{name}.pg_stat_activity", "\n".join(str(row["query"]) for row in queries).encode())
    finally:
        await connection.close()


async def _flush(system: Laptop) -> None:
    """Have everything that is committed lie in files."""
    connection = await asyncpg.connect(system.stack.postgres.dsn("postgres", "postgres"))
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _files(directory: Path) -> dict[str, list[Path]]:
    """Return what lies in the data directory, by kind of place; nothing of it is left out but keys and settings."""
    cluster, broker = directory / "postgres" / "cluster", directory / "kafka" / "logs"
    kinds = {
        "PostgreSQL's files": _below(cluster),
        "Kafka's segments": _below(broker),
        "PostgreSQL's log": [directory / "postgres" / "postgres.log"],
        "Kafka's log": [directory / "kafka" / "kafka.log"],
    }
    known = {path for files in kinds.values() for path in files}
    rest = [path for path in _below(directory) if path not in known and path.suffix != ".pem"]
    return kinds | {"service logs": rest}


def _below(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _read_file(place: str, path: Path, search: Search, read: Read) -> None:
    try:
        with path.open("rb") as file:
            for block in _blocks(iter(lambda: file.read(_BLOCK), b""), search.longest):
                read(place, path.name, block)
    except FileNotFoundError:  # a running server recycles its files
        return


def _blocks(chunks: Iterator[bytes], overlap: int) -> Iterator[bytes]:
    """Yield overlapping pieces, without those that are only zeros."""
    end = b""
    for chunk in chunks:
        if chunk.strip(b"\0"):
            yield end + chunk
        end = chunk[-overlap:]
