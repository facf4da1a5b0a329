"""What is made of the slices: a void one counts for nothing, a ratio is the median of the ratios of its rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.perf.load import Done


class Void(Exception):
    """A slice had an answer that was not 200: its round cannot be counted; the message is that answer."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One variant's share of one round."""

    rate: float  # answers a second
    p50: float  # milliseconds
    p99: float
    server: float = 0.0  # microseconds of processor time an answer
    database: float = 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, and the ends of their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Say how values lie; there is at least one."""
        return cls(median(values), min(values), max(values))


Round = Mapping[str, Slice]
"""One slice of each variant, one after the other."""


def read(done: Done) -> Slice:
    """Turn what the load saw into a slice. Raises Void."""
    if done.bad or not done.latencies:
        raise Void(done.first_bad or "no answer at all")
    ordered = sorted(done.latencies)
    return Slice(len(ordered) / done.seconds, 1000 * quantile(ordered, 0.50), 1000 * quantile(ordered, 0.99))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of the others lies (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def rate(rounds: Sequence[Round], name: str) -> Spread:
    """Return a variant's answers a second."""
    return Spread.of([each[name].rate for each in rounds])


def ratio(rounds: Sequence[Round], of: str, to: str) -> Spread:
    """Return how many times as fast one variant is as another: only slices of the same round are compared."""
    return Spread.of([each[of].rate / each[to].rate for each in rounds])
