"""A small log in memory, bundles of it as an honest or a lying operator makes them, and the check of a proof."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.audit.domain.bundle import Bundle, Opened, Signed
from services.audit.domain.leaf import Leaf, commitment
from services.audit.domain.merkle import leaf_hash, node_hash, root_of
from services.audit.domain.note import Checkpoint, NoteKey
from services.audit.domain.verification import Trust
from services.audit.verify import read_trust
from shared.keys import ServiceKey, jwks

MADE_AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LAST_T = MADE_AT - timedelta(seconds=40)


@dataclass
class Log:
    """Events of `consent` and `reuse`, three of each, and what an operator can make of them."""

    key: NoteKey = field(default_factory=lambda: NoteKey("test.example/log", Ed25519PrivateKey.generate()))
    sources: dict[str, ServiceKey] = field(
        default_factory=lambda: {name: ServiceKey(Ed25519PrivateKey.generate()) for name in ("consent", "reuse")}
    )
    leaves: list[bytes] = field(default_factory=list[bytes])
    events: list[Signed] = field(default_factory=list[Signed])

    def __post_init__(self) -> None:
        for number in (1, 2, 3):
            for source in self.sources:
                self.add(source, number)

    def add(self, source: str, number: int, *, said: str = "") -> None:
        time = f"2026-03-02T09:{number:02}:00.000000Z"
        members = {
            "source": source,
            "sequence": f"{number:019}",
            "type": f"{source}.happened.v1",
            "time": time,
        }
        event = self.sign(source, members | {"data": {"said": said}})
        self.events.append(event)
        committed = commitment(salt=salt_of(len(self.leaves)), canonical=event.canonical, signature=event.signature)
        self.leaves.append(Leaf(source, number, f"{source}.happened.v1", time, committed).canonical())

    def sign(self, source: str, members: dict[str, Any]) -> Signed:
        canonical = json.dumps(members, sort_keys=True).encode()
        return Signed(canonical, self.sources[source].sign(canonical), self.sources[source].kid)

    def watermark(self, source: str, *, last: int = 3, t: datetime = LAST_T) -> Signed:
        data = {"source": source, "partition": 0, "last": last, "t": t.isoformat()}
        return self.sign(
            source, {"source": source, "type": f"{source}.watermark.v1", "id": str(UUID(int=1)), "data": data}
        )

    def checkpoint(self, size: int | None = None) -> str:
        leaves = self.leaves if size is None else self.leaves[:size]
        root = root_of([leaf_hash(leaf) for leaf in leaves])
        return self.key.sign(Checkpoint(self.key.name, len(leaves), root).text())

    def bundle(self, **changes: Any) -> Bundle:
        members: dict[str, Any] = {
            "made_at": MADE_AT,
            "checkpoint": self.checkpoint(),
            "leaves": list(self.leaves),
            "opened": [Opened(2, self.events[2], salt_of(2))],
            "watermarks": [self.watermark(source) for source in self.sources],
        }
        return Bundle(**(members | changes))

    def trust(self) -> Trust:
        sources = {name: jwks([key]) for name, key in self.sources.items()}
        return read_trust({"log": str(self.key.verifier), "sources": sources})


def salt_of(index: int) -> bytes:
    """Return a salt that tests can name again."""
    return bytes([index]) * 32


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether `proof` leads from this leaf to this root, as whoever holds it finds out (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, first, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            node = node_hash(sibling, node)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and node == root
