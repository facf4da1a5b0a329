"""What clients were told is done: each acknowledgement names the events that the log must hold for it, once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, ...]

KEYS: Mapping[str, tuple[str, ...]] = {
    "identity.login-succeeded.v1": ("login_id",),
    "identity.login-failed.v1": ("flow_id",),
    "identity.party-identified.v1": ("login_id", "check_id", "state"),
    "identity.check-failed.v1": ("check_id",),
    "identity.claims-verified.v1": ("claims_id", "attributes"),
    "identity.claims-discarded.v1": ("claims_id",),
    "consent.requested.v1": ("request_id",),
    "consent.decided.v1": ("request_id",),
    "consent.abandoned.v1": ("request_id",),
    "consent.lapsed.v1": ("request_id",),
    "consent.granted.v1": ("grant.grant_id",),
    "consent.withdrawn.v1": ("grant.grant_id",),
    "consent.withdrawal-confirmed.v1": ("grant.grant_id",),
    "consent.expired.v1": ("grant.grant_id",),
    "consent.legal-basis-ended.v1": ("grant.grant_id",),
    "reuse.dossier-opened.v1": ("dossier_uid",),
    "reuse.dossier-received.v1": ("dossier_uid",),
    "reuse.dossier-closed.v1": ("dossier_uid",),
    "reuse.looked-up.v1": ("lookup_id",),
    "reuse.released.v1": ("release_id",),
    "reuse.release-withheld.v1": ("release_id",),
    "reuse.accepted.v1": ("verdict_id",),
    "reuse.rejected.v1": ("verdict_id",),
    "reuse.deposited.v1": ("evidence_id",),
    "reuse.evidence-deleted.v1": ("evidence_id",),
    "audit.read.v1": ("case_no",),
}
"""By which members an event is the only one of its type: a second one would be an effect had twice."""

_TOLD_BY: Mapping[str, tuple[str, str]] = {
    "dossiers": ("reuse.dossier-opened.v1", "dossier_uid"),
    "receipt": ("reuse.dossier-received.v1", "dossier_uid"),
    "closure": ("reuse.dossier-closed.v1", "dossier_uid"),
    "acceptance": ("reuse.accepted.v1", "verdict_id"),
    "rejection": ("reuse.rejected.v1", "verdict_id"),
    "results": ("reuse.deposited.v1", "evidence_id"),
    "releases": ("reuse.released.v1", "release_id"),
    "ending": ("consent.legal-basis-ended.v1", "grant_id"),
}
"""The last segment of an address that was posted to: which event its answer stands for, and by what it names it."""


def key_of(type_: str, data: Mapping[str, Any]) -> Key:
    """Return what makes an event the only one of its type. Raises KeyError for a type that is not in the table."""
    return tuple(_text(_member(data, path)) for path in KEYS[type_])


@dataclass
class Ledger:
    """All acknowledgements of a campaign."""

    promised: Counter[tuple[str, Key]] = field(default_factory=Counter[tuple[str, Key]])
    """Events that must be in the log exactly once; the number is that of the answers that said so."""
    asked: Counter[str] = field(default_factory=Counter[str])
    """Last segments of addresses, and how often something was asked there, each under a key of its own."""
    read: Counter[str] = field(default_factory=Counter[str])
    """Case numbers under which the log was read, and how often it was tried."""
    moments: dict[str, str] = field(default_factory=dict[str, str])
    """Withdrawn grant to the moment its receipt names."""
    opened: dict[str, str] = field(default_factory=dict[str, str])
    """A client's own reference to the dossier it was answered with."""
    lost_logins: int = 0
    """Logins that had to be begun anew."""
    surprises: list[str] = field(default_factory=list[str])
    """Answers that nobody should have got."""

    def promise(self, type_: str, *key: str) -> None:
        """Note that a client was told of this."""
        self.promised[type_, key] += 1

    def answered(self, path: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Note what the answer to a post says is done."""
        last = path.rpartition("/")[2]
        if last in _TOLD_BY:
            type_, member = _TOLD_BY[last]
            self.promise(type_, str(answer[member]))
        if last == "dossiers":
            self.opened[str(asked["client_ref"])] = str(answer["dossier_uid"])
        if last == "checks":
            self.promise("identity.party-identified.v1", "", str(answer["check_id"]), "bound")
        if last == "legal-basis-decisions":
            for grant in answer["grants"]:
                self.promise("consent.granted.v1", str(grant["grant_id"]))

    @property
    def acknowledged(self) -> int:
        """How many things clients were told are done."""
        return self.promised.total()


def _member(data: Mapping[str, Any], path: str) -> Any:
    value: Any = data
    for name in path.split("."):
        value = value[name]
    return value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType] - names
    return "" if value is None else str(value)
