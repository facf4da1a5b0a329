"""Deposits a procedure's result as evidence of the person it is about (R15)."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from services.reuse import events, policy
from services.reuse.domain.dossier import Dossier, Party
from services.reuse.domain.evidence import Evidence
from services.reuse.domain.ids import PartyUid, SubjectId
from services.reuse.domain.party import PartyProvisional, PartyUnconfirmed, Person
from services.reuse.domain.procedure import ResultType
from services.reuse.domain.steps import may_be_identified
from services.reuse.domain.verdict import Deposit
from services.reuse.parts import Parts
from services.reuse.service import grants, keeping, situation
from services.reuse.service.dossiers import agency_of
from services.reuse.service.identifying import identify
from services.reuse.store import dossiers, journal
from services.reuse.store import grants as grant_rows
from shared import ids, outbox
from shared.db import Database, Tx
from shared.errors import Conflict, Invalid
from shared.idempotency import Once
from shared.tokens import Caller


class ResultUnknown(Invalid):
    """The pinned procedure does not end in this for this party."""

    code = "result_unknown"


class ValueInvalid(Invalid):
    """The value is not of the shape the vocabulary gives this attribute."""

    code = "value_invalid"


class NotKept(Conflict):
    """Neither a rule nor a consent lets it be kept (R15)."""

    code = "result_not_kept"


async def deposit(
    db: Database,
    parts: Parts,
    *,
    once: Once[Deposit],
    caller: Caller,
    dossier_uid: UUID,
    party_uid: UUID,
    result_type: str,
    value: JsonValue,
    now: datetime,
) -> Deposit:
    """Deposit a result. Kept under the rule that the map names, and under her grant for keeping if she gave one.

    Raises NotCompetent, ResultUnknown, ValueInvalid, PartyUnidentified, PartyProvisional and PartyUnconfirmed (R5),
    ConsentStatusUnknown, ResultExists, NotKept.
    """
    async with db.read() as tx:
        dossier = await dossiers.get(tx, dossier_uid)
    policy.check_may_see(caller, dossier, now)
    policy.check_may_deposit(caller, dossier)
    party = dossier.party(PartyUid(party_uid))
    result = _result(parts, dossier, party, result_type)
    if wrong := keeping.misshapen(parts, result.attribute, value):
        raise ValueInvalid(errors=wrong)
    person = await situation.ask_person(db, parts, dossier=dossier, party=party, agency_uid=caller.agency.uid)
    subject_id = person.get_subject()
    if person.provisional:
        await _check_confirmed(db, parts, caller, dossier, party, person, now)
    async with once.transaction() as tx:
        kept = await _keep(tx, parts, dossier_uid, subject_id, result, value, now)
        return await once.keep(tx, await _record(tx, caller, party, result, kept, now))


async def _check_confirmed(
    db: Database, parts: Parts, caller: Caller, dossier: Dossier, party: Party, person: Person, now: datetime
) -> None:
    """Have the population register confirm her, if it has not. Raises PartyProvisional or PartyUnconfirmed."""
    subject_id = person.get_subject()
    agency_uid = caller.agency.uid
    await grants.get_known_surely(
        db, parts, subject_id=subject_id, dossier_uid=dossier.dossier_uid, agency_uid=agency_uid, now=now
    )
    async with db.read() as tx:
        at = await situation.read(
            tx, parts, dossier=dossier, party=party, person=person, subject_id=subject_id, agency_uid=agency_uid,
            now=now,
        )  # fmt: skip
    at = await identify(db, parts, at, caller)
    if at.person.provisional:
        raise PartyProvisional if may_be_identified(at) else PartyUnconfirmed


def _result(parts: Parts, dossier: Dossier, party: Party, result_type: str) -> ResultType:
    result = parts.maps.get_pinned(dossier.procedure, dossier.procedure_version).result
    if result is None or result.type != result_type or result.of not in party.roles:
        raise ResultUnknown
    return result


async def _keep(
    tx: Tx,
    parts: Parts,
    dossier_uid: UUID,
    subject_id: SubjectId,
    result: ResultType,
    value: JsonValue,
    now: datetime,
) -> Evidence:
    dossier = await dossiers.get_for_share(tx, dossier_uid)
    dossier.check_open(now)
    hers = await grant_rows.of_subject(tx, subject_id, dossier_uid)
    said = keeping.Said(result.attribute, value, dossier.competent.uid, "procedure_result", now)
    kept = await keeping.keep(
        tx, parts, dossier=dossier, subject_id=subject_id, said=[said], under={},
        retention=[g for g in hers if g.scope == "retention"], now=now,
    )  # fmt: skip
    if not kept:
        raise NotKept
    return kept[0]


async def _record(tx: Tx, caller: Caller, party: Party, result: ResultType, kept: Evidence, now: datetime) -> Deposit:
    made = Deposit(
        result_id=ids.new(),
        dossier_uid=kept.dossier_uid,
        party_uid=party.party_uid,
        subject_id=kept.subject_id,
        result_type=result.type,
        attribute=result.attribute,
        evidence_id=kept.evidence_id,
        agency=agency_of(caller),
        actor=caller.actor,
        deposited_at=now,
    )
    await journal.insert_result(tx, made)
    await outbox.append(tx, events.deposited(made, kept.digest))
    return made
