"""Calling systems as they are registered, and the mandates by which they act for agencies (R1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.tokens import Mandate


class ClientKind(StrEnum):
    """A city system, or our own page for the citizen."""

    CITY_SYSTEM = "city_system"
    FIRST_PARTY = "first_party"


@dataclass(frozen=True)
class Client:
    """A registered software system; `jwks` are its public keys (RFC 7517)."""

    client_id: str
    name: str
    kind: ClientKind
    jwks: Mapping[str, Any]
    redirect_uris: tuple[str, ...]

    @property
    def is_first_party(self) -> bool:
        """Say whether it is our own page: the only client that learns the surrogate id."""
        return self.kind is ClientKind.FIRST_PARTY


@dataclass(frozen=True)
class Registration:
    """A client with its mandates, as the registration file states them."""

    client: Client
    mandates: tuple["DatedMandate", ...]


@dataclass(frozen=True)
class DatedMandate:
    """Why a client may act for an agency, from when until when (half-open)."""

    mandate: Mandate
    client_id: str
    agency_uid: str
    valid_from: datetime
    legal_ref: str

    def overlaps(self, other: "DatedMandate") -> bool:
        """Say whether there is an instant at which both hold."""
        return self._begins_before_end_of(other) and other._begins_before_end_of(self)

    def _begins_before_end_of(self, other: "DatedMandate") -> bool:
        return other.mandate.until is None or self.valid_from < other.mandate.until


FIRST_PARTY = Mandate(id="first-party", kind="first_party", procedures=(), until=None)
"""Our own page acts for no agency and in no procedure."""


def find_doubled(mandates: Sequence[DatedMandate]) -> DatedMandate | None:
    """Return a mandate that is not the only one of its client, agency and kind at some instant, if there is one."""
    for index, one in enumerate(mandates):
        for other in mandates[:index]:
            same = (one.client_id, one.agency_uid, one.mandate.kind) == (
                other.client_id, other.agency_uid, other.mandate.kind,
            )  # fmt: skip
            if same and one.overlaps(other):
                return one
    return None
