"""What is measured by looking: how far events have come; read by a timer, never when metrics are sent."""

from datetime import datetime

from shared.db import Database, Tx
from shared.measures import ALARMS, OUTBOX_AGE, OUTBOX_WAITING, PARKED, UNSEALED_AGE, WATERMARK_AGE
from shared.telemetry import Telemetry

LOOK_EVERY = 10.0  # seconds

# Each part is answered by an index that holds only the rows it is about (sql/0001_messaging.sql).
_OUTBOX = """
SELECT clock_timestamp() AS now,
       (SELECT count(*) FROM outbox WHERE sequence IS NULL)
       + (SELECT count(*) FROM outbox WHERE sequence IS NOT NULL AND published_at IS NULL) AS waiting,
       least((SELECT min(time) FROM outbox WHERE sequence IS NULL),
             (SELECT min(time) FROM outbox WHERE sequence IS NOT NULL AND published_at IS NULL)) AS waiting_since,
       (SELECT min(time) FROM outbox WHERE sealed_at IS NULL) AS unsealed_since,
       (SELECT count(*) FROM parked) AS parked
"""
_WATERMARKS = "SELECT source, min(t) AS t FROM reader_watermark GROUP BY source HAVING min(t) IS NOT NULL"
_ALARMS = "SELECT kind, count(*) AS number FROM alarm GROUP BY kind"


async def look(db: Database, telemetry: Telemetry) -> None:
    """Show how things are now; where that cannot be found out nothing is shown, for old news would look like good news.

    Raises DatabaseUnavailable.
    """
    try:
        async with db.read() as tx:
            await _show(tx, telemetry)
    except BaseException:
        for gauge in (OUTBOX_WAITING, OUTBOX_AGE, UNSEALED_AGE, WATERMARK_AGE, PARKED, ALARMS):
            telemetry.show(gauge)
        raise


async def _show(tx: Tx, telemetry: Telemetry) -> None:
    outbox = await tx.fetchrow(_OUTBOX)
    assert outbox is not None  # noqa: S101 - a SELECT without FROM has one row
    now: datetime = outbox["now"]
    telemetry.show(OUTBOX_WAITING, (outbox["waiting"], {}))
    telemetry.show(OUTBOX_AGE, (_age(outbox["waiting_since"], now), {}))
    telemetry.show(UNSEALED_AGE, (_age(outbox["unsealed_since"], now), {}))
    telemetry.show(PARKED, (outbox["parked"], {}))
    marks = await tx.fetch(_WATERMARKS)
    telemetry.show(WATERMARK_AGE, *((_age(row["t"], now), {"source": row["source"]}) for row in marks))
    alarms = await tx.fetch(_ALARMS)
    telemetry.show(ALARMS, *((row["number"], {"kind": row["kind"]}) for row in alarms))


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
