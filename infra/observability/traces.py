"""Reads what services sent to a collector: spans with their service, their parents and what they are linked to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@dataclass(frozen=True)
class Span:
    """One span as it was sent; times in nanoseconds."""

    service: str
    kind: str
    name: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    links: tuple[tuple[bytes, bytes], ...]
    start: int
    end: int
    attributes: dict[str, str]

    @property
    def label(self) -> str:
        """Service, kind and name: what the span is, whichever trace it is in."""
        return f"{self.service} {self.kind} {self.name}"


def read_spans(bodies: Iterable[bytes]) -> list[Span]:
    """Return all spans, in the order in which they began."""
    return sorted((span for body in bodies for span in _of(body)), key=lambda span: span.start)


def _of(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            yield from (_span(service, sent) for sent in scope.spans)


def _span(service: str, sent: Sent) -> Span:
    links = tuple((link.trace_id, link.span_id) for link in sent.links)
    return Span(
        service, _KINDS[sent.kind], sent.name, sent.trace_id, sent.span_id, sent.parent_span_id, links,
        sent.start_time_unix_nano, sent.end_time_unix_nano, _attributes(sent.attributes),
    )  # fmt: skip


def _attributes(given: Iterable[KeyValue]) -> dict[str, str]:
    return {each.key: each.value.string_value or str(each.value.int_value) for each in given}


def trace_of(span: Span, spans: Iterable[Span]) -> list[Span]:
    """Return the spans of a span's trace."""
    return [each for each in spans if each.trace_id == span.trace_id]


def edges(spans: Iterable[Span]) -> set[tuple[str, str]]:
    """Return what caused what within traces: (label of the parent, label of the child)."""
    known = {(span.trace_id, span.span_id): span for span in spans}
    parents = ((known.get((span.trace_id, span.parent_id)), span) for span in known.values())
    return {(parent.label, span.label) for parent, span in parents if parent}


def linked(spans: Iterable[Span]) -> set[tuple[str, str]]:
    """Return what is linked to what, across traces: (label, label of the other)."""
    known = {(span.trace_id, span.span_id): span for span in spans}
    return {(span.label, known[link].label) for span in known.values() for link in span.links if link in known}


def read_metrics(bodies: Iterable[bytes]) -> set[tuple[str, str]]:
    """Return which service has sent which metric."""
    return {
        (_attributes(resource.resource.attributes)["service.name"], metric.name)
        for body in bodies
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
