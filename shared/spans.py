"""Spans beside those of requests: calls to others, and events on their way; a batch is a trace of its own, linked."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from shared import telemetry
from shared.measures import CALLS

Attributes = Mapping[str, AttributeValue]


@dataclass
class Call:
    """One call that is under way."""

    labels: dict[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])

    def answered(self, status: int) -> None:
        """Note the status of the answer; from 400 on the call failed for us (OpenTelemetry, HTTP client spans)."""
        self.labels["http.response.status_code"] = status
        if status >= 400:
            self.labels["error.type"] = str(status)


@contextmanager
def calling(peer: str, method: str) -> Generator[Call]:
    """Span and time one call to `peer`. Its address is not told: it may hold ids, or a code."""
    found, call = telemetry.current(), Call()
    if found is None:
        yield call
        return
    labels: Attributes = {"peer.service": peer, "http.request.method": method}
    started = time.perf_counter()
    span = found.tracer.start_span(f"{method} {peer}", kind=SpanKind.CLIENT, attributes=labels)
    with within(span):
        try:
            yield call
        except BaseException as error:
            call.labels.setdefault("error.type", type(error).__name__)
            raise
        finally:
            _end_call(span, call.labels)
            found.record(CALLS, time.perf_counter() - started, {**labels, **call.labels})


def _end_call(span: Span, labels: Attributes) -> None:
    span.set_attributes(labels)
    if "error.type" in labels:
        span.set_status(Status(StatusCode.ERROR))
    span.end()


@contextmanager
def batch(name: str, attributes: Attributes, *, started: int | None = None) -> Generator[None]:
    """Span work that many causes share, as a trace of its own; `started` is in ns, where it began before the block."""
    found = telemetry.current()
    if found is None:
        yield
        return
    span = found.tracer.start_span(name, Context(), attributes=attributes, start_time=started)
    with within(span), _ending([span]):
        yield


@contextmanager
def each(
    name: str, kind: SpanKind, causes: Sequence[str | None], attributes: Attributes, *, started: int | None = None
) -> Generator[list[Span]]:
    """Span the work of a batch once for each event in it, in the trace of what caused it, linked to the batch.

    `causes` are the traceparents. All end together, with an error where the block raises. Where nothing is recorded
    they only name the trace.
    """
    one = partial(_one, name, kind, attributes, started)
    spans = [one(cause) if cause else INVALID_SPAN for cause in map(telemetry.parse, causes)]
    with _ending(spans):
        yield spans


def _one(name: str, kind: SpanKind, attributes: Attributes, started: int | None, cause: SpanContext) -> Span:
    found = telemetry.current()
    if found is None:
        return NonRecordingSpan(cause)
    shared = trace.get_current_span().get_span_context()
    parent = trace.set_span_in_context(NonRecordingSpan(cause), Context())
    return found.tracer.start_span(name, parent, kind, attributes, [Link(shared)] if shared.is_valid else [], started)


@contextmanager
def _ending(spans: Sequence[Span]) -> Generator[None]:
    try:
        yield
    except BaseException as error:
        for span in spans:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        for span in spans:
            span.end()


@contextmanager
def within(span: Span) -> Generator[None]:
    """Let what is done and logged in the block belong to a span that ends elsewhere."""
    if span is INVALID_SPAN:
        yield
        return
    with trace.use_span(span, record_exception=False, set_status_on_exception=False):
        yield


def link(traceparent: str | None) -> None:
    """Link the current span to what of ours led to it: an earlier request of the same login."""
    if told := telemetry.parse(traceparent):
        trace.get_current_span().add_link(told)
