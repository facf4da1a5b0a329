"""What is set aside instead of taken in: how much of it is too much, and forgeries and garbage as dead letters."""

import hashlib
import itertools
from dataclasses import dataclass, replace

from shared import alarms
from shared.db import Tx
from shared.events import MAX_BYTES
from shared.kafka import Record


class TooMuchDiverted(Exception):
    """So much is set aside that the fault is likely ours (a missing key, a broken handler): stop and lose nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a consumer sets aside before it stops."""

    parked: int = 1000  # rows, in all
    failed_per_minute: int = 50  # events whose own handler failed
    dead_per_minute: int = 1000  # messages nobody of ours signed


async def check_parked(tx: Tx, limits: Limits) -> None:
    """Raise TooMuchDiverted, so that this transaction is undone, when it parked more than is allowed."""
    found = await tx.fetchrow(
        """SELECT count(*) AS parked,
                  count(error) FILTER (WHERE parked_at > clock_timestamp() - interval '1 minute') AS failed
           FROM parked"""
    )
    if found and (found["parked"] > limits.parked or found["failed"] > limits.failed_per_minute):
        raise TooMuchDiverted(f"{found['parked']} parked, {found['failed']} failed within a minute")


def _trimmed(record: Record) -> Record:
    """Return as much of a record as is kept: whoever wrote it chose its size, and nothing of it may fail to be kept."""
    headers = {name[:100]: value[:1024] for name, value in itertools.islice(record.headers.items(), 16)}
    return replace(record, value=record.value[:MAX_BYTES], headers=headers)


async def bury(tx: Tx, record: Record, reason: str, limits: Limits) -> Record:
    """Keep a dead letter as a row, once however often it is delivered; return what was kept. Raises TooMuchDiverted."""
    kept = _trimmed(record)
    recent = await tx.fetchval(
        "SELECT count(*) FROM dead_letter WHERE received_at > clock_timestamp() - interval '1 minute'"
    )
    if recent >= limits.dead_per_minute:
        raise TooMuchDiverted(f"{recent} dead letters within a minute")
    await tx.execute(
        """INSERT INTO dead_letter (topic, partition, kafka_offset, digest, reason, headers, value)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING""",
        record.topic, record.partition, record.offset, hashlib.sha256(record.value).digest(), reason,
        {ascii(name): value.hex() for name, value in kept.headers.items()}, kept.value,
    )  # fmt: skip
    place = {"partition": record.partition, "offset": record.offset, "reason": reason}
    await alarms.raise_alarm(tx, "dead_letter", record.topic, place)
    return kept
