"""What is measured says how much and how long, by route and by fault, and never about whom (I6)."""

import re
from pathlib import Path

import pytest

from shared import http, telemetry
from shared.measures import LAG, MEASURES, OUTBOX_AGE, REFUSALS, REQUESTS, Measure
from shared.service import Service
from tests.shared.asking import asking
from tests.shared.credentials import make_settings
from tests.shared.recording import Recording
from tests.shared.things import GOOD, SECRET, router

ABOUT_SOMEBODY = re.compile(r"subject|citizen|pin|name|phone|dossier|party|grant|path|target|address|client")


@pytest.fixture
def recorded() -> Recording:
    return Recording()


async def ask_some(recorded: Recording, folder: Path) -> None:
    """Ask what is answered, what is refused, and for addresses that carry somebody's data."""
    settings = make_settings(folder)
    app = http.make_app(settings, [router], "Consent", telemetry=recorded.of("consent"))
    async with asking(Service("consent", app, settings).app) as client:
        await client.post("/consent/things", json=GOOD)
        await client.post("/consent/things", json=GOOD | {"days": SECRET})
        await client.get(f"/{SECRET}", params={"pin": SECRET}, headers={"traceparent": SECRET})


async def test_every_request_is_timed_by_route_and_status(recorded: Recording, tmp_path: Path) -> None:
    await ask_some(recorded, tmp_path)
    told = {(each["http.route"], each["http.response.status_code"]): n for each, n in recorded.points(REQUESTS)}
    assert told == {("/consent/things", 200): 1, ("/consent/things", 422): 1, ("(no route)", 404): 1}


async def test_every_refusal_is_counted_by_whose_fault_it_is(recorded: Recording, tmp_path: Path) -> None:
    await ask_some(recorded, tmp_path)
    told = {(each["fault"], each["code"]): n for each, n in recorded.points(REFUSALS)}
    assert told == {("client", "invalid_request"): 1, ("client", "not_found"): 1}


async def test_a_health_check_is_measured_and_leaves_no_trace(recorded: Recording, tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    app = http.make_app(settings, [router], "Consent", telemetry=recorded.of("consent"))
    async with asking(Service("consent", app, settings).app) as client:
        await client.get("/health/live")
    assert [each["http.route"] for each, _ in recorded.points(REQUESTS)] == ["/health/live"]
    assert not recorded.spans.get_finished_spans()


async def test_nothing_that_was_sent_is_in_a_span_or_a_metric(recorded: Recording, tmp_path: Path) -> None:
    await ask_some(recorded, tmp_path)
    spans = recorded.spans.get_finished_spans()
    data = recorded.metrics.get_metrics_data()
    assert len(spans) == 3
    assert data
    assert SECRET not in "".join(span.to_json() for span in spans) + data.to_json()


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_a_measure_has_the_labels_it_says_and_none_that_could_name_somebody(measure: Measure) -> None:
    assert not [label for label in measure.labels if ABOUT_SOMEBODY.search(label.removeprefix("http."))]
    assert re.fullmatch(r"(http\.(server|client)\.request\.duration|motlan\.[a-z.]+)", measure.name)
    assert measure.says.endswith(".")


def test_names_are_unique() -> None:
    assert len({measure.name for measure in MEASURES}) == len(MEASURES) >= 14


def test_a_gauge_shows_what_was_last_seen_and_nothing_once_nothing_is_known(recorded: Recording) -> None:
    service = recorded.of("reuse")
    service.show(LAG, (5, {"topic": "consent.events"}), (0, {"topic": "audit.events"}))
    service.show(OUTBOX_AGE, (1.5, {}))
    assert recorded.points(LAG) == [({"topic": "consent.events"}, 5), ({"topic": "audit.events"}, 0)]
    service.show(LAG)
    assert recorded.points(LAG) == []
    assert recorded.points(OUTBOX_AGE) == [({}, 1.5)]


def test_what_no_service_does_is_counted_nowhere() -> None:
    telemetry.count(REFUSALS, {"fault": "client", "code": "not_found"})
    assert telemetry.current() is None
