"""A leaf: what the log says of one event without telling what is in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self, cast

from shared import canonical as spelling

VERSION = 1
SALT_BYTES = 32


class BadLeaf(ValueError):
    """Bytes that are no leaf of this log."""


def commitment(*, salt: bytes, canonical: bytes, signature: bytes) -> str:
    """Commit to an event and its signature; without the salt nobody can guess the event from it. Hexadecimal."""
    return sha256(salt + canonical + signature).hexdigest()


@dataclass(frozen=True)
class Leaf:
    """One event in the log: who numbered it, which number, what kind, when, and the commitment to its bytes."""

    source: str
    sequence: int
    type: str
    time: str
    commitment: str

    def canonical(self) -> bytes:
        """Return the leaf's bytes: RFC 8785 JSON."""
        members = {
            "v": VERSION,
            "source": self.source,
            "sequence": self.sequence,
            "type": self.type,
            "time": self.time,
            "commitment": self.commitment,
        }
        return spelling.dumps(members)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a leaf; raise `BadLeaf` unless these very bytes are what such a leaf is written as."""
        try:
            leaf = cls._of(cast(Mapping[str, Any], json.loads(raw)))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise BadLeaf("not a leaf") from None
        if leaf.canonical() != raw:
            raise BadLeaf("not a canonical leaf")
        return leaf

    @classmethod
    def _of(cls, members: Mapping[str, Any]) -> Self:
        return cls(
            source=str(members["source"]),
            sequence=int(members["sequence"]),
            type=str(members["type"]),
            time=str(members["time"]),
            commitment=str(members["commitment"]),
        )
