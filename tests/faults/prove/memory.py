"""How much memory each process holds while time goes by, and how fast it grows."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import linear_regression

import psutil

from tests.faults.prove.cluster import Instance

_EVERY = 10.0
_MIB, _HOUR = 1 << 20, 3600
_WARM_AFTER = 0.5
"""The first half of a life, in which caches and pools fill, is not counted; after a burst all that follows is."""


@dataclass
class Memory:
    """Samples of resident memory, each life of a process by itself: one that was killed begins anew."""

    samples: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    steady_since: float | None = None

    def settle(self) -> None:
        """Say that the burst is over, which has opened connections and filled caches: growth counts from here."""
        self.steady_since = time.monotonic()

    async def watch(self, instances: Sequence[Instance]) -> None:
        """Look at all of them again and again until cancelled."""
        while True:
            for each in instances:
                with suppress(ProcessLookupError, psutil.NoSuchProcess):
                    pid = each.process.pid
                    self.samples[each.name, pid].append((time.monotonic(), psutil.Process(pid).memory_info().rss))
            await asyncio.sleep(_EVERY)

    def growth(self, *, at_least: float) -> Mapping[str, float]:
        """Return MiB per hour of each process that lived for so many seconds, by its longest life."""
        grown: dict[str, tuple[float, float]] = {}
        for (name, _), life in self.samples.items():
            lived = life[-1][0] - life[0][0]
            if lived < max(at_least, grown.get(name, (0.0, 0.0))[0]):
                continue
            warm_from = self.steady_since or life[0][0] + lived * _WARM_AFTER
            warm = [(at, size) for at, size in life if at >= warm_from]
            if len(warm) < 2:
                continue
            slope, _ = linear_regression(*zip(*warm, strict=True))
            grown[name] = (lived, slope * _HOUR / _MIB)
        return {name: slope for name, (_, slope) in grown.items()}
