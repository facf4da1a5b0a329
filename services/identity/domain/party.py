"""Which person a party of a dossier is (R4): nobody, somebody for the time of a login, or somebody for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.identity.domain.ids import CheckId, DossierUid, LoginId, PartyUid, SubjectId
from shared.errors import Conflict
from shared.tokens import Actor


class PartyMismatch(Conflict):
    """The party is somebody else, or this person is another party of the dossier."""

    code = "party_mismatch"
    fault = "citizen"


class PartyState(StrEnum):
    """How firmly a party is known."""

    NONE = "none"
    RESERVED = "reserved"
    BOUND = "bound"


class PartyMove(StrEnum):
    """A login reserves; a decision or an officer's check binds; giving up or a lapse frees."""

    RESERVE = "reserve"
    BIND = "bind"
    FREE = "free"


# None: refused, or nothing to do. Every pair is spelled out.
PARTY_TRANSITIONS: Mapping[tuple[PartyState, PartyMove], PartyState | None] = {
    (PartyState.NONE, PartyMove.RESERVE): PartyState.RESERVED,
    (PartyState.NONE, PartyMove.BIND): PartyState.BOUND,
    (PartyState.NONE, PartyMove.FREE): None,
    (PartyState.RESERVED, PartyMove.RESERVE): PartyState.RESERVED,
    (PartyState.RESERVED, PartyMove.BIND): PartyState.BOUND,
    (PartyState.RESERVED, PartyMove.FREE): PartyState.NONE,
    (PartyState.BOUND, PartyMove.RESERVE): PartyState.BOUND,
    (PartyState.BOUND, PartyMove.BIND): PartyState.BOUND,
    (PartyState.BOUND, PartyMove.FREE): None,
}


class Method(StrEnum):
    """How a party was identified."""

    LOGIN = "login"
    OFFICER_CHECK = "officer_check"


@dataclass(frozen=True)
class Place:
    """One party of one dossier, in the eyes of the client and agency that identify it."""

    dossier_uid: DossierUid
    party_uid: PartyUid
    client_id: str
    agency_uid: str


@dataclass(frozen=True)
class Party:
    """A party that is somebody, and by what it became so."""

    place: Place
    subject_id: SubjectId
    state: PartyState
    method: Method
    actor: Actor
    identified_at: datetime
    login_id: LoginId | None = None
    check_id: CheckId | None = None
