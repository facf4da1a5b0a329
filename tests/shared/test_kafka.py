"""The client: a key lies where every Kafka client looks for it, and a subscription ends whatever it meets."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from shared.kafka import BrokerUnavailable, Kafka, Record, partition_for


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [  # the vectors of Kafka's own UtilsTest.java
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_a_key_has_the_partition_the_java_client_gives_it(key: str, murmur2: int) -> None:
    for partitions in (1, 4, 7):
        assert partition_for(key, partitions) == (murmur2 & 0x7FFFFFFF) % partitions


class LostConnection:
    """A consumer whose connection goes while the last commit is written, or is never heard of again."""

    def __init__(self, loss: Exception | None) -> None:
        self.loss, self.stopped = loss, False

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("consent.events", 0)}

    async def start(self) -> None:
        pass

    async def commit(self, offsets: object) -> None:
        if self.loss is None:
            await asyncio.Event().wait()
        else:
            raise self.loss

    async def stop(self) -> None:
        self.stopped = True
        fetching = asyncio.ensure_future(asyncio.sleep(9))
        await asyncio.sleep(0)
        fetching.cancel()  # as aiokafka does: awaited without a word, its CancelledError is ours
        await fetching


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[LostConnection], None]:
    """Return what lets a consumer be this one."""

    async def room(*_: object) -> None:
        pass

    def play(consumer: LostConnection) -> None:
        monkeypatch.setattr("shared.kafka.AIOKafkaConsumer", lambda *_topics, **_options: consumer)  # pyright: ignore
        monkeypatch.setattr(Kafka, "_check_room", room)

    return play


@pytest.mark.parametrize(
    "loss",
    [
        KafkaConnectionError("gone"),
        RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed"),
        ZeroDivisionError("a fault of ours"),
    ],
    ids=["connection", "uvloop", "fault"],
)
async def test_a_member_is_stopped_whatever_its_last_commit_meets(
    loss: Exception, play: Callable[[LostConnection], None]
) -> None:
    """Else it keeps its partitions from the others for as long as five minutes."""
    consumer = LostConnection(loss)
    play(consumer)
    told = ZeroDivisionError if isinstance(loss, ZeroDivisionError) else BrokerUnavailable
    with suppress(ZeroDivisionError):
        async with Kafka("nowhere").subscribe("reuse", ["consent.events"]) as subscription:
            subscription.done(Record("consent.events", 0, 7, b"", {}))
            with pytest.raises(told):
                await subscription.commit()
            subscription.done(Record("consent.events", 0, 8, b"", {}))
    assert consumer.stopped


async def test_a_client_that_is_never_heard_of_again_is_left(
    play: Callable[[LostConnection], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own bounds do not hold once its metadata task has died: a commit then waits for ever."""
    monkeypatch.setattr("shared.kafka.STUCK_AFTER", 0.1)
    monkeypatch.setattr("shared.kafka._COMMIT_EVERY", 0.0)
    play(LostConnection(None))
    async with Kafka("nowhere").subscribe("reuse", ["consent.events"]) as subscription:
        subscription.done(Record("consent.events", 0, 7, b"", {}))
        with pytest.raises(BrokerUnavailable):
            await asyncio.wait_for(subscription.poll(0.0), timeout=5)
