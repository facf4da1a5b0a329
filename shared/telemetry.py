"""Traces a request through services by hand-made spans; auto-instrumentation costs half of the throughput."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer

# W3C Trace Context §3.2, version 00; all-zero ids are invalid.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


class Telemetry:
    """One service's tracer. Without a collector nothing is recorded, but every request has its trace id."""

    def __init__(self, service: str, endpoint: str | None = None, *, ratio: float = 1.0) -> None:
        sampler = ParentBased(TraceIdRatioBased(ratio)) if endpoint else ALWAYS_OFF
        self._provider = TracerProvider(
            sampler=sampler, resource=Resource({"service.name": service}), shutdown_on_exit=False
        )
        if endpoint:
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self.tracer: Tracer = self._provider.get_tracer("motlan")

    @contextmanager
    def request(self, name: str, traceparent: str | None, *, inside: bool) -> Generator[Span]:
        """Span one request. A trace from inside is continued; one from outside is linked, not trusted to name ours."""
        told = parse(traceparent)
        links = [Link(told)] if told and not inside else []
        parent = trace.set_span_in_context(NonRecordingSpan(told)) if told and inside else Context()
        with self.tracer.start_as_current_span(
            name, parent, SpanKind.SERVER, links=links, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span

    def close(self) -> None:
        """Send what is still buffered."""
        self._provider.shutdown()


def parse(traceparent: str | None) -> SpanContext | None:
    """Read a `traceparent` header; anything malformed counts as none (W3C Trace Context §4.3)."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))


def traceparent() -> str | None:
    """Write the current span as a `traceparent`, for a call or an event that leaves this process."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def trace_id() -> str | None:
    """Return the current trace's id as logs and problems show it."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
