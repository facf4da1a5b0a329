"""The hot path's SQL: the one statement that authorises a release, and how late it can be once it is committed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from services.reuse.domain.evidence import Origin, Scope
from services.reuse.domain.ids import (
    AttributeId,
    DossierUid,
    EvidenceId,
    GrantId,
    HoldingId,
    PartyUid,
    ReleaseId,
    SubjectId,
)
from services.reuse.domain.lease import Lease
from services.reuse.domain.procedure import Grade
from shared import clock
from shared.db import Tx
from shared.tokens import Caller

_AUTHORISE = (Path(__file__).parent / "release.sql").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Earlier:
    """A release that is to be repeated: the same evidence, or none."""

    release_id: ReleaseId
    components: tuple[str, ...]
    evidence_ids: tuple[EvidenceId, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A release as it is asked for; without components all that can be released."""

    dossier_uid: DossierUid
    party_uid: PartyUid
    component_ids: tuple[str, ...] | None
    caller: Caller
    repeats: Earlier | None = None

    def again(self, earlier: Earlier) -> "Wanted":
        """Ask for what went out then."""
        return replace(self, component_ids=earlier.components, repeats=earlier)


@dataclass(frozen=True, slots=True)
class UsedUp:
    """The proof to use up with it."""

    key: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Vouched:
    """What consent has asserted of these grants, as of `t`."""

    grant_ids: tuple[GrantId, ...]
    t: datetime


@dataclass(frozen=True, slots=True)
class Basis:
    """On what a release grant stands."""

    kind: str
    rule_id: str | None
    purpose_id: str | None
    legal_refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One evidence version that goes out, with the grants and the holding it goes out under."""

    attribute: AttributeId
    evidence_id: EvidenceId
    holding_id: HoldingId
    scope: Scope
    release_grant: GrantId
    holding_grant: GrantId | None
    holding_rule: str | None
    basis: Basis
    sealed: bytes
    verified_at: datetime
    origin: Origin
    source: str
    level: int | None
    value_grade: Grade
    data_class: str
    ends_at: datetime
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Authorised:
    """Committed: the journal row and its event are written."""

    release_id: ReleaseId
    subject_id: SubjectId
    wrapped_key: bytes
    sub: str
    procedure: str
    components: tuple[str, ...]
    grant_ids: tuple[GrantId, ...]
    t: datetime
    authorised_at: datetime
    sent: float  # ticks just before the statement left
    lines: tuple[Line, ...]

    @property
    def ends_at(self) -> datetime:
        """Return when the first of what it stands on ends."""
        return min(line.ends_at for line in self.lines)

    def latest(self, ticks: float) -> datetime:
        """Return what the database's clock shows at most by now (ADR 0009): maybe late, never early."""
        return self.authorised_at + timedelta(seconds=ticks - self.sent)


@dataclass(frozen=True, slots=True)
class Finding:
    """Nothing was written but the proof's use; what held and what did not."""

    proof_fresh: bool
    of_dossier: bool
    in_mandate: bool
    is_open: bool
    is_alive: bool
    has_party: bool
    has_subject: bool
    components_known: bool
    is_covered: bool
    in_lease: bool
    clock_sure: bool
    sealed_in_time: bool
    token_valid: bool


async def authorise(
    tx: Tx,
    *,
    release_id: UUID,
    event_id: UUID,
    wanted: Wanted,
    proof: UsedUp | None,
    lease: Lease,
    unsealed_bound: timedelta,
    vouched: Vouched | None,
    traceparent: str | None,
) -> Authorised | Finding:
    """Write journal row and event if everything holds at one instant behind all locks, else say what did not.

    It is one statement and, run by `Database.statement`, one transaction.
    """
    caller, earlier = wanted.caller, wanted.repeats
    sent = clock.ticks()
    rows = await tx.fetch(
        _AUTHORISE,
        release_id, event_id, wanted.dossier_uid, wanted.party_uid, caller.client_id, caller.agency.uid,
        caller.agency.name, {"kind": caller.actor.kind, "ref": caller.actor.ref, "position": caller.actor.position},
        caller.token_id, caller.expires_at, list(caller.mandate.procedures),
        None if wanted.component_ids is None else list(wanted.component_ids),
        proof and proof.key, proof and proof.until,
        lease.length, lease.skew, lease.commit_allowance, unsealed_bound,
        list(vouched.grant_ids) if vouched else [], vouched and vouched.t, traceparent,
        earlier and earlier.release_id, earlier and list(earlier.evidence_ids),
    )  # fmt: skip
    if not rows[0]["allowed"]:
        return _finding(rows[0])
    tx.appended = True
    return _authorised(ReleaseId(release_id), sent, rows)


async def get_earlier(tx: Tx, release_id: UUID) -> Earlier:
    """Return what a release was, from its journal row."""
    row = await tx.fetchrow("SELECT components, evidence_ids FROM release WHERE release_id = $1", release_id)
    assert row is not None, "a kept answer names a release"  # noqa: S101 - both were committed together
    return Earlier(ReleaseId(release_id), tuple(row["components"]), tuple(row["evidence_ids"]))


async def withhold(tx: Tx, release_id: ReleaseId, reason: str) -> None:
    """Note that an authorised release was not sent."""
    await tx.execute(
        "UPDATE release SET outcome = 'withheld', withheld_for = $2 WHERE release_id = $1", release_id, reason
    )


def _finding(row: asyncpg.Record) -> Finding:
    return Finding(**{name: row[name] for name in Finding.__slots__})


def _authorised(release_id: ReleaseId, sent: float, rows: Sequence[asyncpg.Record]) -> Authorised:
    first = rows[0]
    return Authorised(
        release_id=release_id,
        subject_id=first["subject_id"],
        wrapped_key=first["wrapped"],
        sub=first["sub"],
        procedure=first["procedure"],
        components=tuple(first["components"]),
        grant_ids=tuple(first["grant_ids"]),
        t=first["t"],
        authorised_at=first["now"],
        sent=sent,
        lines=_lines(rows),
    )


def _lines(rows: Sequence[asyncpg.Record]) -> tuple[Line, ...]:
    """Make a line of each evidence, for all components that ask for it."""
    asked: dict[EvidenceId, list[asyncpg.Record]] = {}
    for row in rows:
        asked.setdefault(row["evidence_id"], []).append(row)
    return tuple(map(_line, asked.values()))


def _line(same: Sequence[asyncpg.Record]) -> Line:
    row = same[0]
    return Line(
        attribute=row["attribute"],
        evidence_id=row["evidence_id"],
        holding_id=row["holding_id"],
        scope=row["scope"],
        release_grant=row["release_grant"],
        holding_grant=row["holding_grant"],
        holding_rule=row["holding_rule"],
        basis=Basis(row["kind"], row["rule_id"], row["purpose_id"], tuple(row["legal_refs"])),
        sealed=row["sealed"],
        verified_at=row["verified_at"],
        origin=row["origin"],
        source=row["source"],
        level=row["level"],
        value_grade=row["value_grade"],
        data_class=row["data_class"],
        ends_at=min(each["ends_at"] for each in same),
        components=tuple(sorted(each["component_id"] for each in same)),
    )
