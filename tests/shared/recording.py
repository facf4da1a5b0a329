"""Keeps what a service would send to a collector, so that tests can look at it."""

from dataclasses import dataclass, field

from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.measures import Measure
from shared.telemetry import Sink, Telemetry

Point = tuple[dict[str, object], float]


@dataclass
class Recording:
    """What was recorded; several services may record to one."""

    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def of(self, service: str) -> Telemetry:
        """Make a telemetry that records here; only one of them may measure."""
        return Telemetry(service, Sink(SimpleSpanProcessor(self.spans), self.metrics))

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the spans of a name that have ended."""
        return [span for span in self.spans.get_finished_spans() if span.name == name]

    def points(self, measure: Measure) -> list[Point]:
        """Return a measure's labels with sum, count or value."""
        data = self.metrics.get_metrics_data()
        if data is None:
            return []
        metrics = [m for resource in data.resource_metrics for scope in resource.scope_metrics for m in scope.metrics]
        return [
            (dict(point.attributes or {}), getattr(point, "count", getattr(point, "value", 0)))
            for metric in metrics
            if metric.name == measure.name
            for point in metric.data.data_points
        ]


def ids_of(span: ReadableSpan) -> tuple[int, int]:
    """Return trace and span id."""
    context = span.context
    assert context is not None
    return context.trace_id, context.span_id


def parent_of(span: ReadableSpan) -> int | None:
    """Return the span id of the parent."""
    return span.parent.span_id if span.parent else None


def linked_to(span: ReadableSpan) -> list[tuple[int, int]]:
    """Return trace and span ids of what it is linked to."""
    return [(link.context.trace_id, link.context.span_id) for link in span.links]
