"""Traces and measures one service by hand-made spans; auto-instrumentation costs half of the throughput."""

import re
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer

from shared.measures import Instruments, Labels, Measure

# W3C Trace Context §3.2, version 00; all-zero ids are invalid.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_QUIET = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("motlan")
_PATIENCE = 2.0  # seconds, for each batch; the library's own 10 would outlast the time a service is given to stop


@dataclass(frozen=True)
class Sink:
    """Where spans and metrics go."""

    spans: SpanProcessor
    metrics: MetricReader


def collector(base_url: str, *, every_ms: int = 15_000) -> Sink:
    """Send to a collector (OTLP over HTTP, protobuf), metrics at this interval. What it does not take is dropped."""
    traces = OTLPSpanExporter(f"{base_url}/v1/traces", timeout=_PATIENCE)
    metrics = OTLPMetricExporter(f"{base_url}/v1/metrics", timeout=_PATIENCE)
    return Sink(BatchSpanProcessor(traces), PeriodicExportingMetricReader(metrics, every_ms))


class Telemetry:
    """One service's tracer and instruments. Without a sink nothing is recorded, but every request has its trace id."""

    def __init__(self, service: str, sink: Sink | None = None, *, ratio: float = 1.0) -> None:
        self.recording = sink is not None
        sampler = ParentBased(TraceIdRatioBased(ratio)) if sink else ALWAYS_OFF
        resource = Resource(
            {"service.namespace": "motlan", "service.name": service, "service.instance.id": str(uuid4())}
        )
        self._provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        self._meters: MeterProvider | None = None
        self._instruments: Instruments | None = None
        if sink:
            self._provider.add_span_processor(sink.spans)
            self._meters = MeterProvider([sink.metrics], resource, shutdown_on_exit=False)
            self._instruments = Instruments(self._meters.get_meter("motlan"))
        self.tracer: Tracer = self._provider.get_tracer("motlan")

    @contextmanager
    def current(self) -> Generator[None]:
        """Make what is traced and measured within the block this service's: several may run in one process."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    @contextmanager
    def request(self, name: str, traceparent: str | None, *, inside: bool, recorded: bool = True) -> Generator[Span]:
        """Span one request. A trace from inside is continued; one from outside is linked, not trusted to name ours.

        One that is not `recorded` has its trace id for the log, and no more.
        """
        told = parse(traceparent)
        links = [Link(told)] if told and not inside else []
        parent = trace.set_span_in_context(NonRecordingSpan(told)) if told and inside else Context()
        with (
            self.current(),
            (self.tracer if recorded else _QUIET).start_as_current_span(
                name, parent, SpanKind.SERVER, links=links, record_exception=False, set_status_on_exception=False
            ) as span,
        ):
            yield span

    def record(self, measure: Measure, value: float, labels: Labels) -> None:
        """Note one duration in seconds."""
        if self._instruments:
            self._instruments.record(measure, value, labels)

    def count(self, measure: Measure, labels: Labels, number: int = 1) -> None:
        """Count what happened."""
        if self._instruments and number:
            self._instruments.count(measure, labels, number)

    def show(self, measure: Measure, *values: tuple[float, Labels]) -> None:
        """Replace what a gauge shows."""
        if self._instruments:
            self._instruments.show(measure, values)

    def close(self) -> None:
        """Send what is still buffered; where no collector takes it, the end of a service waits some seconds at most."""
        with ThreadPoolExecutor() as closing:
            closing.submit(self._provider.shutdown)
            if self._meters:
                closing.submit(self._meters.shutdown)


_CURRENT: ContextVar[Telemetry | None] = ContextVar("telemetry", default=None)


def current() -> Telemetry | None:
    """Return the telemetry of the service that works here; None outside of one that records."""
    found = _CURRENT.get()
    return found if found and found.recording else None


def count(measure: Measure, labels: Labels, number: int = 1) -> None:
    """Count what happened in the service that works here."""
    if found := current():
        found.count(measure, labels, number)


def parse(traceparent: str | None) -> SpanContext | None:
    """Read a `traceparent` header; anything malformed counts as none (W3C Trace Context §4.3)."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))


def traceparent(span: Span | None = None) -> str | None:
    """Write a span, or the current one, as a `traceparent`, for a call or an event that leaves this process."""
    context = (span or trace.get_current_span()).get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def trace_id() -> str | None:
    """Return the current trace's id as logs and problems show it."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def ids() -> dict[str, str]:
    """Return what a log line says of the current span; nothing where there is none."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
