"""Whether what lies in a topic is what a service of ours has signed, for this topic and this partition."""

from collections.abc import Mapping

from shared import events
from shared.events import MAX_BYTES, Malformed, Notice, Received, Watermark
from shared.kafka import Record
from shared.keys import Trust

Arrived = Received | Notice | Watermark


def read(record: Record, source: str, trust: Trust) -> Arrived:
    """Return what the record says once `source`, whose topic it lies in, is shown to have signed it.

    Raises Forged or Malformed. The signature comes first: nothing of an unsigned value is looked into.
    """
    if len(record.value) > MAX_BYTES:
        raise Malformed("too long")
    signature, kid = record.headers.get("signature", b""), _text(record.headers, "kid")
    trust.verify(source, kid, record.value, signature)
    message = events.decode(record.value, signature=signature, kid=kid)
    if message.source != source:
        raise Malformed("source of another topic")
    if isinstance(message, Notice) and message.type == f"{source}.watermark.v1":
        message = Watermark.of(message)
    if not isinstance(message, Notice) and message.partition != record.partition:
        raise Malformed("partition")
    return message


def traceparent(record: Record) -> str | None:
    """Return the trace the record says it belongs to; it is outside the signature, so only logs may use it."""
    return _text(record.headers, "traceparent")[:55] or None


def _text(headers: Mapping[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode("ascii", "replace")[:100]
