"""One look-up at a register: what is asked is a row before it is asked, and what came of it an event (R16)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import orjson
from pydantic import JsonValue

from services.reuse import events
from services.reuse.clients.registries import Answer, Question
from services.reuse.domain.evidence import Evidence
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId
from services.reuse.domain.lookup import MATCH_KEYS, Lookup
from services.reuse.domain.sources import Outcome, Situation
from services.reuse.domain.steps import is_open, may_be_identified
from services.reuse.parts import Parts
from services.reuse.service import keeping, situation
from services.reuse.service.dossiers import agency_of
from services.reuse.store import dossiers, evidence, lookups
from shared import clock, ids, outbox
from shared.db import Database, Tx
from shared.tokens import Caller


async def look_up(
    db: Database,
    parts: Parts,
    *,
    at: Situation,
    caller: Caller,
    source: str,
    under: Mapping[AttributeId, Grant],
    identification: bool = False,
) -> Outcome | None:
    """Ask one register about one party; None when somebody else is at it right now.

    Between `_begin` and `_finish` nothing is locked. What a crash there leaves is a row in flight: a minute later the
    next look-up lands it as `unavailable`, with its event, and asks again.
    """
    lookup = Lookup(
        lookup_id=ids.new(),
        subject_id=at.person.get_subject(),
        dossier_uid=at.dossier.dossier_uid,
        party_uid=at.party.party_uid,
        source=source,
        attributes=tuple(sorted(under)),
        actor=caller.actor,
        agency=agency_of(caller),
        grant_id=next(iter(under.values())).grant_id,
        identification=identification,
    )
    async with db.transaction() as tx:
        match = await _match_keys(tx, parts, at)
        begun = await begin(tx, lookup, at.now) if match else None
        begun = await _still_open(tx, parts, at, begun) if begun else None
    if begun is None or match is None:
        return None
    answer = await parts.registries.ask(_question(begun, at, caller, match))
    async with db.transaction() as tx:
        await _finish(tx, parts, at, begun, under, answer, clock.now())
    return answer.outcome


async def begin(tx: Tx, lookup: Lookup, now: datetime) -> Lookup | None:
    """Put a look-up in flight for those attributes that nobody else is asking for; None if that leaves none.

    Raises DossierClosed or DraftLapsed: nothing is collected for such a dossier (R3).
    """
    dossier = await dossiers.get_for_share(tx, lookup.dossier_uid)
    dossier.check_open(now)
    for abandoned in await lookups.give_up_abandoned(tx, lookup.subject_id, now):
        await outbox.append(tx, events.looked_up(abandoned, "unavailable", now=now))
    attributes = await lookups.begin(tx, lookup, now)
    return replace(lookup, attributes=attributes) if attributes else None


async def _still_open(tx: Tx, parts: Parts, at: Situation, lookup: Lookup) -> Lookup | None:
    """Take back what another look-up has brought since we read: nothing is asked twice while fresh."""
    seen = await situation.read(
        tx, parts, dossier=at.dossier, party=at.party, person=at.person, subject_id=lookup.subject_id,
        agency_uid=at.agency_uid, now=at.now,
    )  # fmt: skip
    if lookup.identification:
        wanted = lookup.attributes if may_be_identified(seen) else ()
    else:
        wanted = tuple(each for each in lookup.attributes if is_open(seen, lookup.source, each))
    await lookups.forget(tx, lookup.lookup_id, [each for each in lookup.attributes if each not in wanted])
    return replace(lookup, attributes=wanted) if wanted else None


async def _match_keys(tx: Tx, parts: Parts, at: Situation) -> Mapping[str, JsonValue] | None:
    """Open the newest number, name and birth date that may be used here; None while one is still being collected."""
    newest = {key: found for key in MATCH_KEYS if (found := _newest(at, key))}
    wrapped = await evidence.find_data_key(tx, at.person.get_subject())
    if wrapped is None or len(newest) < len(MATCH_KEYS):
        return None
    return {key: orjson.loads(parts.vault.open(wrapped, e.sealed, e.place))["value"] for key, e in newest.items()}


def _newest(at: Situation, attribute: AttributeId) -> Evidence | None:
    usable = (held.evidence for held in at.usable(attribute))
    return max(usable, key=lambda e: (e.verified_at, e.evidence_id), default=None)


def _question(lookup: Lookup, at: Situation, caller: Caller, match: Mapping[str, JsonValue]) -> Question:
    actor = caller.actor
    return Question(
        lookup_id=lookup.lookup_id,
        source=lookup.source,
        procedure=at.dossier.procedure,
        dossier_uid=lookup.dossier_uid,
        actor_kind=actor.kind,
        # Her own request is named by the pairwise identifier her agency knows her by, a machine's by its client.
        actor_ref=actor.ref or (at.person.sub if actor.kind == "citizen" else None) or caller.client_id,
        agency_uid=caller.agency.uid,
        match=match,
        attributes=lookup.attributes,
    )


async def _finish(
    tx: Tx,
    parts: Parts,
    at: Situation,
    lookup: Lookup,
    under: Mapping[AttributeId, Grant],
    answer: Answer,
    now: datetime,
) -> None:
    outcomes: dict[AttributeId, Outcome] = {each: outcome_of(parts, each, answer) for each in lookup.attributes}
    dossier = await dossiers.get_for_share(tx, lookup.dossier_uid)
    if not await lookups.finish(tx, lookup.lookup_id, list(outcomes.items()), now):
        return  # it took so long that it was given up for dead, and told of as such
    kept: list[Evidence] = []
    if not dossier.is_over(now):
        kept = await keeping.keep(
            tx, parts, dossier=dossier, subject_id=lookup.subject_id,
            said=[
                keeping.Said(
                    each, answer.values[each], lookup.source, "registry",
                    verified_at=min(answer.as_of or now, now), record_id=answer.record_id,
                )
                for each, outcome in outcomes.items() if outcome == "found"
            ],
            under=under, retention=retention_grants(at), now=now,
        )  # fmt: skip
    await outbox.append(tx, told(lookup, answer.outcome, kept, now))


def told(lookup: Lookup, outcome: Outcome, kept: list[Evidence], now: datetime) -> events.Event:
    """Make the event of a look-up that has landed."""
    digest = sha256(b"".join(e.digest for e in kept)).digest() if kept else None
    return events.looked_up(lookup, outcome, evidence_ids=[e.evidence_id for e in kept], digest=digest, now=now)


def outcome_of(parts: Parts, attribute: AttributeId, answer: Answer) -> Outcome:
    """Say what a register's answer means for one attribute; a value of no known shape goes to the officer.

    What a register neither tells nor says it has not, it has failed to answer: that is no word against her.
    """
    if answer.outcome != "found":
        return answer.outcome
    if attribute not in answer.values:
        return "not_found" if attribute in answer.missing else "unavailable"
    return "found" if keeping.is_well_formed(parts, attribute, answer.values[attribute]) else "partial"


def retention_grants(at: Situation) -> list[Grant]:
    """Return her grants for keeping that are valid."""
    return [g for g in at.grants if g.scope == "retention" and g.is_valid(at.now)]
