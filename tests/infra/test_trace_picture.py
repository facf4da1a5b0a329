"""A trace is read as it was sent, and drawn with each span under what caused it."""

import xml.etree.ElementTree as ET

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.trace import SpanKind

from infra.observability.drawing import draw
from infra.observability.traces import Span, edges, linked, read_spans, trace_of
from shared import spans, telemetry
from tests.shared.recording import Recording

RELEASE, PUBLISH, PROCESS = "reuse server POST", "reuse producer publish", "audit consumer process"


def sent() -> list[Span]:
    """Return what reuse and audit send of one request, and of another that caused nothing."""
    reuse, audit = Recording(), Recording()
    of_reuse = reuse.of("reuse")
    with of_reuse.request("POST", None, inside=False):
        cause = telemetry.traceparent()
    with of_reuse.request("GET", None, inside=False), spans.each("publish", SpanKind.PRODUCER, [cause], {}) as (event,):
        cause = telemetry.traceparent(event)
    with (
        audit.of("audit").current(),
        spans.batch("take in", {}),
        spans.each("process", SpanKind.CONSUMER, [cause], {}),
    ):
        pass
    bodies = [encode_spans(each.spans.get_finished_spans()).SerializeToString() for each in (reuse, audit)]
    return read_spans(bodies)


def test_a_trace_is_what_one_request_caused_at_every_service() -> None:
    all_ = sent()
    first = next(span for span in all_ if span.label == RELEASE)
    assert {span.label for span in trace_of(first, all_)} == {RELEASE, PUBLISH, PROCESS}
    assert edges(all_) == {(RELEASE, PUBLISH), (PUBLISH, PROCESS)}
    assert linked(all_) == {(PUBLISH, "reuse server GET"), (PROCESS, "audit internal take in")}


def test_a_picture_has_a_bar_for_each_span_under_what_caused_it() -> None:
    all_ = sent()
    trace = trace_of(next(span for span in all_ if span.label == RELEASE), all_)
    drawn = ET.fromstring(draw(trace, "A <release>"))  # noqa: S314 - our own
    text = "{http://www.w3.org/2000/svg}text"
    said = [(each.text, float(each.attrib["x"])) for each in drawn.iter(text)]
    names = [(name, x) for name, x in said if name in {span.name for span in trace}]
    assert names == [("POST", 0), ("publish", 14), ("process", 28)]
    assert said[0][0] == "A <release>"
