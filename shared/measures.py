"""What is measured: every metric's name, unit and labels in one place; dashboards and alerts may name no other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.util.types import AttributeValue

Labels = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric. Its labels have few values each: no ids, no addresses, nobody's data."""

    name: str
    kind: Literal["histogram", "counter", "gauge"]
    unit: str  # UCUM
    says: str
    labels: tuple[str, ...] = ()


# Names and labels of the first two are those of OpenTelemetry's semantic conventions, the others our own.
REQUESTS = Measure(
    "http.server.request.duration", "histogram", "s", "From a request's first byte to its answer's last.",
    ("http.request.method", "http.route", "http.response.status_code", "url.scheme"),
)  # fmt: skip
CALLS = Measure(
    "http.client.request.duration", "histogram", "s", "Of one call to another service, to VNeID or to a register.",
    ("http.request.method", "peer.service", "http.response.status_code", "error.type"),
)  # fmt: skip
REFUSALS = Measure("motlan.refusals", "counter", "{refusal}", "Problems answered, by whose fault.", ("fault", "code"))
RELEASES = Measure("motlan.releases", "counter", "{release}", "Releases asked for, by what came of them.", ("outcome",))
PUBLISHED = Measure("motlan.events.published", "counter", "{event}", "Events the broker acknowledged.")
TAKEN = Measure("motlan.events.taken", "counter", "{event}", "Events taken in, by outcome.", ("source", "outcome"))
SEQUENCED = Measure("motlan.leaves", "counter", "{leaf}", "Leaves appended to the log.")
OUTBOX_WAITING = Measure("motlan.outbox.waiting", "gauge", "{event}", "Events committed and not yet published.")
OUTBOX_AGE = Measure("motlan.outbox.age", "gauge", "s", "Age of the oldest event not yet published; 0 without one.")
UNSEALED_AGE = Measure("motlan.unsealed.age", "gauge", "s", "Age of the oldest event not yet in the log.")
WATERMARK_AGE = Measure("motlan.watermark.age", "gauge", "s", "Age of a source's oldest T.", ("source",))
PARKED = Measure("motlan.parked", "gauge", "{event}", "Genuine events that could not be applied.")
ALARMS = Measure("motlan.alarms", "gauge", "{alarm}", "Alarms that hold now, as in /health.", ("kind",))
LAG = Measure("motlan.consumer.lag", "gauge", "{message}", "Messages of a topic not yet read.", ("topic",))

MEASURES = (
    REQUESTS, CALLS, REFUSALS, RELEASES, PUBLISHED, TAKEN, SEQUENCED, OUTBOX_WAITING, OUTBOX_AGE, UNSEALED_AGE,
    WATERMARK_AGE, PARKED, ALARMS, LAG,
)  # fmt: skip

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Instruments:
    """Every measure of one service. Gauges are kept here and only read when they are sent: that must be cheap."""

    def __init__(self, meter: Meter) -> None:
        self._histograms = {
            m.name: meter.create_histogram(m.name, m.unit, m.says, explicit_bucket_boundaries_advisory=_SECONDS)
            for m in _of("histogram")
        }
        self._counters = {m.name: meter.create_counter(m.name, m.unit, m.says) for m in _of("counter")}
        self._gauges: dict[str, list[Observation]] = {m.name: [] for m in _of("gauge")}
        for gauge in _of("gauge"):
            meter.create_observable_gauge(gauge.name, [self._reading(gauge)], gauge.unit, gauge.says)

    def record(self, measure: Measure, value: float, labels: Labels) -> None:
        """Note one duration in seconds."""
        self._histograms[measure.name].record(value, labels)

    def count(self, measure: Measure, labels: Labels, number: int = 1) -> None:
        """Count what happened."""
        self._counters[measure.name].add(number, labels)

    def show(self, measure: Measure, values: Iterable[tuple[float, Labels]]) -> None:
        """Replace what a gauge shows: nothing where nothing is known."""
        self._gauges[measure.name] = [Observation(value, labels) for value, labels in values]

    def _reading(self, gauge: Measure):
        def read(_: CallbackOptions) -> Iterable[Observation]:
            return self._gauges[gauge.name]

        return read


def _of(kind: str) -> list[Measure]:
    return [measure for measure in MEASURES if measure.kind == kind]
