"""Tells the services inside who a party is: never a city system."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.claims import Claims
from services.identity.domain.ids import DossierUid, PartyUid
from services.identity.domain.party import Party
from services.identity.domain.person import Capacity, capacity_on
from services.identity.parts import Parts
from services.identity.store import citizens, claims, parties
from shared.db import Tx
from shared.errors import NotFound
from shared.vietnam import day_in_vietnam


class UnknownAgency(NotFound):
    """There is no such agency, and there never was."""

    code = "agency_not_found"


@dataclass(frozen=True)
class Identified:
    """Who a party is, and what waits to be collected of her."""

    party: Party
    sub: str
    provisional: bool
    capacity: Capacity
    claims: list[Claims]


@dataclass(frozen=True)
class Answer:
    """The sector of the agency that is asked for; `who` is None while nobody is this party."""

    sector: str
    who: Identified | None


async def who_is(
    tx: Tx, *, given: Parts, dossier_uid: DossierUid, party_uid: PartyUid, agency_uid: str, now: datetime
) -> Answer:
    """Return who a party is, by the identifier of this agency's sector. Raises UnknownAgency."""
    agency = given.reference.agencies.get(agency_uid)  # also one that is no more: its dossiers live on
    if agency is None:
        raise UnknownAgency
    party = await parties.find(tx, dossier_uid, party_uid)
    citizen = await citizens.find(tx, given.safe, party.subject_id) if party else None
    if party is None or citizen is None:
        return Answer(agency.sector, None)
    return Answer(
        agency.sector,
        Identified(
            party=party,
            sub=await citizens.sub_for(tx, party.subject_id, agency.sector),
            provisional=citizen.provisional,
            capacity=capacity_on(citizen.keys.birth_date, day_in_vietnam(now)),
            claims=await claims.of_party(tx, dossier_uid, party_uid, party.subject_id),
        ),
    )
