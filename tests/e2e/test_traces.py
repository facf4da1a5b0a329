"""One thing that happened is one trace, from the browser's redirect to the leaf in the log, over HTTP and Kafka."""

import asyncio
import time
from collections.abc import Callable

import pytest

from infra.embedded.keyring import SERVICES
from infra.observability.traces import Span, edges, linked, read_metrics, read_spans, trace_of
from shared.measures import ALARMS, CALLS, MEASURES, REFUSALS, RELEASES, SEQUENCED
from tests.e2e.conftest import Hostile, Played

pytestmark = pytest.mark.stack

RELEASE = "reuse server POST /reuse/dossiers/{dossier_uid}/releases"
CALLBACK = "identity server GET /identity/vneid/callback"
DECISION = "consent server POST /consent/requests/{request_id}/decision"
LEAF, CHECKPOINT = "audit internal append leaf", "audit internal sign checkpoint"


def publish(source: str) -> str:
    return f"{source} producer publish {source}.events"


def process(reader: str, source: str) -> str:
    return f"{reader} consumer process {source}.events"


def to_leaf(cause: str, source: str, *readers: str) -> set[tuple[str, str]]:
    """Return the edges from what committed an event to its leaf, and to the other services that take it in."""
    sent = publish(source)
    taken = {(sent, process(reader, source)) for reader in ("audit", *readers)}
    return {(cause, sent), *taken, (process("audit", source), LEAF)}


def whole(hostile: Hostile, label: str, expected: set[tuple[str, str]]) -> list[Span]:
    """Return all spans once one trace that began with this span has all these edges; else nothing."""
    spans = read_spans(hostile.collector.traces)
    first = (span for span in spans if span.label == label)
    return spans if any(expected <= edges(trace_of(span, spans)) for span in first) else []


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until what services send every few seconds has come."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "was not sent in time"
        await asyncio.sleep(0.5)


async def test_a_release_is_one_trace_from_the_request_to_its_leaf(hostile: Hostile, played: Played) -> None:
    expected = to_leaf(RELEASE, "reuse", "consent")
    await eventually(lambda: whole(hostile, RELEASE, expected))
    links = linked(read_spans(hostile.collector.traces))
    assert (LEAF, CHECKPOINT) in links
    assert (process("audit", "reuse"), "audit internal take in reuse.events") in links


async def test_a_login_is_one_trace_from_the_browsers_return_to_its_leaf(hostile: Hostile, played: Played) -> None:
    opened = "consent server POST /internal/requests"
    expected = to_leaf(CALLBACK, "identity", "reuse") | to_leaf(opened, "consent", "identity") | {
        (CALLBACK, "identity client POST vneid"),
        (CALLBACK, "identity client GET vneid"),
        (CALLBACK, "identity client POST consent"),
        ("identity client POST consent", opened),
    }  # fmt: skip
    await eventually(lambda: whole(hostile, CALLBACK, expected))
    assert (CALLBACK, "identity server GET /identity/authorize") in linked(read_spans(hostile.collector.traces))


async def test_an_answer_on_the_consent_page_is_linked_to_the_login_it_belongs_to(
    hostile: Hostile, played: Played
) -> None:
    await eventually(lambda: whole(hostile, DECISION, to_leaf(DECISION, "consent", "identity", "reuse")))
    links = linked(read_spans(hostile.collector.traces))
    assert (DECISION, "consent server POST /internal/requests") in links
    assert ("identity server POST /identity/token", "identity server GET /identity/authorize") in links


async def test_no_span_names_an_address_but_by_its_template(hostile: Hostile, played: Played) -> None:
    names = {span.name for span in read_spans(hostile.collector.traces)}
    assert not {name for name in names if any(part.isdigit() for part in name.replace("/", " ").split())}
    assert len(names) < 120


ONLY = {
    RELEASES: ("reuse",),
    SEQUENCED: ("audit",),
    CALLS: ("identity", "consent", "reuse"),
    REFUSALS: ("identity", "reuse"),
}
"""Who measures what not every service does."""


async def test_every_service_sends_what_it_measures(hostile: Hostile, played: Played) -> None:
    measures = set(MEASURES) - {ALARMS}  # there are none
    expected = {(service, each.name) for each in measures for service in ONLY.get(each, SERVICES)}
    await eventually(lambda: expected <= read_metrics(hostile.collector.metrics))
