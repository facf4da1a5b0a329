"""What others learn of reuse: from the domain to events. `reuse.released.v1` alone is built by its own statement."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from services.reuse.domain.agency import AgencyName
from services.reuse.domain.dossier import Component, Dossier, Party, PinnedRule
from services.reuse.domain.evidence import Deleted
from services.reuse.domain.lookup import Lookup
from services.reuse.domain.sources import Outcome
from services.reuse.domain.verdict import Deposit, Verdict
from shared.events import Event
from shared.tokens import Actor


def dossier_opened(dossier: Dossier, actor: Actor) -> Event:
    """Build `reuse.dossier-opened.v1`: what is asked of whom, by pinned versions."""
    data: dict[str, JsonValue] = {
        "dossier_uid": str(dossier.dossier_uid),
        "client_id": dossier.client_id,
        "client_ref": dossier.client_ref,
        "procedure": dossier.procedure,
        "procedure_version": dossier.procedure_version,
        "case": dossier.case_id,
        "channel": dossier.channel,
        "receiving": agency_json(dossier.receiving),
        "competent": agency_json(dossier.competent),
        "supporting": agency_json(dossier.supporting) if dossier.supporting else None,
        "actor": actor_json(actor),
        "parties": [party_json(each) for each in dossier.parties],
        "components": [component_json(each) for each in dossier.components],
    }
    return Event("reuse.dossier-opened.v1", str(dossier.dossier_uid), data, dossier.opened_at)


def dossier_received(dossier: Dossier, actor: Actor, agency: AgencyName, now: datetime) -> Event:
    """Build `reuse.dossier-received.v1`."""
    return _of_dossier("dossier-received", dossier, {"official_code": dossier.official_code}, actor, agency, now)


def dossier_closed(dossier: Dossier, actor: Actor, agency: AgencyName, now: datetime) -> Event:
    """Build `reuse.dossier-closed.v1`: rights of law in it end."""
    return _of_dossier("dossier-closed", dossier, {"outcome": dossier.outcome}, actor, agency, now)


def looked_up(
    lookup: Lookup, outcome: Outcome, *, evidence_ids: Sequence[UUID] = (), digest: bytes | None = None, now: datetime
) -> Event:
    """Build `reuse.looked-up.v1`; the digest is of what was sealed, so it tells nothing without it (R16)."""
    data: dict[str, JsonValue] = {
        "lookup_id": str(lookup.lookup_id),
        "subject_id": str(lookup.subject_id),
        "dossier_uid": str(lookup.dossier_uid),
        "party_uid": str(lookup.party_uid),
        "source": lookup.source,
        "attributes": [*sorted(lookup.attributes)],
        "outcome": outcome,
        "identification": lookup.identification,
        "actor": actor_json(lookup.actor),
        "agency": agency_json(lookup.agency),
        "grant_id": str(lookup.grant_id) if lookup.grant_id else None,
        "evidence_ids": [str(each) for each in evidence_ids],
        "digest": digest.hex() if digest else None,
    }
    return Event("reuse.looked-up.v1", str(lookup.subject_id), data, now)


def release_withheld(*, release_id: UUID, subject_id: UUID, dossier_uid: UUID, reason: str, now: datetime) -> Event:
    """Build `reuse.release-withheld.v1`: authorised, journalled, and not sent."""
    data: dict[str, JsonValue] = {
        "release_id": str(release_id),
        "subject_id": str(subject_id),
        "dossier_uid": str(dossier_uid),
        "reason": reason,
    }
    return Event("reuse.release-withheld.v1", str(subject_id), data, now)


def judged(verdict: Verdict) -> Event:
    """Build `reuse.accepted.v1` or `reuse.rejected.v1`."""
    data: dict[str, JsonValue] = {
        "dossier_uid": str(verdict.dossier_uid),
        "component_id": verdict.component_id,
        "release_id": str(verdict.release_id) if verdict.release_id else None,
        "verdict_id": str(verdict.verdict_id),
        "reason": verdict.reason,
        "agency": agency_json(verdict.agency),
        "actor": actor_json(verdict.actor),
    }
    return Event(f"reuse.{verdict.outcome}.v1", str(verdict.dossier_uid), data, verdict.judged_at)


def deposited(deposit: Deposit, digest: bytes) -> Event:
    """Build `reuse.deposited.v1`."""
    data: dict[str, JsonValue] = {
        "dossier_uid": str(deposit.dossier_uid),
        "party_uid": str(deposit.party_uid),
        "subject_id": str(deposit.subject_id),
        "evidence_id": str(deposit.evidence_id),
        "attribute": deposit.attribute,
        "result_type": deposit.result_type,
        "digest": digest.hex(),
        "agency": agency_json(deposit.agency),
        "actor": actor_json(deposit.actor),
    }
    return Event("reuse.deposited.v1", str(deposit.subject_id), data, deposit.deposited_at)


def evidence_deleted(deleted: Iterable[Deleted], reason: str, now: datetime) -> list[Event]:
    """Build a `reuse.evidence-deleted.v1` for each."""
    return [
        Event(
            "reuse.evidence-deleted.v1",
            str(each.subject_id),
            {
                "evidence_id": str(each.evidence_id),
                "subject_id": str(each.subject_id),
                "attribute": each.attribute,
                "reason": reason,
            },
            now,
        )
        for each in deleted
    ]


def actor_json(actor: Actor) -> JsonValue:
    """Write who acted in fact."""
    return {"kind": actor.kind, "ref": actor.ref, "position": actor.position}


def agency_json(agency: AgencyName) -> JsonValue:
    """Write who acted in law."""
    return {"uid": agency.uid, "name": agency.name}


def party_json(party: Party) -> JsonValue:
    """Write a person's place in a dossier."""
    by = party.represented_by
    return {
        "party_uid": str(party.party_uid),
        "roles": list(party.roles),
        "represented_by": str(by) if by else None,
    }


def component_json(component: Component) -> JsonValue:
    """Write a component as the event has it."""
    purpose, document = component.purpose, component.document
    written: dict[str, JsonValue] = {
        "component_id": component.component_id,
        "party_uid": str(component.party_uid),
        "document": {"code": component.document_code, "vi": document.vi, "en": document.en},
        "attributes": [*sorted(component.attributes)],
        "sources": [*component.sources],
        "basis": component.basis,
        "rule": _rule_json(component.rule) if component.rule else None,
        "purpose": {"id": purpose[0], "version": purpose[1]} if purpose else None,
        "data_class": component.data_class,
        "max_age_days": component.max_age_days,
    }
    return written


def _rule_json(rule: PinnedRule) -> JsonValue:
    return {
        "id": rule.id,
        "version": rule.version,
        "letter": rule.letter,
        "legal_refs": list(rule.legal_refs),
        "ends_on": rule.ends_on.isoformat() if rule.ends_on else None,
    }


def _of_dossier(
    what: str, dossier: Dossier, more: dict[str, JsonValue], actor: Actor, agency: AgencyName, now: datetime
) -> Event:
    data = {
        "dossier_uid": str(dossier.dossier_uid),
        **more,
        "actor": actor_json(actor),
        "agency": agency_json(agency),
    }
    return Event(f"reuse.{what}.v1", str(dossier.dossier_uid), data, now)
