"""A trace follows one thing that happened from call to call and from event to event; a batch is only linked to it."""

import json

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from shared import log, spans, telemetry
from shared.measures import CALLS
from shared.telemetry import Sink, Telemetry
from tests.shared.recording import Recording, ids_of, linked_to, parent_of

INSIDE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def recorded() -> Recording:
    return Recording()


def test_a_call_is_a_child_of_the_request_it_is_made_for_and_timed(recorded: Recording) -> None:
    service = recorded.of("reuse")
    with service.request("POST", None, inside=False), spans.calling("consent", "GET") as call:
        onward = telemetry.traceparent()
        call.answered(200)
    (request,), (called,) = recorded.named("POST"), recorded.named("GET consent")
    assert called.kind is SpanKind.CLIENT
    assert (ids_of(called)[0], parent_of(called)) == ids_of(request)
    told = telemetry.parse(onward)
    assert told
    assert (told.trace_id, told.span_id, told.trace_flags.sampled) == (*ids_of(called), True)
    assert called.status.status_code is StatusCode.UNSET
    expected = {"http.request.method": "GET", "peer.service": "consent", "http.response.status_code": 200}
    assert recorded.points(CALLS) == [(expected, 1)]


@pytest.mark.parametrize("status", [404, 503])
def test_a_call_that_is_refused_is_a_failed_one(recorded: Recording, status: int) -> None:
    with recorded.of("reuse").current(), spans.calling("consent", "GET") as call:
        call.answered(status)
    (called,) = recorded.named("GET consent")
    assert called.status.status_code is StatusCode.ERROR
    assert (called.attributes or {})["error.type"] == str(status)


def test_a_call_that_nobody_answers_says_only_the_kind_of_its_failure(recorded: Recording) -> None:
    with recorded.of("reuse").current(), pytest.raises(TimeoutError), spans.calling("consent", "GET"):
        raise TimeoutError("032099000123")
    (called,) = recorded.named("GET consent")
    assert (called.attributes or {})["error.type"] == "TimeoutError"
    assert not called.events
    assert "032099000123" not in called.to_json()


def test_each_event_of_a_batch_stays_in_its_own_trace_linked_to_the_batch(recorded: Recording) -> None:
    other = INSIDE.replace("0af7", "0bf7")
    with (
        recorded.of("audit").current(),
        spans.batch("take in", {}),
        spans.each("process", SpanKind.CONSUMER, [INSIDE, other, None], {}) as each,
    ):
        assert len(each) == 3
    (batch,), events = recorded.named("take in"), recorded.named("process")
    assert batch.parent is None
    causes = [telemetry.parse(INSIDE), telemetry.parse(other)]
    assert [(ids_of(span)[0], parent_of(span)) for span in events] == [
        (cause.trace_id, cause.span_id) for cause in causes if cause
    ]
    assert [linked_to(span) for span in events] == [[ids_of(batch)]] * 2


def test_a_batch_that_fails_ends_every_span_with_an_error(recorded: Recording) -> None:
    causes = [INSIDE, INSIDE]
    with (
        recorded.of("audit").current(),
        pytest.raises(KeyError),
        spans.batch("take in", {}),
        spans.each("process", SpanKind.CONSUMER, causes, {}) as (event, _),
        spans.within(event),
    ):
        raise KeyError("032099000123")
    assert [span.status.status_code for span in recorded.named("process")] == [StatusCode.ERROR] * 2
    assert not any("032099000123" in span.to_json() for span in recorded.spans.get_finished_spans())


def test_without_a_collector_an_event_still_names_its_trace_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        Telemetry("audit").current(),
        spans.batch("take in", {}),
        spans.each("process", SpanKind.CONSUMER, [INSIDE], {}) as (span,),
        spans.within(span),
    ):
        log.info("event_taken")
        assert telemetry.traceparent() == INSIDE
    told = json.loads(capsys.readouterr().out)
    assert (told["trace_id"], told["span_id"]) == tuple(INSIDE.split("-")[1:3])


def test_a_line_carries_the_trace_and_the_span_it_was_written_in(
    recorded: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    with recorded.of("reuse").request("POST", None, inside=False), spans.calling("consent", "GET"):
        log.info("asked")
    told = json.loads(capsys.readouterr().out)
    (called,) = recorded.named("GET consent")
    assert (int(told["trace_id"], 16), int(told["span_id"], 16)) == ids_of(called)


def test_a_later_request_of_a_login_is_linked_to_the_first(recorded: Recording) -> None:
    with recorded.of("identity").request("GET", None, inside=False):
        spans.link(INSIDE)
        spans.link(None)
    (request,) = recorded.named("GET")
    told = telemetry.parse(INSIDE)
    assert told
    assert linked_to(request) == [(told.trace_id, told.span_id)]


def test_two_services_in_one_process_record_each_its_own(recorded: Recording) -> None:
    other = Recording()
    with recorded.of("reuse").current():
        with other.of("consent").request("GET", None, inside=True), spans.calling("identity", "GET"):
            pass
        with spans.batch("publish", {}):
            pass
    assert [span.name for span in recorded.spans.get_finished_spans()] == ["publish"]
    assert [span.name for span in other.spans.get_finished_spans()] == ["GET identity", "GET"]


def test_of_a_ratio_of_requests_what_they_cause_is_traced_too_or_not_at_all() -> None:
    recorded = Recording()
    none = Telemetry("reuse", Sink(SimpleSpanProcessor(recorded.spans), recorded.metrics), ratio=0)
    with none.request("POST", None, inside=False), spans.calling("consent", "GET") as call:
        call.answered(200)
        told = telemetry.parse(telemetry.traceparent())
    assert told
    assert not told.trace_flags.sampled
    assert not recorded.spans.get_finished_spans()
    assert len(recorded.points(CALLS)) == 1
