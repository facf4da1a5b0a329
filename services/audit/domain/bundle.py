"""A bundle: what an auditor carries away to check the log where neither we nor a network are."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast

FORMAT = "motlan-bundle/1"
BETWEEN_LEAVES, END = ",\n  ", "\n ]\n}"
"""What stands between the lines of leaves, and after the last."""


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


def lines_of(leaves: Sequence[bytes]) -> str:
    """Write some leaves as members of a JSON array."""
    return BETWEEN_LEAVES.join(json.dumps(leaf.decode(), ensure_ascii=False) for leaf in leaves)


@dataclass(frozen=True, kw_only=True)
class Cover:
    """What a bundle says before its leaves: the opened events, each source's newest covered watermarks."""

    made_at: datetime
    checkpoint: str
    opened: Sequence[Opened]
    watermarks: Sequence[Signed]
    more: bool = False
    """Whether further events match than are opened here."""

    def beginning(self) -> str:
        """Write it as JSON up to the first leaf; leaves (`lines_of`) and `END` make it whole, and nothing less does."""
        opened = [
            {"index": each.index, "salt": base64.b64encode(each.salt).decode()} | each.event.as_json()
            for each in self.opened
        ]
        members = {
            "format": FORMAT,
            "made_at": self.made_at.isoformat(),
            "checkpoint": self.checkpoint,
            "watermarks": [watermark.as_json() for watermark in self.watermarks],
            "opened": opened,
            "more": self.more,
        }
        return json.dumps(members, ensure_ascii=False, indent=1).removesuffix("\n}") + ',\n "leaves": [\n  '


@dataclass(frozen=True, kw_only=True)
class Bundle(Cover):
    """A cover with all leaves up to its checkpoint (no personal data)."""

    leaves: Sequence[bytes]

    def dump(self) -> str:
        """Write the bundle as JSON."""
        return self.beginning() + lines_of(self.leaves) + END

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
