"""Who may do what: the one place of each check. What a caller may not know of is NotFound, as if it were missing."""

import hmac
from datetime import datetime

from services.consent.domain.dossier import Capacity, Dossier, Known, Party, UnknownDossier
from services.consent.domain.grant import Grant
from services.consent.domain.ids import SubjectId
from services.consent.domain.request import ConsentRequest
from shared.errors import Conflict, Forbidden, NotFound
from shared.tokens import Caller


class UnknownRequest(NotFound):
    """No request that this browser may see."""

    code = "request_not_found"


class UnknownGrant(NotFound):
    """No grant that this caller may know of."""

    code = "grant_not_found"


class MandateMissing(Forbidden):
    """The token's mandate does not cover this procedure now (R1)."""

    code = "mandate_missing"


class OfficerNeeded(Forbidden):
    """Only an officer decides and ends at a counter."""

    code = "officer_needed"


class PartyUnidentified(Conflict):
    """A party nobody has identified has no grants (R5)."""

    code = "party_unidentified"


class RepresentationRequired(Conflict):
    """Somebody who may answer for this party has to; no receipt is written in the wrong name (R12)."""

    code = "representation_required"
    fault = "citizen"


def check_may_answer(browser_hash: bytes | None, request: ConsentRequest | None) -> ConsentRequest:
    """Return the request if this browser is the one that logged in; raise `UnknownRequest` otherwise."""
    if request is None or browser_hash is None or not hmac.compare_digest(browser_hash, request.way.browser_hash):
        raise UnknownRequest
    return request


def check_may_ask(client_id: str, agency_uid: str, dossier: Dossier) -> None:
    """Raise `UnknownDossier` unless client and agency are the dossier's own."""
    if dossier.client_id != client_id or agency_uid not in dossier.agencies:
        raise UnknownDossier


def check_may_decide(caller: Caller, dossier: Dossier, now: datetime) -> None:
    """R1: an officer of the dossier's client and agency, whose mandate covers its procedure at this instant."""
    check_may_ask(caller.client_id, caller.agency.uid, dossier)
    if caller.actor.kind != "officer":
        raise OfficerNeeded
    mandate = caller.mandate
    if mandate.kind != "procedure" or dossier.procedure not in mandate.procedures:
        raise MandateMissing
    if mandate.until is not None and now >= mandate.until:
        raise MandateMissing


def check_is_recipients(caller: Caller, grant: Grant | None) -> Grant:
    """Return the grant if it was given to the caller's client and agency; raise `UnknownGrant` otherwise.

    A login's token sees those of its own party alone (I8).
    """
    to = grant.recipient if grant else None
    if grant is None or to is None or (to.client_id, to.agency_uid) != (caller.client_id, caller.agency.uid):
        raise UnknownGrant
    of_login = (caller.dossier_uid, caller.party_uid)
    if caller.dossier_uid is not None and of_login != (str(to.dossier_uid), str(to.party_uid)):
        raise UnknownGrant
    return grant


def check_is_hers(subject_id: SubjectId, grant: Grant | None) -> Grant:
    """Return the grant if it is the citizen's own; raise `UnknownGrant` otherwise."""
    if grant is None or grant.subject_id != subject_id:
        raise UnknownGrant
    return grant


def check_identified(party: Party) -> Known:
    """R5: return who the party is, provisional or not; raise `PartyUnidentified` when nobody knows."""
    if party.known is None:
        raise PartyUnidentified
    return party.known


def check_answers_herself(capacity: Capacity) -> None:
    """R12: raise `RepresentationRequired` for whoever may not answer alone."""
    if capacity is not Capacity.SELF:
        raise RepresentationRequired


def check_may_represent(representative: Party, represented: Known) -> None:
    """R12: raise unless the representative is an identified person who may answer for herself, and another one."""
    known = representative.known
    if known is None or representative.capacity is not Capacity.SELF or known.subject_id == represented.subject_id:
        raise RepresentationRequired
