"""Plans a dossier: reads only, and tells nothing of what is held before there is a grant (R13)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.reuse import policy
from services.reuse.domain.dossier import Dossier, Party
from services.reuse.domain.ids import PartyUid
from services.reuse.domain.plan import PlanItem, plan_party
from services.reuse.parts import Parts
from services.reuse.service import situation
from services.reuse.store import dossiers
from shared.db import Database
from shared.tokens import Caller


@dataclass(frozen=True)
class Plan:
    """The plan of those parties that the caller may see."""

    dossier: Dossier
    items: tuple[PlanItem, ...]


async def plan(db: Database, parts: Parts, *, caller: Caller, dossier_uid: UUID, now: datetime) -> Plan:
    """Return the plan of every party, or of her own one for a token that came by a login.

    Raises UnknownDossier, DossierClosed, DraftLapsed, or Unavailable when identity or consent has to be asked and
    does not answer.
    """
    async with db.read() as tx:
        dossier = await dossiers.get(tx, dossier_uid)
    policy.check_may_see(caller, dossier, now)
    dossier.check_open(now)
    items: list[PlanItem] = []
    for party in _seen_by(caller, dossier):
        items += await plan_one(db, parts, caller=caller, dossier=dossier, party_uid=party.party_uid, now=now)
    return Plan(dossier, tuple(items))


async def plan_one(
    db: Database, parts: Parts, *, caller: Caller, dossier: Dossier, party_uid: PartyUid, now: datetime
) -> list[PlanItem]:
    """Return the plan of one party."""
    at = await situation.of_party(
        db, parts, dossier=dossier, party_uid=party_uid, agency_uid=caller.agency.uid, now=now
    )
    return list(plan_party(at))


def _seen_by(caller: Caller, dossier: Dossier) -> list[Party]:
    return [each for each in dossier.parties if caller.party_uid in (None, str(each.party_uid))]
