"""What others learn of identity: from the domain to events. Ids and digests only, never what VNeID said."""

from datetime import datetime

from pydantic import JsonValue

from services.identity.domain.claims import Claims, Discarded
from services.identity.domain.flow import Flow
from services.identity.domain.ids import CheckId, SubjectId
from services.identity.domain.login import Reason
from services.identity.domain.party import Party, Place
from shared.errors import Fault
from shared.events import Data, Event, written
from shared.tokens import Actor


def login_succeeded(flow: Flow, now: datetime) -> Event:
    """Build `identity.login-succeeded.v1`."""
    who = flow.logged_in()
    data: Data = {
        **_purpose_of(flow),
        "login_id": str(who.login_id),
        "subject_id": str(who.subject_id),
        "purpose": flow.request.purpose.value,
        "acr": who.acr,
        "account_level": who.account_level,
        "auth_time": written(who.auth_time),
    }
    return Event(type="identity.login-succeeded.v1", key=str(who.subject_id), data=data, time=now)


def login_failed(flow: Flow, reason: Reason, fault: Fault, now: datetime) -> Event:
    """Build `identity.login-failed.v1`; nobody is named in it, since nobody was let in."""
    data: Data = {**_purpose_of(flow), "reason": reason.value, "fault": fault}
    key = data["dossier_uid"] or data["flow_id"]
    return Event(type="identity.login-failed.v1", key=str(key), data=data, time=now)


def party_identified(party: Party, *, sub: str, sector: str, provisional: bool, now: datetime) -> Event:
    """Build `identity.party-identified.v1`."""
    data: Data = {
        "dossier_uid": str(party.place.dossier_uid),
        "party_uid": str(party.place.party_uid),
        "subject_id": str(party.subject_id),
        "sub": sub,
        "sector": sector,
        "method": party.method.value,
        "provisional": provisional,
        "state": party.state.value,
        "login_id": str(party.login_id) if party.login_id else None,
        "check_id": str(party.check_id) if party.check_id else None,
        "client_id": party.place.client_id,
        "agency_uid": party.place.agency_uid,
        "actor": {"kind": party.actor.kind, "ref": party.actor.ref, "position": party.actor.position},
    }
    return Event(type="identity.party-identified.v1", key=str(party.subject_id), data=data, time=now)


def check_failed(
    check_id: CheckId, place: Place, *, whose: SubjectId | None, method: str, reason: str, actor: Actor, now: datetime
) -> Event:
    """Build `identity.check-failed.v1`: who tried which citizen's number, so that trying is no secret."""
    data: Data = {
        "check_id": str(check_id),
        "dossier_uid": str(place.dossier_uid),
        "party_uid": str(place.party_uid),
        "subject_id": str(whose) if whose else None,
        "method": method,
        "reason": reason,
        "client_id": place.client_id,
        "agency_uid": place.agency_uid,
        "actor": {"kind": actor.kind, "ref": actor.ref, "position": actor.position},
    }
    return Event(type="identity.check-failed.v1", key=str(whose or place.dossier_uid), data=data, time=now)


def claims_verified(claims: Claims, now: datetime) -> Event:
    """Build `identity.claims-verified.v1`: they may be collected from now on."""
    data: Data = {
        "claims_id": str(claims.claims_id),
        "subject_id": str(claims.subject_id),
        "dossier_uid": str(claims.dossier_uid),
        "party_uid": str(claims.party_uid),
        "source": claims.source.value,
        "attributes": list(claims.granted),
        "digest": claims.digest,
        "collectable_until": written(claims.until),
    }
    return Event(type="identity.claims-verified.v1", key=str(claims.subject_id), data=data, time=now)


def claims_discarded(claims: Claims, reason: Discarded, now: datetime) -> Event:
    """Build `identity.claims-discarded.v1`: their values are gone."""
    data: Data = {
        "claims_id": str(claims.claims_id),
        "subject_id": str(claims.subject_id),
        "dossier_uid": str(claims.dossier_uid),
        "reason": reason.value,
    }
    return Event(type="identity.claims-discarded.v1", key=str(claims.subject_id), data=data, time=now)


def _purpose_of(flow: Flow) -> dict[str, JsonValue]:
    login = flow.request.login
    return {
        "flow_id": str(flow.flow_id),
        "client_id": flow.request.client_id,
        "agency_uid": login.agency_uid if login else None,
        "dossier_uid": str(login.dossier_uid) if login else None,
        "party_uid": str(login.party_uid) if login else None,
    }
