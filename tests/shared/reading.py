"""What a test asks of a reading service: where it stands, what is missing, what was set aside, what is wrong."""

import json
from datetime import datetime

from shared import outbox
from shared.kafka import Kafka, Message
from tests.shared.conftest import Pair

WATERMARKS = 0
"""The number of what has none."""


class Loses:
    """A broker that acknowledges events with these numbers and then does not have them."""

    def __init__(self, kafka: Kafka, *numbers: int) -> None:
        self._kafka, self._numbers = kafka, numbers

    async def publish(self, messages: list[Message]) -> None:
        await self._kafka.publish([m for m in messages if _number(m) not in self._numbers])


def _number(message: Message) -> int:
    return int(json.loads(message.value).get("sequence", "0"))


async def refill(pair: Pair) -> None:
    """Do what an operator does: have the source send what the reader's gaps name."""
    for have, upto in await gaps(pair):
        await outbox.send_again(pair.out, 0, after=have, upto=upto)


async def gaps(pair: Pair) -> list[tuple[int, int]]:
    async with pair.into.read() as tx:
        return [tuple(row.values()) for row in await tx.fetch("SELECT have, upto FROM reader_gap ORDER BY have")]


async def alarm(pair: Pair, kind: str) -> bool:
    return await pair.value("SELECT EXISTS (SELECT FROM alarm WHERE kind = $1)", kind)


async def no_alarm(pair: Pair, kind: str) -> bool:
    return not await alarm(pair, kind)


async def frozen(pair: Pair) -> bool:
    return await pair.value("SELECT frozen FROM reader_watermark WHERE partition = 0")


async def t_of(pair: Pair, partition: int) -> datetime | None:
    return await pair.value("SELECT t FROM reader_watermark WHERE partition = $1", partition)


async def t_is_set(pair: Pair, partition: int = 0) -> bool:
    return await t_of(pair, partition) is not None


async def moved(pair: Pair, before: datetime | None) -> bool:
    now = await t_of(pair, 0)
    return now is not None and (before is None or now > before)


async def reached(pair: Pair, at: datetime) -> bool:
    t = await t_of(pair, 0)
    return t is not None and t > at


async def dead_letters(pair: Pair, count: int) -> bool:
    return await pair.value("SELECT count(*) FROM dead_letter") == count
