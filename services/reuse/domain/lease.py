"""How long a word of consent is relied on (architecture §6): L lease, S skew of the clocks, C for a commit."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Lease:
    """The three lengths; consent is told the same L."""

    length: timedelta
    skew: timedelta
    commit_allowance: timedelta

    def allows_authorising(self, t: datetime, now: datetime) -> bool:
        """Say whether what was true at `t` may be relied on now, with a commit still to come.

        The release statement has the same rule in SQL; this one is for what is not released.
        """
        return -self.skew <= now - t <= self.length - self.skew - self.commit_allowance

    def allows_sending(self, t: datetime, released_at: datetime) -> bool:
        """Say whether an answer may still be signed: no withdrawal in force before its moment can have come since."""
        return released_at <= t + self.length - self.skew
