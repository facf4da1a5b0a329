"""The one form in which services tell each other what happened: CloudEvents 1.0 JSON, canonical, signed as bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from shared import canonical as spelling
from shared import ids

Data = Mapping[str, JsonValue]

MAX_BYTES = 256 * 1024
"""No event is larger; events carry ids and digests, so one that comes near this is a mistake or an attack."""

_COMMON = {"specversion", "id", "source", "type", "time", "datacontenttype", "data"}
_NUMBERED = _COMMON | {"partitionkey", "sequence", "previous", "partition"}
_DIGITS = 19  # a bigint, so that numbers sort as text too (CloudEvents sequence extension)


class Malformed(ValueError):
    """These bytes are not an event as we write them; the message says where, never what was in it."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a service says has happened; `outbox.append` makes it part of the transaction that made it true."""

    type: str  # consent.granted.v1
    key: str  # whose order matters: the subject, or what architecture and contract name instead
    data: Data  # ids and digests, never personal data
    time: datetime  # the use case's now
    id: UUID = field(default_factory=ids.new)


@dataclass(frozen=True, slots=True)
class Received:
    """A numbered event of another service whose signature has been verified."""

    source: str
    type: str
    id: UUID
    key: str
    time: datetime
    sequence: int
    previous: int  # the number before it on this partition, 0 for the first
    partition: int
    data: Data
    canonical: bytes
    signature: bytes
    kid: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified message without a number: true when it was said, kept in no log (`audit.sealed.v1`)."""

    source: str
    type: str
    id: UUID
    time: datetime
    data: Data
    canonical: bytes
    signature: bytes
    kid: str


@dataclass(frozen=True, slots=True)
class Watermark:
    """A source's signed word that all it committed before `t` is published, `last` being the newest on a partition."""

    source: str
    partition: int
    t: datetime
    last: int
    canonical: bytes
    signature: bytes
    kid: str

    @classmethod
    def of(cls, notice: Notice) -> "Watermark":
        """Read a `<source>.watermark.v1`. Raises Malformed."""
        data = notice.data
        if set(data) != {"source", "partition", "t", "last"} or data["source"] != notice.source:
            raise Malformed("watermark members")
        return cls(
            source=notice.source,
            partition=_integer(data["partition"]),
            t=_instant(data["t"]),
            last=_number(data["last"]),
            canonical=notice.canonical,
            signature=notice.signature,
            kid=notice.kid,
        )


def encode(source: str, event: Event, *, sequence: int, previous: int, partition: int) -> bytes:
    """Return the canonical bytes (RFC 8785) of a numbered event; these are what is signed and sent."""
    numbers = {"sequence": _digits(sequence), "previous": _digits(previous), "partition": partition}
    return spelling.dumps(_envelope(source, event) | {"partitionkey": event.key} | numbers)


def encode_notice(source: str, type_: str, data: Data, *, time: datetime) -> bytes:
    """Return the canonical bytes of a message that has no number."""
    return spelling.dumps(_envelope(source, Event(type_, "", data, time)))


def check(event: Event) -> None:
    """Raise ValueError for an event that no relay could ever publish, before it is committed and stops them all."""
    if len(encode("", event, sequence=0, previous=0, partition=0)) > MAX_BYTES - 1024:
        raise ValueError(f"{event.type} is too long")


def watermark_data(source: str, partition: int, t: datetime, last: int) -> Data:
    """Return the data of a `<source>.watermark.v1`."""
    return {"source": source, "partition": partition, "t": written(t), "last": _digits(last)}


def decode(canonical: bytes, *, signature: bytes, kid: str) -> Received | Notice:
    """Read what a source signed; the caller has verified the signature.

    Raises Malformed unless the bytes are exactly what `encode` or `encode_notice` would have written.
    """
    message = _object(canonical)
    if message.get("specversion") != "1.0" or message.get("datacontenttype") != "application/json":
        raise Malformed("not a CloudEvent of ours")
    if message.keys() == _COMMON:
        return Notice(**_common(message), canonical=canonical, signature=signature, kid=kid)
    if message.keys() != _NUMBERED:
        raise Malformed("members")
    received = Received(
        **_common(message),
        key=_text(message["partitionkey"]),
        sequence=_number(message["sequence"]),
        previous=_number(message["previous"]),
        partition=_integer(message["partition"]),
        canonical=canonical,
        signature=signature,
        kid=kid,
    )
    if received.sequence <= received.previous:
        raise Malformed("sequence")
    return received


def written(time: datetime) -> str:
    """Return an instant as events write it: UTC, six decimals, Z."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _envelope(source: str, event: Event) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": event.type,
        "time": written(event.time),
        "datacontenttype": "application/json",
        "data": dict(event.data),
    }


def _object(canonical: bytes) -> dict[str, JsonValue]:
    if len(canonical) > MAX_BYTES:
        raise Malformed("too long")
    try:
        # orjson would read a duplicate member or a wider number silently; writing it again finds every such trick.
        message = json.loads(canonical)
        same = spelling.dumps(message) == canonical
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not same or not isinstance(message, dict):
        raise Malformed("not canonical")
    return message  # pyright: ignore[reportUnknownVariableType] - json gives back JSON


def _common(message: Mapping[str, JsonValue]) -> dict[str, Any]:
    data, source, type_ = message["data"], _text(message["source"]), _text(message["type"])
    if not isinstance(data, dict):
        raise Malformed("data")
    if not type_.startswith(source + "."):
        raise Malformed("type of another source")
    id_ = _text(message["id"])
    try:
        uuid = UUID(id_)
    except ValueError:
        raise Malformed("id") from None
    if str(uuid) != id_:
        raise Malformed("id")
    return {"source": source, "type": type_, "id": uuid, "time": _instant(message["time"]), "data": data}


def _text(value: JsonValue) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise Malformed("text")
    return value


def _integer(value: JsonValue) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise Malformed("integer")
    return value


def _digits(number: int) -> str:
    return f"{number:0{_DIGITS}}"


def _number(value: JsonValue) -> int:
    digits = _text(value)
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdecimal()) or int(digits) >= 1 << 63:
        raise Malformed("number")
    return int(digits)


def _instant(value: JsonValue) -> datetime:
    text = _text(value)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("time") from None
    if instant.tzinfo is None or written(instant) != text:
        raise Malformed("time")
    return instant
