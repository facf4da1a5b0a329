"""Identifies a party by a card an officer was shown: bound for good, its keys held like a login's claims."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.identity import events, policy
from services.identity.domain.citizen import Citizen
from services.identity.domain.ids import CheckId, DossierUid, PartyUid
from services.identity.domain.party import Party, PartyMismatch, Place
from services.identity.domain.person import Capacity, IdentificationMismatch, MatchKeys, capacity_on
from services.identity.parts import Parts
from services.identity.service import citizens, claims, parties
from services.identity.store import citizens as stored_citizens
from services.identity.store import grants
from services.identity.store import parties as stored_parties
from shared import ids, outbox
from shared.db import Database, Tx
from shared.idempotency import Once
from shared.tokens import Caller
from shared.vietnam import day_in_vietnam


@dataclass(frozen=True)
class Check:
    """What an officer says she was shown, by whom, and for which party."""

    dossier_uid: UUID
    party_uid: UUID
    method: str
    keys: MatchKeys


@dataclass(frozen=True)
class Checked:
    """Who it is, as the officer's system may know it."""

    check_id: CheckId
    sub: str
    provisional: bool
    capacity: Capacity


async def identify(
    db: Database, once: Once[Checked], *, given: Parts, caller: Caller, check: Check, now: datetime
) -> Checked:
    """Identify a party (R4). A card that leads to nobody is in the log before that is said.

    Raises what `policy` refuses with, IdentificationMismatch, PartyMismatch, or Unavailable when `reuse` is silent.
    """
    policy.check_is_officer(caller)
    check.keys.check_plausible(day_in_vietnam(now), given.pin_places)
    dossier = await given.reuse.get_dossier(check.dossier_uid)
    policy.check_may_identify(caller, dossier, check.party_uid)
    check_id = CheckId(ids.new())
    place = Place(DossierUid(check.dossier_uid), PartyUid(check.party_uid), caller.client_id, caller.agency.uid)
    try:
        return await _identify(once, given, caller, check, check_id, place, now)
    except (IdentificationMismatch, PartyMismatch) as refused:
        async with db.transaction() as tx:
            known = await stored_citizens.find_by_pin_for_update(tx, given.safe, check.keys.pin)
            told = events.check_failed(
                check_id, place, whose=known.subject_id if known else None, method=check.method, reason=refused.code,
                actor=caller.actor, now=now,
            )  # fmt: skip
            await outbox.append(tx, told)
        raise


async def _identify(
    once: Once[Checked], given: Parts, caller: Caller, check: Check, check_id: CheckId, place: Place, now: datetime
) -> Checked:
    async with once.transaction() as tx:
        citizen = await citizens.look_at_card(tx, given.safe, check.keys, now)
        party = parties.of_check(caller, place, citizen.subject_id, check_id, now)
        party = await parties.bind_by_check(tx, given.reference, party, provisional=citizen.provisional, now=now)
        await stored_parties.insert_check(
            tx, party, check_id=check_id, mandate_id=caller.mandate.id, method=check.method, now=now
        )
        await _hold_keys(tx, given, party, check.keys, now)
        sub = await stored_citizens.sub_for(tx, citizen.subject_id, caller.agency.sector)
        return await once.keep(tx, Checked(check_id, sub, citizen.provisional, _capacity(citizen, now)))


async def _hold_keys(tx: Tx, given: Parts, party: Party, keys: MatchKeys, now: datetime) -> None:
    """Hold the keys; where the decision stands already, as after a mistyped name, they are granted at once."""
    await claims.discard_earlier_check(tx, party, now)
    held = await claims.hold(tx, given.safe, party, keys.attributes(), login=None, now=now)
    place = party.place
    granted = await grants.granted_attributes(tx, place.dossier_uid, place.party_uid, party.subject_id, now=now)
    await claims.grant(tx, given.safe, held, granted, now)


def _capacity(citizen: Citizen, now: datetime) -> Capacity:
    return capacity_on(citizen.keys.birth_date, day_in_vietnam(now))
