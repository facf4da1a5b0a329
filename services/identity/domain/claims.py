"""What a login or an officer's check showed of a person, waiting to be collected once that is granted."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from pydantic import JsonValue

from services.identity.domain.ids import CheckId, ClaimsId, DossierUid, LoginId, PartyUid, SubjectId
from shared import canonical
from shared.errors import Conflict, NotFound

UNDECIDED = timedelta(minutes=15)
"""Nothing granted by then, and they go."""
UNCOLLECTED = timedelta(hours=1)
"""Granted but not collected by then, and they go too."""


class UnknownClaims(NotFound):
    """There are no such claims."""

    code = "claims_not_found"


class ClaimsNotCollectable(Conflict):
    """They are not granted yet, collected already, or gone."""

    code = "claims_not_collectable"


class ClaimsNotGranted(ClaimsNotCollectable):
    """No right lets anything of them be collected: it has ended, or consent, asked just now, knows of none."""

    code = "claims_not_granted"


class Source(StrEnum):
    """Who verified them."""

    VNEID = "vneid"
    OFFICER_CHECK = "officer_check"


class ClaimsState(StrEnum):
    """Where claims stand."""

    HELD = "held"
    COLLECTABLE = "collectable"
    COLLECTED = "collected"
    DISCARDED = "discarded"


class ClaimsMove(StrEnum):
    """They are granted, confirmed as collected, or dropped."""

    GRANT = "grant"
    CONFIRM = "confirm"
    DISCARD = "discard"


# None: refused, or nothing to do. Every pair is spelled out.
CLAIMS_TRANSITIONS: Mapping[tuple[ClaimsState, ClaimsMove], ClaimsState | None] = {
    (ClaimsState.HELD, ClaimsMove.GRANT): ClaimsState.COLLECTABLE,
    (ClaimsState.HELD, ClaimsMove.CONFIRM): None,
    (ClaimsState.HELD, ClaimsMove.DISCARD): ClaimsState.DISCARDED,
    (ClaimsState.COLLECTABLE, ClaimsMove.GRANT): ClaimsState.COLLECTABLE,
    (ClaimsState.COLLECTABLE, ClaimsMove.CONFIRM): ClaimsState.COLLECTED,
    (ClaimsState.COLLECTABLE, ClaimsMove.DISCARD): ClaimsState.DISCARDED,
    (ClaimsState.COLLECTED, ClaimsMove.GRANT): None,
    (ClaimsState.COLLECTED, ClaimsMove.CONFIRM): None,
    (ClaimsState.COLLECTED, ClaimsMove.DISCARD): None,
    (ClaimsState.DISCARDED, ClaimsMove.GRANT): None,
    (ClaimsState.DISCARDED, ClaimsMove.CONFIRM): None,
    (ClaimsState.DISCARDED, ClaimsMove.DISCARD): None,
}


class Discarded(StrEnum):
    """Why the values of claims are gone."""

    REFUSED = "refused"
    LAPSED = "lapsed"
    COLLECTED = "collected"
    UNCOLLECTED = "uncollected"
    REPLACED = "replaced"


@dataclass(frozen=True)
class Claims:
    """Claims without their values, which are kept apart, encrypted, and deleted when the state says so.

    `attributes` are those whose values are here, `granted` those that may be collected. `digest` is of these.
    """

    claims_id: ClaimsId
    subject_id: SubjectId
    dossier_uid: DossierUid
    party_uid: PartyUid
    source: Source
    state: ClaimsState
    attributes: tuple[str, ...]
    granted: tuple[str, ...]
    salt: bytes = field(repr=False)
    digest: str | None
    verified_at: datetime
    until: datetime  # when the timer takes them, while held or collectable
    login_id: LoginId | None = None
    check_id: CheckId | None = None
    acr: str | None = None
    account_level: int | None = None

    @property
    def may_be_granted_more(self) -> bool:
        """Say whether values wait here that no right we know of lets be collected."""
        return self.state in (ClaimsState.HELD, ClaimsState.COLLECTABLE) and self.granted != self.attributes

    @property
    def readable_salt(self) -> str:
        """Write the salt as it enters the digest and is told to who collects."""
        return urlsafe_b64encode(self.salt).rstrip(b"=").decode()


def digest_of(salt: str, attributes: Mapping[str, JsonValue]) -> str:
    """Return what an event may say of values: SHA-256 over RFC 8785 JSON of `{attributes, salt}`, in hex.

    Salted, because a number, a name and a birth date can be guessed and tried against a bare digest.
    """
    return sha256(canonical.dumps({"salt": salt, "attributes": dict(attributes)})).hexdigest()
