"""Collects what is granted: waiting claims first, then the registries, at most once while fresh."""

from datetime import datetime
from uuid import UUID

from services.reuse import policy
from services.reuse.domain.ids import AttributeId, PartyUid
from services.reuse.domain.plan import PlanItem, plan_party
from services.reuse.domain.sources import Situation
from services.reuse.domain.steps import next_step
from services.reuse.parts import Parts
from services.reuse.service import claims, grants, situation
from services.reuse.service.identifying import identify
from services.reuse.service.looking_up import look_up
from services.reuse.store import dossiers
from shared.db import Database
from shared.tokens import Caller

_MOST_STEPS = 20  # more registers than any map names


async def collect(
    db: Database, parts: Parts, *, caller: Caller, dossier_uid: UUID, party_uid: UUID, now: datetime
) -> list[PlanItem]:
    """Collect for one party and return her plan as it is then.

    Raises UnknownDossier, DossierClosed, DraftLapsed (R3), PartyUnidentified (R5), ConsentStatusUnknown. A register
    that fails is no error of this: its attributes are `source_fault` in the plan.
    """
    party_uid = PartyUid(party_uid)
    at = await _begin(db, parts, caller, dossier_uid, party_uid, now)
    if claims.lacks_a_grant(at):
        await grants.ask(
            db, parts, known=at.grants, subject_id=at.person.get_subject(), dossier_uid=dossier_uid, now=now
        )
        at = await situation.read_again(db, parts, at)
    await claims.collect_waiting(db, parts, at=at, caller=caller)
    at = await situation.read_again(db, parts, at)
    at = await identify(db, parts, at, caller)
    tried: frozenset[tuple[str, AttributeId]] = frozenset()
    for _ in range(_MOST_STEPS):
        step = next_step(at, tried)
        if step is None:
            break
        await look_up(db, parts, at=at, caller=caller, source=step.source, under=step.under)
        tried |= {(step.source, attribute) for attribute in step.under}
        at = await situation.read_again(db, parts, at)
    return list(plan_party(at))


async def _begin(
    db: Database, parts: Parts, caller: Caller, dossier_uid: UUID, party_uid: PartyUid, now: datetime
) -> Situation:
    async with db.read() as tx:
        dossier = await dossiers.get(tx, dossier_uid)
    policy.check_may_see(caller, dossier, now)
    policy.check_may_act_for(caller, party_uid)
    dossier.check_open(now)
    party = dossier.party(party_uid)
    person = await situation.ask_person(db, parts, dossier=dossier, party=party, agency_uid=caller.agency.uid)
    subject_id = person.get_subject()
    agency_uid = caller.agency.uid
    await grants.get_known_surely(
        db, parts, subject_id=subject_id, dossier_uid=dossier_uid, agency_uid=agency_uid, now=now
    )
    async with db.read() as tx:
        return await situation.read(
            tx, parts, dossier=dossier, party=party, person=person, subject_id=subject_id, agency_uid=agency_uid,
            now=now,
        )  # fmt: skip
