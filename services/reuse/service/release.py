"""Releases: authorised in one statement, the clock held against the lease after its commit, then signed (§6)."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.reuse import events
from services.reuse.domain.dossier import (
    DossierClosed,
    DraftLapsed,
    UnknownComponent,
    UnknownDossier,
    UnknownParty,
)
from services.reuse.domain.ids import SubjectId
from services.reuse.domain.refusal import (
    ClockSkew,
    ConsentStatusUnknown,
    LogUnsealed,
    Missing,
    Reason,
    refusal,
    why_not,
)
from services.reuse.domain.sources import Situation
from services.reuse.parts import Parts
from services.reuse.policy import MandateMissing, check_may_act_for, check_release_token
from services.reuse.service import grants, situation
from services.reuse.store import dossiers
from services.reuse.store import grants as grant_rows
from services.reuse.store import release as statement
from services.reuse.store.release import Authorised, Finding, UsedUp, Vouched, Wanted
from shared import clock, ids, log, outbox, telemetry
from shared.db import Database, Tx
from shared.dpop import InvalidDpopProof, Proof
from shared.errors import Problem, Unavailable
from shared.idempotency import Answered, Once
from shared.measures import RELEASES
from shared.tokens import InvalidToken

_LEASE_EXCEEDED, _RIGHT_ENDED = "lease_exceeded", "right_ended"
_MAY_HAVE_COME = {Reason.GRANT_MISSING, Reason.OTHER_AGENCY}  # a grant given just now, whose event is still on its way


@dataclass(frozen=True, slots=True)
class Released:
    """A signed release."""

    release_id: UUID
    jws: str
    released_at: datetime
    components: tuple[str, ...]
    replay_of: UUID | None


class Withheld(ConsentStatusUnknown):
    """It was authorised, and too late to be sent; to the caller that is the same."""


class _Undone(Exception):
    """Carries what was found out of a transaction that is to leave nothing."""

    def __init__(self, found: Finding) -> None:
        super().__init__("nothing was authorised")
        self.found = found


async def release_once(db: Database, parts: Parts, *, wanted: Wanted, once: Once[UUID], now: datetime) -> Released:
    """Release under an Idempotency-Key; the caller's proof is used up already.

    Only the release's id is kept. A repeat is a release of the same evidence under the grants, holdings and lease of
    now, with a journal row and an event of its own that name the first; it spends no use. Raises as `release` does,
    and RequestInFlight or IdempotencyKeyReused.
    """
    try:
        return await release(db, parts, wanted=wanted, proof=None, once=once, now=now)
    except Answered as before:
        first = UUID(json.loads(before.answer)["release_id"])
    async with db.read() as tx:
        earlier = await statement.get_earlier(tx, first)
    return await release(db, parts, wanted=wanted.again(earlier), proof=None, now=now)


async def release(
    db: Database, parts: Parts, *, wanted: Wanted, proof: Proof | None, once: Once[UUID] | None = None, now: datetime
) -> Released:
    """Release verified attributes of one party, or raise why not; nothing is signed that a withdrawal could forbid.

    `proof` is used up with it, unless it was before.

    Raises NotFound kinds for what the caller may not know of, ReleaseRefused, DossierClosed, ConsentStatusUnknown
    (503, to be tried again), ClockSkew, LogUnsealed.
    """
    try:
        released = await _release(db, parts, wanted, proof, once, now)
    except Problem as problem:
        telemetry.count(RELEASES, {"outcome": _outcome(problem)})
        raise
    telemetry.count(RELEASES, {"outcome": "repeated" if released.replay_of else "released"})
    return released


def _outcome(problem: Problem) -> str:
    if isinstance(problem, Withheld):
        return "withheld"
    return "unavailable" if isinstance(problem, Unavailable) else "refused"


async def _release(
    db: Database, parts: Parts, wanted: Wanted, proof: Proof | None, once: Once[UUID] | None, now: datetime
) -> Released:
    check_release_token(wanted.caller, wanted.dossier_uid)
    check_may_act_for(wanted.caller, wanted.party_uid)
    used_up = proof and UsedUp(proof.key, proof.expires)
    authorised = await _authorise(_Trying(db, parts, wanted, once), used_up, now)
    released_at = authorised.latest(clock.ticks())
    if not parts.lease.allows_sending(authorised.t, released_at):
        await _withhold(db, authorised, wanted, _LEASE_EXCEEDED, released_at)
    if released_at >= authorised.ends_at:
        await _withhold(db, authorised, wanted, _RIGHT_ENDED, released_at)
    jws = parts.signer.sign(authorised, wanted, released_at)
    replay_of = wanted.repeats.release_id if wanted.repeats else None
    return Released(authorised.release_id, jws, released_at, authorised.components, replay_of)


@dataclass(frozen=True, slots=True)
class _Trying:
    """One release that is being tried, as often as it takes."""

    db: Database
    parts: Parts
    wanted: Wanted
    once: Once[UUID] | None

    async def run(self, proof: UsedUp | None = None, vouched: Vouched | None = None) -> Authorised | Finding:
        """Run the statement: a transaction by itself, or under a key with the row that keeps it."""
        if self.once is None:
            async with self.db.statement() as tx:
                return await self._run(tx, proof, vouched)
        try:
            async with self.once.transaction() as tx:
                found = await self._run(tx, proof, vouched)
                if isinstance(found, Finding):
                    raise _Undone(found)
                await self.once.keep(tx, found.release_id)
                return found
        except _Undone as undone:
            return undone.found

    async def _run(self, tx: Tx, proof: UsedUp | None, vouched: Vouched | None) -> Authorised | Finding:
        return await statement.authorise(
            tx, release_id=ids.new(), event_id=ids.new(), wanted=self.wanted, proof=proof, lease=self.parts.lease,
            unsealed_bound=self.parts.unsealed_bound, vouched=vouched, traceparent=telemetry.traceparent(),
        )  # fmt: skip


async def _authorise(trying: _Trying, proof: UsedUp | None, now: datetime) -> Authorised:
    """Try the statement; where only a word of consent or identity is missing, get it and try again."""
    db, parts, wanted = trying.db, trying.parts, trying.wanted
    found = await trying.run(proof)
    if isinstance(found, Finding) and not found.has_subject:
        _check(found)
        await _bind(db, parts, wanted)
        found = await trying.run()
    if isinstance(found, Finding):
        _check(found)
        vouched = await _ask_if_that_could_help(db, parts, wanted, found, now)
        found = await trying.run(vouched=vouched)
    if isinstance(found, Finding):
        _check(found)
        raise await _refusal(db, parts, wanted, now)
    return found


def _check(found: Finding) -> None:
    """Raise for what no word of another service could mend; in this order a stranger learns nothing."""
    if not found.proof_fresh:
        raise InvalidDpopProof
    if not found.token_valid:
        raise InvalidToken
    if not found.of_dossier:
        raise UnknownDossier
    if not found.in_mandate:
        raise MandateMissing
    if not found.has_party:
        raise UnknownParty
    if not found.is_open:
        raise DossierClosed
    if not found.is_alive:
        raise DraftLapsed
    if not found.components_known:
        raise UnknownComponent
    if not found.clock_sure:
        raise ClockSkew
    if not found.sealed_in_time:
        raise LogUnsealed


async def _bind(db: Database, parts: Parts, wanted: Wanted) -> SubjectId:
    """Ask identity who the party is. Raises PartyUnidentified (R5)."""
    async with db.read() as tx:
        dossier = await dossiers.get(tx, wanted.dossier_uid)
    person = await situation.ask_person(
        db, parts, dossier=dossier, party=dossier.party(wanted.party_uid), agency_uid=wanted.caller.agency.uid
    )
    return person.get_subject()


async def _ask_if_that_could_help(
    db: Database, parts: Parts, wanted: Wanted, found: Finding, now: datetime
) -> Vouched | None:
    """Ask consent when our copy is too old or lacks a grant. Raises the refusal where its word would not help."""
    at = await _situation(db, parts, wanted, now)
    if not found.is_covered:
        missing = await _missing(db, wanted, at)
        if missing and all(each.reason not in _MAY_HAVE_COME for each in missing):
            raise refusal(missing)
    said = await grants.ask(
        db, parts, known=at.grants, subject_id=at.person.get_subject(), dossier_uid=wanted.dossier_uid, now=now
    )
    return Vouched(tuple(each.grant_id for each in said.grants), said.t)


async def _refusal(db: Database, parts: Parts, wanted: Wanted, now: datetime) -> Exception:
    """Find out why not, in a second look; where it would be possible now, the first was a moment too early."""
    missing = await _missing(db, wanted, await _situation(db, parts, wanted, now))
    return refusal(missing) if missing else ConsentStatusUnknown()


async def _situation(db: Database, parts: Parts, wanted: Wanted, now: datetime) -> Situation:
    async with db.read() as tx:
        dossier = await dossiers.get(tx, wanted.dossier_uid)
        party = dossier.party(wanted.party_uid)
        agency_uid = wanted.caller.agency.uid
        return await situation.read_bound(tx, parts, dossier=dossier, party=party, agency_uid=agency_uid, now=now)


async def _missing(db: Database, wanted: Wanted, at: Situation) -> list[Missing]:
    asked = [
        each
        for each in at.dossier.components_of(at.party.party_uid)
        if each.attributes and (wanted.component_ids is None or each.component_id in wanted.component_ids)
    ]
    if not asked:
        raise UnknownComponent
    async with db.read() as tx:
        spent = await grant_rows.spent(tx, at.person.get_subject())
    return why_not(asked, at, spent=spent)


async def _withhold(db: Database, authorised: Authorised, wanted: Wanted, reason: str, now: datetime) -> None:
    """Send nothing, note it as best we can, and raise ConsentStatusUnknown."""
    told = events.release_withheld(
        release_id=authorised.release_id, subject_id=authorised.subject_id, dossier_uid=wanted.dossier_uid,
        reason=reason, now=now,
    )  # fmt: skip
    try:
        async with db.transaction() as tx:
            await statement.withhold(tx, authorised.release_id, reason)
            await outbox.append(tx, told)
    except Unavailable as outage:
        log.error("withheld_release_not_noted", outage, release_id=str(authorised.release_id))
    raise Withheld
