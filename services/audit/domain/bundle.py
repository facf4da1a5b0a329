"""A bundle: what an auditor carries away to check the log where neither we nor a network are."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast

FORMAT = "motlan-bundle/1"
BETWEEN, BEFORE_LEAVES, END = ",\n  ", '\n ],\n "leaves": [\n  ', "\n ]\n}"
"""What stands between two lines, between opened events and leaves, and after the last leaf."""


class BadBundle(ValueError):
    """A file that is not a bundle."""


@dataclass(frozen=True)
class Signed:
    """A signed message as it went over Kafka: canonical bytes, signature, and which key made it."""

    canonical: bytes
    signature: bytes
    kid: str

    def as_json(self) -> dict[str, str]:
        """Return the members of a bundle; canonical bytes stay readable text."""
        signature = base64.b64encode(self.signature).decode()
        return {"event": self.canonical.decode(), "signature": signature, "kid": self.kid}

    @classmethod
    def of_json(cls, members: Mapping[str, str]) -> Self:
        """Read what `as_json` wrote."""
        return cls(members["event"].encode(), base64.b64decode(members["signature"], validate=True), members["kid"])


@dataclass(frozen=True)
class Opened:
    """An event shown to the auditor, with the salt that ties it to its leaf."""

    index: int
    event: Signed
    salt: bytes


def lines_of_opened(opened: Sequence[Opened]) -> str:
    """Write some opened events as members of a JSON array."""
    members = (
        {"index": each.index, "salt": base64.b64encode(each.salt).decode()} | each.event.as_json() for each in opened
    )
    return BETWEEN.join(json.dumps(each, ensure_ascii=False) for each in members)


def lines_of(leaves: Sequence[bytes]) -> str:
    """Write some leaves as members of a JSON array."""
    return BETWEEN.join(json.dumps(leaf.decode(), ensure_ascii=False) for leaf in leaves)


@dataclass(frozen=True, kw_only=True)
class Cover:
    """What a bundle says before its events and leaves: the checkpoint, and the newest watermarks that it covers."""

    made_at: datetime
    checkpoint: str
    watermarks: Sequence[Signed]
    more: bool = False
    """Whether further events match than are opened here."""

    def beginning(self) -> str:
        """Write it as JSON up to the first opened event.

        Those (`lines_of_opened`), `BEFORE_LEAVES`, the leaves (`lines_of`) and `END` make it whole, nothing less does.
        """
        members = {
            "format": FORMAT,
            "made_at": self.made_at.isoformat(),
            "checkpoint": self.checkpoint,
            "watermarks": [watermark.as_json() for watermark in self.watermarks],
            "more": self.more,
        }
        return json.dumps(members, ensure_ascii=False, indent=1).removesuffix("\n}") + ',\n "opened": [\n  '


@dataclass(frozen=True, kw_only=True)
class Bundle(Cover):
    """A cover with the opened events, and all leaves up to its checkpoint (these tell nothing of anybody)."""

    opened: Sequence[Opened]
    leaves: Sequence[bytes]

    def dump(self) -> str:
        """Write the bundle as JSON."""
        return self.beginning() + lines_of_opened(self.opened) + BEFORE_LEAVES + lines_of(self.leaves) + END

    @classmethod
    def load(cls, text: str) -> Self:
        """Read a bundle; raise `BadBundle` for anything else."""
        try:
            return cls._of(cast(Mapping[str, Any], json.loads(text)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error) as wrong:
            raise BadBundle(f"not a bundle ({type(wrong).__name__})") from None

    @classmethod
    def _of(cls, members: Mapping[str, Any]) -> Self:
        if members["format"] != FORMAT:
            raise BadBundle("another format")
        made_at = datetime.fromisoformat(members["made_at"])
        if made_at.tzinfo is None:
            raise BadBundle("a time without a zone")
        opened = [
            Opened(int(each["index"]), Signed.of_json(each), base64.b64decode(each["salt"], validate=True))
            for each in members["opened"]
        ]
        return cls(
            made_at=made_at,
            checkpoint=str(members["checkpoint"]),
            opened=opened,
            watermarks=[Signed.of_json(each) for each in members["watermarks"]],
            more=bool(members.get("more")),  # older bundles did not say
            leaves=[str(leaf).encode() for leaf in members["leaves"]],
        )
