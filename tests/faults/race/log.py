"""What the log proves: every leaf, opened, held against the checkpoint and against the sources' signatures."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from infra.embedded.keyring import LOG_ORIGIN
from services.audit.domain.leaf import Leaf, commitment
from services.audit.domain.merkle import leaf_hash, root_of
from services.audit.domain.note import Checkpoint, NoteKey
from shared.events import written
from shared.keys import Trust
from tests.faults.processes import System


@dataclass
class Log:
    """The log as far as races are concerned, each number that of the event's own source."""

    leaves: int = 0
    wrong: list[str] = field(default_factory=list[str])
    confirmations: dict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Grant to the moments that were confirmed for it: one, if all is well."""
    released: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    withheld: Counter[UUID] = field(default_factory=Counter[UUID])
    uses: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Evidence to the numbers of the releases that used it."""
    deleted: dict[UUID, int] = field(default_factory=dict[UUID, int])

    def add(self, type_: str, sequence: int, data: Mapping[str, Any]) -> None:
        """Take in one event."""
        match type_:
            case "consent.withdrawal-confirmed.v1":
                self.confirmations[UUID(data["grant"]["grant_id"])].append(data["grant"]["effective_by"])
            case "reuse.released.v1":
                self.released[UUID(data["release_id"])].append(sequence)
                for each in data["evidence_ids"]:
                    self.uses[UUID(each)].append(sequence)
            case "reuse.release-withheld.v1":
                self.withheld[UUID(data["release_id"])] += 1
            case "reuse.evidence-deleted.v1":
                self.deleted[UUID(data["evidence_id"])] = sequence
            case _:
                pass


async def read_log(running: System) -> Log:
    """Open the whole log; what does not hold in it is in `wrong`, in words."""
    trust, log = Trust.load(running.keyring.trust()), Log()
    checkpoint = await _checkpoint(running)  # first: the log grows while it is read
    hashes: list[bytes] = []
    numbers: Counter[tuple[str, int]] = Counter()
    async for row in _entries(running):
        hashes.append(leaf_hash(row["leaf"]))
        numbers[row["source"], row["sequence"]] += 1
        committed = commitment(salt=row["salt"], canonical=row["canonical"], signature=row["signature"])
        leaf = Leaf(row["source"], row["sequence"], row["type"], written(row["time"]), committed)
        if leaf.canonical() != row["leaf"]:
            log.wrong.append(f"leaf {row['index']} is not its event's")
        trust.verify(row["source"], row["kid"], row["canonical"], row["signature"])
        log.add(row["type"], row["sequence"], json.loads(row["canonical"])["data"])
    log.leaves = len(hashes)
    log.wrong += _holes(numbers)
    if len(hashes) < checkpoint.size or root_of(hashes[: checkpoint.size]) != checkpoint.root:
        log.wrong.append(f"the leaves do not give the root of the checkpoint of size {checkpoint.size}")
    return log


async def _entries(running: System) -> AsyncGenerator[asyncpg.Record]:
    connection = await asyncpg.connect(running.stack.databases["audit"].service)
    try:
        async with connection.transaction():
            async for row in connection.cursor(
                """SELECT l.index, l.canonical AS leaf, e.source, e.sequence, e.type, e.time, e.canonical, e.signature,
                          e.kid, e.salt
                   FROM leaf l JOIN entry e ON e.leaf_index = l.index ORDER BY l.index""",
                prefetch=500,
            ):
                yield row
    finally:
        await connection.close()


def _holes(numbers: Counter[tuple[str, int]]) -> list[str]:
    wrong: list[str] = []
    for source in sorted({source for source, _ in numbers}):
        given = sorted(sequence for of, sequence in numbers.elements() if of == source)
        if given != list(range(1, len(given) + 1)):
            wrong.append(f"the numbers of {source} have holes, or one is given twice")
    return wrong


async def _checkpoint(running: System) -> Checkpoint:
    """Fetch the newest checkpoint, signed by the log."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        note = (await http.get(f"{running['audit'].url}/audit/checkpoint")).raise_for_status().text
    key = NoteKey.of_pem(LOG_ORIGIN, running.keyring.ed25519("audit-log").read_bytes()).verifier
    return Checkpoint.open(note, key)
