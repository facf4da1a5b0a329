"""How the simulators behave: calm unless told otherwise.

Every endpoint meets the mood before it answers. Seeded misbehaviour (`FAULTS=<seed>`: delays, 5xx, cut bodies) will be
another `Mood`; no endpoint changes for it.
"""

from typing import Protocol


class Mood(Protocol):
    """What happens before an endpoint answers."""

    async def meet(self, endpoint: str) -> None:
        """Return to let `endpoint` (such as `vneid.token`) answer as usual; delay or raise to disturb it."""


class Calm:
    """Nothing ever happens."""

    async def meet(self, endpoint: str) -> None:
        """Let `endpoint` answer."""
