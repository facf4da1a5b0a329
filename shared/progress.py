"""Tells a reader that waits from one that is stuck: whether a partition has more and gives nothing for too long."""

from collections.abc import Iterable, Mapping

Place = tuple[str, int]
"""A topic and a partition of it."""

STUCK_AFTER = 30.0
"""Seconds: a client that looks alive and reads nothing has no signal of its own (aiokafka issue 1154)."""


class Progress:
    """Remembers where a reader stood, and since when."""

    def __init__(self, now: float) -> None:
        self.looked_at = now
        self.lag: Mapping[Place, int] = {}
        self._stood: dict[Place | None, tuple[int, float]] = {}  # None: it has no partition, or cannot see where it is

    def delivered(self, places: Iterable[Place]) -> None:
        """Let these have made a step, even where their records are to be delivered again."""
        for each in places:
            self._stood.pop(each, None)

    def is_stuck(self, positions: Mapping[Place, tuple[int, int]] | None, now: float) -> bool:
        """Take in where it stands and where each of its partitions ends, and say whether it has stood for too long.

        Without any partition (empty), or when that could not be found out (None), it stands still too.
        """
        self.looked_at = now
        self.lag = {place: max(0, end - at) for place, (at, end) in (positions or {}).items()}
        waiting = {place: at for place, (at, end) in positions.items() if at < end} if positions else {None: 0}
        self._stood = {place: (at, self._since(place, at, now)) for place, at in waiting.items()}
        return any(now - since >= STUCK_AFTER for _, since in self._stood.values())

    def _since(self, place: Place | None, at: int, now: float) -> float:
        stood, since = self._stood.get(place, (at, now))
        return since if stood == at else now
