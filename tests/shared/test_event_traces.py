"""An event carries the trace of what caused it through the broker; a later sending or taking in is told apart."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from shared import telemetry
from shared.db import Tx
from shared.events import Received
from shared.measures import PUBLISHED, TAKEN
from shared.telemetry import Telemetry
from tests.shared.conftest import FIRST, OTHER, Pair, running, until
from tests.shared.recording import Recording, ids_of, linked_to, parent_of

pytestmark = pytest.mark.stack


@asynccontextmanager
async def both_running(pair: Pair, source: Telemetry, reader: Telemetry) -> AsyncGenerator[None]:
    """Run relay and consumer, each as a service of its own."""
    with source.current():
        async with running(pair.relay()):
            with reader.current():
                async with running(pair.consumer()):
                    yield


async def caused(pair: Pair, source: Telemetry, *keys: str) -> tuple[int, int]:
    """Append events within a request; return its trace and span."""
    with source.request("POST", None, inside=False) as span:
        await pair.append(*keys)
        context = span.get_span_context()
        return context.trace_id, context.span_id


async def ended(recorded: Recording, name: str, count: int) -> bool:
    return len(events_of(recorded, name)) >= count


@dataclass
class Written:
    """The lines about events taken in."""

    capsys: pytest.CaptureFixture[str]
    taken: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    async def has_taken(self) -> bool:
        told = [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]
        self.taken += [line for line in told if line["event"] == "event_taken"]
        return bool(self.taken)


def events_of(recorded: Recording, name: str) -> list[ReadableSpan]:
    return [span for span in recorded.spans.get_finished_spans() if span.name.startswith(name)]


async def test_publishing_is_a_child_of_the_request_and_taking_in_of_the_publishing(pair: Pair) -> None:
    at_source, at_reader = Recording(), Recording()
    source, reader = at_source.of("source"), at_reader.of("reader")
    request = await caused(pair, source, FIRST, OTHER)
    async with both_running(pair, source, reader):
        await until(lambda: ended(at_reader, "process ", 2))
    published, taken = events_of(at_source, "publish s"), events_of(at_reader, "process ")
    assert [(span.kind, ids_of(span)[0], parent_of(span)) for span in published] == [(SpanKind.PRODUCER, *request)] * 2
    assert {span.kind for span in taken} == {SpanKind.CONSUMER}
    assert {(ids_of(span)[0], parent_of(span)) for span in taken} == {ids_of(span) for span in published}


async def test_what_one_commit_took_in_is_linked_to_that_commit_and_counted(pair: Pair) -> None:
    at_source, at_reader = Recording(), Recording()
    source, reader = at_source.of("source"), at_reader.of("reader")
    await caused(pair, source, FIRST, FIRST)
    async with both_running(pair, source, reader):
        await until(lambda: ended(at_reader, "process ", 2))
        await until(lambda: ended(at_source, "publish to ", 1))
    batches = {ids_of(span) for span in events_of(at_reader, "take in ")}
    assert {link for span in events_of(at_reader, "process ") for link in linked_to(span)} <= batches
    assert all(linked_to(span) for span in events_of(at_source, "publish s"))
    assert at_source.points(PUBLISHED) == [({}, 2)]
    assert at_reader.points(TAKEN) == [({"source": pair.source, "outcome": "applied"}, 2)]


async def test_an_event_that_cannot_be_applied_says_so_in_its_trace(pair: Pair) -> None:
    async def breaks(tx: Tx, event: Received) -> None:
        raise ValueError("032099000123")

    at_source, at_reader = Recording(), Recording()
    source, reader = at_source.of("source"), at_reader.of("reader")
    await caused(pair, source, FIRST)
    with source.current():
        async with running(pair.relay()):
            with reader.current():
                async with running(pair.consumer(breaks)):
                    await pair.until_taken(1)
    failed = [span for span in events_of(at_reader, "process ") if span.status.status_code is StatusCode.ERROR]
    assert len(failed) in (3, 4)  # one more where it came together with a watermark: then the batch is tried first
    assert all((span.attributes or {})["error.type"] == "ValueError" for span in failed)
    assert "032099000123" not in "".join(span.to_json() for span in at_reader.spans.get_finished_spans())


async def test_without_a_collector_every_line_about_an_event_names_its_trace(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    source, reader = Telemetry("source"), Telemetry("reader")
    trace_id, span_id = await caused(pair, source, FIRST)
    written = Written(capsys)
    async with both_running(pair, source, reader):
        await until(written.has_taken)
    (taken,) = written.taken
    assert (taken["trace_id"], taken["span_id"]) == (f"{trace_id:032x}", f"{span_id:016x}")
    assert telemetry.current() is None
