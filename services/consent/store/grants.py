"""SQL about grants."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from services.consent.domain.giving import HandedIn
from services.consent.domain.grant import EndReason, GivenBy, Giving, Grant, Ground, Origin, Recipient
from services.consent.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, ReceiptId, SubjectId
from services.consent.domain.states import GrantState
from shared.db import Tx

_COLUMNS = """grant_id, version, state, kind, scope, subject_id, sub, sector, client_id, agency_uid, agency_name,
       dossier_uid, party_uid, attributes, opted_out, purpose_id, purpose_version, rule_id, rule_version, letter,
       legal_refs, origin, given_by, represented_by, request_id, receipt_id, valid_from, valid_until, use_budget,
       withdrawn_at, effective_by, ended_at, end_reason, end_note"""
_SELECT = f"SELECT {_COLUMNS} FROM consent_grant "  # noqa: S608 - the columns above, nothing from outside
_INSERT = f"INSERT INTO consent_grant ({_COLUMNS}) VALUES ({', '.join(f'${n}' for n in range(1, 35))})"  # noqa: S608 - as above


@dataclass(frozen=True)
class Cursor:
    """The last grant of a page, and whether she could withdraw it when she saw it there: it may have ended since."""

    grant_id: UUID
    withdrawable: bool


async def lock_dossier(tx: Tx, dossier_uid: UUID) -> None:
    """Let one transaction at a time give or end rights for a dossier."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", str(dossier_uid))


async def insert(tx: Tx, grant: Grant) -> None:
    """Store a new grant."""
    await tx.execute(_INSERT, *_row(grant))


async def update(tx: Tx, grant: Grant) -> None:
    """Store a grant's next version; raises LookupError if another one came first (the caller held no lock)."""
    done = await tx.fetchval(
        """
        UPDATE consent_grant SET version = $3, state = $4, withdrawn_at = $5, ended_at = $6, end_reason = $7,
               end_note = $8
         WHERE subject_id = $1 AND grant_id = $2 AND version = $3 - 1 RETURNING true
        """,
        grant.subject_id, grant.grant_id, grant.version, grant.state, grant.withdrawn_at, grant.ended_at,
        grant.end_reason, grant.end_note,
    )  # fmt: skip
    if not done:
        raise LookupError("the grant has another version")


async def find(tx: Tx, grant_id: UUID) -> Grant | None:
    """Return a grant."""
    row = await tx.fetchrow(_SELECT + "WHERE grant_id = $1", grant_id)
    return _grant(row) if row else None


async def find_for_update(tx: Tx, grant_id: UUID) -> Grant | None:
    """Return a grant and keep others from changing it until this transaction ends."""
    row = await tx.fetchrow(_SELECT + "WHERE grant_id = $1 FOR UPDATE", grant_id)
    return _grant(row) if row else None


async def page_of_subject(tx: Tx, subject_id: UUID, *, after: Cursor | None, limit: int) -> list[Grant]:
    """Return so many of a citizen's grants behind one of them; behind one that is not hers, nothing.

    What she can withdraw comes first, then everything else; in both the newest first.
    """
    rows = await tx.fetch(
        _SELECT  # noqa: S608 - the columns above, nothing from outside
        + """WHERE subject_id = $1 AND ($2::uuid IS NULL
               OR (state = 'granted' AND kind = 'consent', valid_from, grant_id)
                < (SELECT $3::boolean, valid_from, grant_id FROM consent_grant WHERE grant_id = $2 AND subject_id = $1))
             ORDER BY (state = 'granted' AND kind = 'consent') DESC, valid_from DESC, grant_id DESC LIMIT $4""",
        subject_id,
        after and after.grant_id,
        after and after.withdrawable,
        limit,
    )
    return [_grant(row) for row in rows]


async def of_subject(tx: Tx, subject_id: UUID, grant_ids: Collection[UUID]) -> list[Grant]:
    """Return those of these grants that are a citizen's, the newest first."""
    rows = await tx.fetch(
        _SELECT + "WHERE subject_id = $1 AND grant_id = ANY($2) ORDER BY valid_from DESC, grant_id DESC",
        subject_id,
        list(grant_ids),
    )
    return [_grant(row) for row in rows]


async def standing_of_law(tx: Tx, subject_id: UUID, dossier_uid: UUID) -> list[Grant]:
    """Lock and return a citizen's standing rights of law in a dossier, to whichever agency."""
    rows = await tx.fetch(
        _SELECT
        + """WHERE subject_id = $1 AND dossier_uid = $2 AND state = 'granted' AND kind = 'legal_basis'
             ORDER BY grant_id FOR UPDATE""",
        subject_id,
        dossier_uid,
    )
    return [_grant(row) for row in rows]


async def handed_in(tx: Tx, subject_id: UUID, dossier_uid: UUID) -> HandedIn:
    """Return, by rule version, what a citizen hands in herself in a dossier; its lock is held by the caller."""
    rows = await tx.fetch(
        "SELECT rule_id, rule_version, attributes FROM handed_in WHERE subject_id = $1 AND dossier_uid = $2",
        subject_id,
        dossier_uid,
    )
    return {(row["rule_id"], row["rule_version"]): frozenset(row["attributes"]) for row in rows}


async def keep_handed_in(tx: Tx, subject_id: UUID, dossier_uid: UUID, word: HandedIn) -> None:
    """Keep her newest word on that; its lock is held by the caller."""
    await tx.executemany(
        """INSERT INTO handed_in AS h (subject_id, dossier_uid, rule_id, rule_version, attributes)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (subject_id, dossier_uid, rule_id, rule_version) DO UPDATE SET attributes = excluded.attributes
           WHERE h.attributes <> excluded.attributes""",
        [(subject_id, dossier_uid, *rule, sorted(attributes)) for rule, attributes in word.items()],
    )


async def kept_attributes(tx: Tx, subject_id: UUID, *, now: datetime) -> set[AttributeId]:
    """Return what a citizen lets us keep already."""
    kept: list[AttributeId] = await tx.fetchval(
        """
        SELECT coalesce(array_agg(DISTINCT attribute), '{}')
          FROM consent_grant, unnest(attributes) AS attribute
         WHERE subject_id = $1 AND scope = 'retention' AND state = 'granted' AND valid_until > $2
        """,
        subject_id,
        now,
    )
    return set(kept)


async def of_decision(tx: Tx, request_id: UUID) -> list[Grant]:
    """Return the grants under which a decision stands."""
    rows = await tx.fetch(
        _SELECT + "WHERE grant_id IN (SELECT d.grant_id FROM decision_grant d WHERE d.request_id = $1)",  # noqa: S608 - two constants
        request_id,
    )
    return [_grant(row) for row in rows]


async def states_for(tx: Tx, grant_ids: Collection[UUID], subject_id: UUID, dossier_uid: UUID | None) -> list[Grant]:
    """Return the named grants of a subject as they are, and what of hers stands for the dossier and for keeping."""
    rows = await tx.fetch(
        _SELECT
        + """WHERE subject_id = $1 AND (grant_id = ANY($2)
                                       OR state = 'granted' AND (dossier_uid = $3 OR scope = 'retention'))
             ORDER BY grant_id""",
        subject_id,
        list(grant_ids),
        dossier_uid,
    )
    return [_grant(row) for row in rows]


async def open_of_law(tx: Tx, dossier_uid: UUID) -> list[Grant]:
    """Lock and return every standing right of law in a dossier, whoever's it is."""
    rows = await tx.fetch(
        _SELECT
        + """WHERE dossier_uid = $1 AND state = 'granted' AND kind = 'legal_basis' ORDER BY grant_id FOR UPDATE""",
        dossier_uid,
    )
    return [_grant(row) for row in rows]


async def run_out(tx: Tx, *, now: datetime, limit: int) -> list[Grant]:
    """Lock and return grants past their time; those another worker is at are left to it."""
    rows = await tx.fetch(
        _SELECT
        + """WHERE state = 'granted' AND valid_until <= $1 ORDER BY valid_until, grant_id
             LIMIT $2 FOR UPDATE SKIP LOCKED""",
        now,
        limit,
    )
    return [_grant(row) for row in rows]


async def clock(tx: Tx) -> datetime:
    """Read the clock of the primary: the one that T, withdrawals and their `effective_by` are told by."""
    return await tx.fetchval("SELECT clock_timestamp()")


async def confirm(tx: Tx, grant_id: UUID, effective_by: datetime) -> Grant | None:
    """Name a withdrawal's moment, once; None when it is named already."""
    row = await tx.fetchrow(
        f"""
        UPDATE consent_grant SET effective_by = $2, version = version + 1
         WHERE grant_id = $1 AND state = 'withdrawn' AND effective_by IS NULL
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - the columns above, nothing from outside
        grant_id,
        effective_by,
    )
    return _grant(row) if row else None


async def unconfirmed(tx: Tx, *, withdrawn_before: datetime, limit: int) -> list[UUID]:
    """Return withdrawals whose moment is not named yet."""
    rows = await tx.fetch(
        """
        SELECT grant_id FROM consent_grant
         WHERE state = 'withdrawn' AND effective_by IS NULL AND withdrawn_at <= $1 ORDER BY withdrawn_at LIMIT $2
        """,
        withdrawn_before,
        limit,
    )
    return [row["grant_id"] for row in rows]


def _row(grant: Grant) -> tuple[object, ...]:
    to, ground, giving = grant.recipient, grant.ground, grant.giving
    return (
        grant.grant_id, grant.version, grant.state, grant.kind, grant.scope, grant.subject_id,
        *((to.sub, to.sector, to.client_id, to.agency_uid, to.agency_name, to.dossier_uid, to.party_uid)
          if to else (None,) * 7),
        list(grant.attributes), list(grant.opted_out), ground.purpose_id, ground.purpose_version, ground.rule_id,
        ground.rule_version, ground.letter, list(ground.legal_refs), giving.origin, giving.given_by,
        giving.represented_by, giving.request_id, grant.receipt_id, grant.valid_from, grant.valid_until,
        grant.use_budget, grant.withdrawn_at, grant.effective_by, grant.ended_at, grant.end_reason, grant.end_note,
    )  # fmt: skip


def _grant(row: Record) -> Grant:
    return Grant(
        grant_id=GrantId(row["grant_id"]),
        subject_id=SubjectId(row["subject_id"]),
        recipient=_recipient(row),
        attributes=tuple(row["attributes"]),
        opted_out=tuple(row["opted_out"]),
        ground=_ground(row),
        giving=_giving(row),
        receipt_id=ReceiptId(row["receipt_id"]),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        use_budget=row["use_budget"],
        version=row["version"],
        state=GrantState(row["state"]),
        withdrawn_at=row["withdrawn_at"],
        effective_by=row["effective_by"],
        ended_at=row["ended_at"],
        end_reason=EndReason(row["end_reason"]) if row["end_reason"] else None,
        end_note=row["end_note"],
    )


def _recipient(row: Record) -> Recipient | None:
    if row["scope"] == "retention":
        return None
    return Recipient(
        sub=row["sub"],
        sector=row["sector"],
        client_id=row["client_id"],
        agency_uid=row["agency_uid"],
        agency_name=row["agency_name"],
        dossier_uid=DossierUid(row["dossier_uid"]),
        party_uid=PartyUid(row["party_uid"]),
    )


def _ground(row: Record) -> Ground:
    return Ground(
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        letter=row["letter"],
        purpose_id=row["purpose_id"],
        purpose_version=row["purpose_version"],
        legal_refs=tuple(row["legal_refs"]),
    )


def _giving(row: Record) -> Giving:
    represented_by = row["represented_by"]
    return Giving(
        origin=Origin(row["origin"]),
        given_by=GivenBy(row["given_by"]),
        represented_by=PartyUid(represented_by) if represented_by else None,
        request_id=row["request_id"],
    )
