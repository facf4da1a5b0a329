"""The client: a key lies where every Kafka client looks for it, and a subscription ends whatever it meets."""

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
    """A consumer whose connection goes while the last commit is written."""

    def __init__(self, loss: Exception) -> None:
        self.loss, self.stopped = loss, False

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("consent.events", 0)}

    async def start(self) -> None:
        pass

    async def commit(self, offsets: object) -> None:
        raise self.loss

    async def stop(self) -> None:
        self.stopped = True


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
    loss: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it keeps its partitions from the others for as long as five minutes."""
    consumer = LostConnection(loss)

    def made(*_topics: str, **_options: object) -> LostConnection:
        return consumer

    async def room(*_: object) -> None:
        pass

    monkeypatch.setattr("shared.kafka.AIOKafkaConsumer", made)
    monkeypatch.setattr(Kafka, "_check_room", room)
    told = ZeroDivisionError if isinstance(loss, ZeroDivisionError) else BrokerUnavailable
    with suppress(ZeroDivisionError):
        async with Kafka("nowhere").subscribe("reuse", ["consent.events"]) as subscription:
            subscription.done(Record("consent.events", 0, 7, b"", {}))
            with pytest.raises(told):
                await subscription.commit()
            subscription.done(Record("consent.events", 0, 8, b"", {}))
    assert consumer.stopped
