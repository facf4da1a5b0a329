"""Who may do what: which system may ask for whose login, who may identify at the counter, and who may answer alone."""

from collections.abc import Sequence
from uuid import UUID

from services.identity.domain.client import Client, DatedMandate
from services.identity.domain.details import Login, refused
from services.identity.domain.dossier import Dossier, UnknownDossier
from services.identity.domain.ids import PartyUid
from services.identity.domain.login import Levels, LoginFailed, Reason, VerifiedLogin
from services.identity.domain.oauth import Error, OAuthError
from services.identity.domain.person import Capacity, capacity_on
from shared.errors import Conflict, Forbidden, NotFound
from shared.tokens import Caller
from shared.vietnam import day_in_vietnam

SERVICES = ("identity", "consent", "reuse", "audit")


class MandateMissing(Forbidden):
    """The client's mandate does not cover this dossier's procedure (R1)."""

    code = "mandate_missing"


class OfficerNeeded(Forbidden):
    """Only an officer can look at a card; the token names none."""

    code = "officer_needed"


class AgencyNotOfDossier(Forbidden):
    """The agency of the token neither receives nor decides nor supports in this dossier."""

    code = "agency_not_of_dossier"


class DossierClosed(Conflict):
    """The dossier is closed (R3)."""

    code = "dossier_closed"


class UnknownParty(NotFound):
    """The dossier has no such party."""

    code = "party_not_found"


def check_may_log_in(client: Client, login: Login, dossier: Dossier | None) -> Dossier:
    """Let a client ask for a login: its own open dossier, an acting agency, no more than is pinned (R3, R7).

    Raises OAuthError. A foreign dossier and a missing one are refused alike.
    """
    if dossier is None or dossier.client_id != client.client_id:
        raise refused("dossier_unknown: this client has no such dossier")
    if dossier.is_closed:
        raise refused("dossier_closed: nobody is asked for a closed dossier")
    if login.agency_uid not in dossier.agency_uids:
        raise refused("agency_not_of_dossier: the agency does not act in this dossier")
    if PartyUid(login.party_uid) not in dossier.party_uids:
        raise refused("party_unknown: the dossier has no such party")
    for attribute in login.attributes:
        if not dossier.is_allowed(PartyUid(login.party_uid), attribute):
            raise refused(
                f"attribute_not_allowed: {attribute} is not asked of this party by version {dossier.procedure_version}"
                f" of procedure {dossier.procedure}, which this dossier is pinned to"
            )
    return dossier


def choose_mandate(mandates: Sequence[DatedMandate], *, audience: str, procedure: str | None) -> DatedMandate:
    """Return the valid mandate for what a token is for (R1): the log is read under one of its own kind.

    Raises OAuthError (`mandate_missing`).
    """
    kind = "audit" if audience == "audit" else "procedure"
    fitting = [one for one in mandates if one.mandate.kind == kind]
    if procedure is not None:
        fitting = [one for one in fitting if procedure in one.mandate.procedures]
    if not fitting:
        raise refused("mandate_missing: no mandate of this client covers this agency and procedure now")
    return fitting[0]


def check_audience(resource: str | None, *, origin: str, client: Client) -> str:
    """Return the service a token is for (RFC 8707), named as `<origin>/<service>`. Raises OAuthError."""
    service = next((name for name in SERVICES if resource == f"{origin}/{name}"), None)
    if service is None or (client.is_first_party and service != client.client_id):
        raise OAuthError(Error.INVALID_TARGET, "resource is not one of this server's, or not for this client")
    return service


def check_is_strong_enough(login: VerifiedLogin, least: Levels) -> None:
    """Raise LoginFailed when she logged in, or once enrolled, less firmly than the service asks."""
    if not least.are_met_by(login):
        raise LoginFailed(Reason.LEVEL_TOO_LOW)


def check_answers_herself(login: VerifiedLogin) -> Capacity:
    """Raise LoginFailed where somebody else has to answer for or with her (R12)."""
    capacity = capacity_on(login.keys.birth_date, day_in_vietnam(login.auth_time))
    if capacity is not Capacity.SELF:
        raise LoginFailed(Reason.REPRESENTATION_REQUIRED)
    return capacity


def check_is_officer(caller: Caller) -> None:
    """Raise OfficerNeeded unless the caller is an officer at work."""
    if caller.actor.kind != "officer" or caller.mandate.kind != "procedure":
        raise OfficerNeeded


def check_may_identify(caller: Caller, dossier: Dossier, party_uid: UUID) -> None:
    """Let an officer identify a party: the client's own open dossier, as its token and mandate say (R1, R3).

    Raises UnknownDossier, DossierClosed, AgencyNotOfDossier, MandateMissing or UnknownParty.
    """
    if dossier.client_id != caller.client_id:
        raise UnknownDossier
    if caller.agency.uid not in dossier.agency_uids:
        raise AgencyNotOfDossier
    if dossier.procedure not in caller.mandate.procedures:
        raise MandateMissing
    if dossier.is_closed:
        raise DossierClosed
    if PartyUid(party_uid) not in dossier.party_uids:
        raise UnknownParty
