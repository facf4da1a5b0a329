"""The counter: an officer's system has the legal basis of a pinned procedure decided for a party, without a browser."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.consent import policy
from services.consent.catalogue import Catalogue
from services.consent.clients.identity import IdentityClient
from services.consent.clients.reuse import ReuseClient
from services.consent.domain.dossier import (
    Basis,
    Capacity,
    Component,
    Dossier,
    DossierClosed,
    Party,
    Rule,
    check_allowed,
)
from services.consent.domain.giving import Outcome, Subject
from services.consent.domain.grant import Choice, GivenBy, Giving, Grant, Origin, Recipient
from services.consent.domain.ids import AttributeId, PartyUid
from services.consent.domain.item import compose_items
from services.consent.domain.notice import Notice
from services.consent.domain.receipt import Shown
from services.consent.service.giving import decide_law, give
from services.consent.signing import ReceiptSigner
from services.consent.store import grants, requests, uses
from shared.db import Tx
from shared.idempotency import Once
from shared.tokens import Caller


@dataclass(frozen=True)
class Case:
    """What the officer's system sends: whose basis, what she hands in herself, and who speaks for her."""

    dossier_uid: UUID
    party_uid: UUID
    opted_out: tuple[AttributeId, ...]
    represented_by: UUID | None


@dataclass(frozen=True)
class Counter:
    """What a decision at the counter needs of others and of us."""

    identity: IdentityClient
    reuse: ReuseClient
    catalogue: Catalogue
    signer: ReceiptSigner


async def decide_legal_basis(
    once: Once[list[Grant]], *, counter: Counter, caller: Caller, case: Case, now: datetime
) -> list[Grant]:
    """Give one grant of law per rule version that the party's components stand on; repeating it changes nothing.

    Raises UnknownDossier, OfficerNeeded, MandateMissing (R1), DossierClosed (R3), UnknownParty, AttributeNotAllowed
    (R7), PartyUnidentified (R5), RepresentationRequired (R12), or Unavailable when reuse or identity does not answer.
    """
    dossier = await counter.reuse.get_dossier(case.dossier_uid)
    policy.check_may_decide(caller, dossier, now)
    components = [each for each in dossier.components_of(case.party_uid) if each.basis is Basis.LEGAL_BASIS]
    check_allowed(components, case.opted_out)
    subject = await _subject(counter.identity, caller, dossier, case)
    notice = _notice(counter.catalogue, components, dossier, caller, case, now)
    async with once.transaction() as tx:
        outcome = await _outcome(tx, subject, _choices(components, case.opted_out), now)
        await uses.know_dossier(tx, dossier)
        if outcome.new:
            await requests.insert_notice(tx, notice)
        shown = Shown(notice, subject.recipient.sub, caller.actor.position)
        await give(tx, outcome, shown=shown, signer=counter.signer, now=now, actor=caller.actor)
        return await once.keep(tx, list(outcome.standing))


async def _outcome(
    tx: Tx, subject: Subject, choices: dict[tuple[str, int], tuple[Rule, Choice]], now: datetime
) -> Outcome:
    dossier_uid = subject.recipient.dossier_uid
    await grants.lock_dossier(tx, dossier_uid)
    if await uses.is_closed(tx, dossier_uid):
        raise DossierClosed
    return await decide_law(tx, choices, subject=subject, now=now)


async def _subject(identity: IdentityClient, caller: Caller, dossier: Dossier, case: Case) -> Subject:
    party = await identity.get_party(case.dossier_uid, case.party_uid, agency_uid=caller.agency.uid)
    known = policy.check_identified(party)
    giving = await _giving(identity, caller, dossier, case, party)
    recipient = Recipient(
        sub=known.sub,
        sector=known.sector,
        client_id=caller.client_id,
        agency_uid=caller.agency.uid,
        agency_name=caller.agency.name,
        dossier_uid=dossier.dossier_uid,
        party_uid=PartyUid(case.party_uid),
    )
    return Subject(known.subject_id, recipient, giving)


async def _giving(identity: IdentityClient, caller: Caller, dossier: Dossier, case: Case, party: Party) -> Giving:
    """R12: whoever may not answer alone is answered for by an identified party of the same dossier."""
    if party.capacity is Capacity.SELF:
        return Giving(Origin.OFFICER_AT_COUNTER, GivenBy.SELF)
    by = case.represented_by or dossier.party(case.party_uid).represented_by
    if by is None:
        raise policy.RepresentationRequired
    representative = dossier.party(by)
    who = await identity.get_party(case.dossier_uid, by, agency_uid=caller.agency.uid)
    policy.check_may_represent(who, policy.check_identified(party))
    return Giving(Origin.OFFICER_AT_COUNTER, GivenBy(party.capacity.value), representative.party_uid)


def _choices(
    components: Iterable[Component], opted_out: Iterable[AttributeId]
) -> dict[tuple[str, int], tuple[Rule, Choice]]:
    attributes: dict[tuple[str, int], set[AttributeId]] = {}
    rules: dict[tuple[str, int], Rule] = {}
    for rule, names in ((each.rule, each.attributes) for each in components):
        if rule:
            rules[rule.id, rule.version] = rule
            attributes.setdefault((rule.id, rule.version), set()).update(names)
    refused = set(opted_out)
    return {
        key: (rules[key], Choice.of(continued=names - refused, self_submitted=names & refused))
        for key, names in attributes.items()
    }


def _notice(
    catalogue: Catalogue, components: list[Component], dossier: Dossier, caller: Caller, case: Case, now: datetime
) -> Notice:
    """Compose what the officer has to tell: the same words as on the page."""
    asked = {attribute for each in components for attribute in each.attributes}
    items = compose_items(components, asked=asked, purposes=catalogue.purposes, keep=None, kept=())
    asker = {"agency_uid": caller.agency.uid, "agency_name": caller.agency.name, "client_name": caller.client_id}
    return catalogue.compose_notice(items, dossier=dossier, party_uid=PartyUid(case.party_uid), asker=asker, now=now)
