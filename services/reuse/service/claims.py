"""Collects what a login or an officer's check has verified, once granted; identity deletes it when it is taken over."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from services.reuse.clients.identity import CollectedClaims, NotYetCollectable
from services.reuse.domain.evidence import Origin
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, SubjectId
from services.reuse.domain.lookup import Lookup
from services.reuse.domain.party import Claims
from services.reuse.domain.sources import Outcome, Situation
from services.reuse.domain.steps import granted, wanted
from services.reuse.parts import Parts
from services.reuse.service import keeping
from services.reuse.service.dossiers import agency_of
from services.reuse.service.looking_up import begin, retention_grants, told
from services.reuse.store import dossiers, lookups
from shared import clock, ids, outbox
from shared.db import Database, Tx
from shared.tokens import Caller

_PAUSES = (0.0, 0.1, 0.2, 0.4, 0.8)  # seconds before each try
_ORIGINS: Mapping[str, Origin] = {"vneid": "vneid", "officer_check": "digitised_paper"}


async def collect_waiting(db: Database, parts: Parts, *, at: Situation, caller: Caller) -> None:
    """Collect all claims that wait for this party and that a grant lets be collected; first those that surely are.

    Safe after a crash anywhere: claims that have become evidence are only confirmed, others can be asked for again.
    """
    for claims in sorted(at.person.claims, key=lambda each: each.state != "collectable"):
        if claims.state not in ("held", "collectable") or not granted(at, claims):
            continue
        if under := wanted(at, claims):
            await _collect(db, parts, at=at, caller=caller, claims=claims, under=under)
        else:
            await _confirm_collected(db, parts, claims)


async def _confirm_collected(db: Database, parts: Parts, claims: Claims) -> None:
    """Confirm what has become evidence before a crash; what is held from elsewhere stays with identity and lapses."""
    async with db.read() as tx:
        collected = await lookups.are_collected(tx, claims.claims_id)
    if collected:
        await parts.identity.confirm(claims.claims_id)


def lacks_a_grant(at: Situation) -> bool:
    """Say whether more waits than our grants cover: identity deletes the rest once we confirm, so consent is asked."""
    waiting = (claims for claims in at.person.claims if claims.state in ("held", "collectable"))
    return any(set(claims.attributes) - granted(at, claims).keys() for claims in waiting)


async def _collect(
    db: Database,
    parts: Parts,
    *,
    at: Situation,
    caller: Caller,
    claims: Claims,
    under: Mapping[AttributeId, Grant],
) -> None:
    async with db.transaction() as tx:
        begun = await begin(tx, _lookup(at, caller, claims, under), at.now)
        if begun is None:
            return  # somebody else is at it
        is_whole = len(begun.attributes) == len(under)
        are_collected = await lookups.are_collected(tx, claims.claims_id)
        if are_collected or not is_whole:
            await lookups.forget(tx, begun.lookup_id, begun.attributes)
    # While somebody is at a part of them nothing is confirmed: identity would delete that part too.
    if not are_collected and not (is_whole and await _take_over(db, parts, at, claims.claims_id, begun, under)):
        return
    await parts.identity.confirm(claims.claims_id)


async def _take_over(
    db: Database,
    parts: Parts,
    at: Situation,
    claims_id: UUID,
    lookup: Lookup,
    under: Mapping[AttributeId, Grant],
) -> bool:
    """Ask identity for the values and make them evidence; False when they are not to be had, or came too late."""
    collected = None
    try:
        collected = await _ask(parts, claims_id, lookup.subject_id)
    finally:
        if collected is None:
            async with db.transaction() as tx:
                await lookups.forget(tx, lookup.lookup_id, lookup.attributes)
    if collected is None:
        return False
    async with db.transaction() as tx:
        return await _finish(tx, parts, at, lookup, under, collected, clock.now())


async def _ask(parts: Parts, claims_id: UUID, subject_id: SubjectId) -> CollectedClaims | None:
    """Ask for the values; where consent or identity is a release older, it waits for events (ADR 0016)."""
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        with suppress(NotYetCollectable):
            return await parts.identity.collect(claims_id, subject_id)
    return None


async def _finish(
    tx: Tx,
    parts: Parts,
    at: Situation,
    lookup: Lookup,
    under: Mapping[AttributeId, Grant],
    collected: CollectedClaims,
    now: datetime,
) -> bool:
    """Make the values evidence; False when the look-up was given up for dead meanwhile, and then none of it counts."""
    dossier = await dossiers.get_for_share(tx, lookup.dossier_uid)
    dossier.check_open(now)
    said = [
        keeping.Said(
            each, collected.values[each], collected.source, _ORIGINS[collected.source],
            verified_at=min(collected.verified_at, now), level=collected.account_level,
        )
        for each in lookup.attributes
        if each in collected.values and keeping.is_well_formed(parts, each, collected.values[each])
    ]  # fmt: skip
    found = {each.attribute for each in said}
    outcomes: list[tuple[AttributeId, Outcome]] = [
        (each, "found" if each in found else "not_found") for each in lookup.attributes
    ]
    if not await lookups.finish(tx, lookup.lookup_id, outcomes, now):
        return False
    kept = await keeping.keep(
        tx, parts, dossier=dossier, subject_id=lookup.subject_id, said=said, under=under,
        retention=retention_grants(at), now=now,
    )  # fmt: skip
    await outbox.append(tx, told(lookup, "found" if found else "not_found", kept, now))
    return True


def _lookup(at: Situation, caller: Caller, claims: Claims, under: Mapping[AttributeId, Grant]) -> Lookup:
    return Lookup(
        lookup_id=ids.new(),
        subject_id=at.person.get_subject(),
        dossier_uid=at.dossier.dossier_uid,
        party_uid=at.party.party_uid,
        source=claims.source,
        attributes=tuple(sorted(under)),
        actor=caller.actor,
        agency=agency_of(caller),
        grant_id=next(iter(under.values())).grant_id,
        claims_id=claims.claims_id,
    )
