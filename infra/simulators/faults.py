"""Which misbehaviour befalls which answer of the simulators: drawn from a seed, so that a run can be had again."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can befall an answer. Those up to `half` disturb it; the last two only look as if they did."""

    LATE = "late"  # comes after whoever asked has given up
    ERROR = "error"  # 429 or 5xx, with a body that is JSON, a page, or nothing
    RESET = "reset"  # the connection goes before a byte has come
    CUT = "cut"  # the connection goes in the middle of the body
    GARBLED = "garbled"  # 200 with what is no answer: half of one, another shape, broken compression
    WRONG_TYPE = "wrong-type"  # 200 with a page about maintenance
    HALF = "half"  # a register tells only some of what was asked, and is silent about the rest
    WITHDRAWN = "withdrawn"  # VNeID signs with a key that it publishes no longer
    ROTATED = "rotated"  # VNeID signs with a new key from here on; the old one stays published until the next
    SLOW = "slow"  # late, but in time
    REWORDED = "reworded"  # odd but legal JSON: another order, other spaces and escapes, members nobody asked for


_VNEID = {
    Kind.LATE: 0.01,
    Kind.ERROR: 0.04,
    Kind.RESET: 0.02,
    Kind.CUT: 0.01,
    Kind.GARBLED: 0.01,
    Kind.SLOW: 0.10,
    Kind.REWORDED: 0.40,
}
SHARES: Mapping[str, Mapping[Kind, float]] = {
    "vneid.discovery": _VNEID,
    "vneid.jwks": _VNEID,
    "vneid.token": {**_VNEID, Kind.ROTATED: 0.15, Kind.WITHDRAWN: 0.02},
    "vneid.userinfo": _VNEID,
    "vneid.page": {Kind.SLOW: 0.10},
    "registries": {
        Kind.LATE: 0.04,
        Kind.ERROR: 0.10,
        Kind.RESET: 0.06,
        Kind.CUT: 0.05,
        Kind.GARBLED: 0.05,
        Kind.WRONG_TYPE: 0.03,
        Kind.HALF: 0.12,
        Kind.SLOW: 0.10,
        Kind.REWORDED: 0.25,
    },
}
"""How many of an endpoint's answers each kind befalls; the rest are as ever. All registers misbehave alike."""


@dataclass(frozen=True)
class Dealt:
    """What befell one answer of one endpoint; `number` counts that endpoint's requests from 1."""

    endpoint: str
    number: int
    kind: Kind


class Faults:
    """Deals out misbehaviour. The same seed deals each endpoint the same in the same order of its requests."""

    def __init__(self, seed: int, kinds: Iterable[Kind] = tuple(Kind)) -> None:
        self._seed, self._kinds = seed, frozenset(kinds)
        self._asked: Counter[str] = Counter()
        self.dealt: list[Dealt] = []

    def draw(self, endpoint: str) -> tuple[Kind | None, random.Random]:
        """Return what befalls the endpoint's next answer, and the luck that decides the details."""
        self._asked[endpoint] += 1
        number = self._asked[endpoint]
        luck = random.Random(f"{self._seed}:{endpoint}:{number}")  # noqa: S311 - to be repeated, not to be secret
        kind = self._choose(endpoint, luck.random())
        if kind is not None:
            self.dealt.append(Dealt(endpoint, number, kind))
        return kind, luck

    def _choose(self, endpoint: str, drawn: float) -> Kind | None:
        """Switching a kind off leaves every other where it was."""
        shares = SHARES.get(endpoint) or SHARES[endpoint.partition(".")[0]]
        for kind, share in shares.items():
            drawn -= share
            if drawn < 0:
                return kind if kind in self._kinds else None
        return None
