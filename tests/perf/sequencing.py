"""Audit's sequencer: events that have arrived become leaves under signed checkpoints."""

import time

from services.audit.domain.note import NoteKey
from services.audit.service import sequencing
from shared import clock
from shared.db import Database

COUNT = 10_000
_FILL = """
INSERT INTO entry (source, sequence, event_id, type, time, subject_id, dossier_uid, digest, canonical, signature, kid,
                   salt)
SELECT 'reuse', coalesce((SELECT max(sequence) FROM entry), 0) + n, gen_random_uuid(), 'reuse.released.v1',
       clock_timestamp(), gen_random_uuid(), gen_random_uuid(), sha256(int8send(n)),
       convert_to(repeat('x', 1200), 'UTF8'), convert_to(repeat('s', 64), 'UTF8'), 'kid', sha256(int8send(-n))
FROM generate_series(1, $1::int) n
"""


async def sequenced(dsn: str, key: NoteKey) -> float:
    """Let events arrive, then return leaves a second."""
    db = await Database.connect(dsn)
    try:
        async with db.transaction() as tx:
            await tx.execute(_FILL, COUNT)
        started = time.perf_counter()
        await sequencing.sequence(db, key=key, now=clock.now())
        return COUNT / (time.perf_counter() - started)
    finally:
        await db.close()
