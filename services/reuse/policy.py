"""Who may do what in reuse; what a stranger may not know of is not found."""

from datetime import datetime

from services.reuse.domain.dossier import Dossier, UnknownDossier, UnknownParty
from services.reuse.domain.ids import DossierUid, PartyUid
from shared.errors import Forbidden
from shared.tokens import Caller


class MandateMissing(Forbidden):
    """The client has no mandate for this agency and procedure, as its token carries it (R1)."""

    code = "mandate_missing"


class AgencyNotOfDossier(Forbidden):
    """The acting agency is none of those the dossier names."""

    code = "agency_not_of_dossier"


class NotWithALogin(Forbidden):
    """A token that came by a citizen's login sees its dossier and does not act for the agency."""

    code = "login_token_not_allowed"


class OfficerNeeded(Forbidden):
    """Only an officer of the receiving agency may judge what was handed in (R14)."""

    code = "officer_needed"


class NotCompetent(Forbidden):
    """Only the competent agency may deposit the result (R15)."""

    code = "not_competent"


def check_mandate(caller: Caller, procedure: str, now: datetime) -> None:
    """Raise MandateMissing unless the token's mandate covers the procedure at this instant (R1)."""
    mandate = caller.mandate
    in_time = mandate.until is None or now < mandate.until
    if mandate.kind != "procedure" or procedure not in mandate.procedures or not in_time:
        raise MandateMissing


def check_may_open(caller: Caller, dossier: Dossier, now: datetime) -> None:
    """Raise unless the client acts, without a login, for an agency of the dossier, within its mandate (R1)."""
    check_without_login(caller)
    check_mandate(caller, dossier.procedure, now)
    if caller.agency.uid not in dossier.agencies:
        raise AgencyNotOfDossier


def check_may_see(caller: Caller, dossier: Dossier, now: datetime) -> None:
    """Raise UnknownDossier, as for a missing one, unless client and agency are the dossier's; then check the mandate.

    A token that came by a login is good for its own dossier only.
    """
    theirs = dossier.client_id == caller.client_id and caller.agency.uid in dossier.agencies
    if not theirs or caller.dossier_uid not in (None, str(dossier.dossier_uid)):
        raise UnknownDossier
    check_mandate(caller, dossier.procedure, now)


def check_release_token(caller: Caller, dossier_uid: DossierUid) -> None:
    """Raise UnknownDossier for the login of another dossier, MandateMissing for no procedure's mandate.

    Client, agency and procedure are checked by the release statement, behind its locks (R1).
    """
    if caller.dossier_uid not in (None, str(dossier_uid)):
        raise UnknownDossier
    if caller.mandate.kind != "procedure":
        raise MandateMissing


def check_may_act_for(caller: Caller, party_uid: PartyUid) -> None:
    """Raise UnknownParty when the token came by the login of another party."""
    if caller.party_uid not in (None, str(party_uid)):
        raise UnknownParty


def check_without_login(caller: Caller) -> None:
    """Raise NotWithALogin for what is the agency's business."""
    if caller.dossier_uid is not None or caller.actor.kind == "citizen":
        raise NotWithALogin


def check_may_judge(caller: Caller, dossier: Dossier) -> None:
    """Raise OfficerNeeded unless an officer of the receiving agency acts (R14)."""
    if caller.actor.kind != "officer" or caller.agency.uid != dossier.receiving.uid:
        raise OfficerNeeded


def check_may_deposit(caller: Caller, dossier: Dossier) -> None:
    """Raise NotCompetent unless the competent agency acts (R15)."""
    check_without_login(caller)
    if caller.agency.uid != dossier.competent.uid:
        raise NotCompetent
