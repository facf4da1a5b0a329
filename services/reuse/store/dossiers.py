"""Dossiers with their parties and components."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from services.reuse.domain.agency import AgencyName
from services.reuse.domain.dossier import Component, Dossier, Party, PinnedRule, State, UnknownDossier
from services.reuse.domain.ids import DossierUid, PartyUid, SubjectId
from services.reuse.domain.procedure import Fact
from shared.db import Tx
from shared.errors import Conflict
from shared.languages import Words

_DOSSIER = """dossier_uid, client_id, client_ref, official_code, procedure, procedure_version, name_vi, name_en,
  case_id, channel, receiving_uid, receiving_name, competent_uid, competent_name, supporting_uid, supporting_name,
  parent_uid, state, opened_at, dies_at, received_at, closed_at, outcome"""


class ReferenceTaken(Conflict):
    """The client has opened a dossier under this reference before."""

    code = "client_ref_taken"


async def insert(tx: Tx, dossier: Dossier, facts: Mapping[str, Fact]) -> None:
    """Store a new dossier with parties and components; raises ReferenceTaken."""
    supporting = dossier.supporting
    new = await tx.fetchval(
        """INSERT INTO dossier (dossier_uid, client_id, client_ref, procedure, procedure_version, name_vi, name_en,
                                case_id, channel, receiving_uid, receiving_name, competent_uid, competent_name,
                                supporting_uid, supporting_name, parent_uid, facts, state, opened_at, dies_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
           ON CONFLICT (client_id, client_ref) DO NOTHING RETURNING true""",
        dossier.dossier_uid, dossier.client_id, dossier.client_ref, dossier.procedure, dossier.procedure_version,
        dossier.procedure_name.vi, dossier.procedure_name.en, dossier.case_id, dossier.channel,
        dossier.receiving.uid, dossier.receiving.name, dossier.competent.uid, dossier.competent.name,
        supporting and supporting.uid, supporting and supporting.name, dossier.parent_uid, dict(facts),
        dossier.state, dossier.opened_at, dossier.dies_at,
    )  # fmt: skip
    if not new:
        raise ReferenceTaken
    await _insert_parties(tx, dossier)
    await _insert_components(tx, dossier)


async def _insert_parties(tx: Tx, dossier: Dossier) -> None:
    # Whom they are represented by comes second: it may be one further down.
    await tx.executemany(
        "INSERT INTO party (party_uid, dossier_uid, place, ref, roles) VALUES ($1, $2, $3, $4, $5)",
        [(p.party_uid, dossier.dossier_uid, n, p.ref, list(p.roles)) for n, p in enumerate(dossier.parties)],
    )
    represented = [(p.party_uid, p.represented_by) for p in dossier.parties if p.represented_by]
    if represented:
        await tx.executemany("UPDATE party SET represented_by = $2 WHERE party_uid = $1", [*represented])


async def _insert_components(tx: Tx, dossier: Dossier) -> None:
    await tx.executemany(
        """INSERT INTO component (dossier_uid, component_id, party_uid, place, document_code, document_vi, document_en,
                                  optional, attributes, sources, rule_id, rule_version, letter, legal_refs, ends_on,
                                  identification, purpose_id, purpose_version, data_class, max_age_days, min_grade)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)""",
        [(dossier.dossier_uid, c.component_id, c.party_uid, n, *_columns(c)) for n, c in enumerate(dossier.components)],
    )


def _columns(component: Component) -> tuple[object, ...]:
    rule, purpose = component.rule, component.purpose
    return (
        component.document_code, component.document.vi, component.document.en, component.optional,
        list(component.attributes), list(component.sources),
        rule and rule.id, rule and rule.version, rule and rule.letter, list(rule.legal_refs) if rule else [],
        rule and rule.ends_on, rule and rule.identification,
        purpose and purpose[0], purpose and purpose[1],
        component.data_class, component.max_age_days, component.min_grade,
    )  # fmt: skip


async def get(tx: Tx, dossier_uid: UUID) -> Dossier:
    """Return a dossier; raises UnknownDossier."""
    return await _get(tx, dossier_uid, "")


async def get_for_update(tx: Tx, dossier_uid: UUID) -> Dossier:
    """Return a dossier that nobody else closes, reads for a release or collects for meanwhile."""
    return await _get(tx, dossier_uid, "FOR UPDATE")


async def get_for_share(tx: Tx, dossier_uid: UUID) -> Dossier:
    """Return a dossier that nobody closes meanwhile."""
    return await _get(tx, dossier_uid, "FOR SHARE")


async def _get(tx: Tx, dossier_uid: UUID, lock: str) -> Dossier:
    row = await tx.fetchrow(f"SELECT {_DOSSIER} FROM dossier WHERE dossier_uid = $1 {lock}", dossier_uid)  # noqa: S608 - only constants of this file
    if row is None:
        raise UnknownDossier
    parties = await tx.fetch(
        """SELECT party_uid, ref, roles, represented_by, subject_id
           FROM party WHERE dossier_uid = $1 ORDER BY place""",
        dossier_uid,
    )
    components = await tx.fetch(
        """SELECT component_id, party_uid, document_code, document_vi, document_en, optional, attributes, sources,
                  rule_id, rule_version, letter, legal_refs, ends_on, identification, purpose_id, purpose_version,
                  data_class, max_age_days, min_grade
           FROM component WHERE dossier_uid = $1 ORDER BY place""",
        dossier_uid,
    )
    return _dossier(row, tuple(map(_party, parties)), tuple(map(_component, components)))


async def update(tx: Tx, dossier: Dossier) -> None:
    """Store how far a dossier is."""
    await tx.execute(
        """UPDATE dossier SET state = $2, official_code = $3, received_at = $4, closed_at = $5, outcome = $6
           WHERE dossier_uid = $1""",
        dossier.dossier_uid, dossier.state, dossier.official_code, dossier.received_at, dossier.closed_at,
        dossier.outcome,
    )  # fmt: skip


async def bind(tx: Tx, *, dossier_uid: UUID, party_uid: UUID, subject_id: UUID) -> None:
    """Note whom a party is bound to; it is for good, so a second word changes nothing (R4)."""
    await tx.execute(
        "UPDATE party SET subject_id = $3 WHERE dossier_uid = $1 AND party_uid = $2 AND subject_id IS NULL",
        dossier_uid, party_uid, subject_id,
    )  # fmt: skip


async def find_dead_draft(tx: Tx, now: datetime) -> DossierUid | None:
    """Return one draft that was not received in time and that nobody else is at."""
    return await tx.fetchval(
        """SELECT dossier_uid FROM dossier WHERE state = 'draft' AND dies_at <= $1
           ORDER BY dies_at LIMIT 1 FOR UPDATE SKIP LOCKED""",
        now,
    )


def _agency(uid: str | None, name: str | None) -> AgencyName | None:
    return AgencyName(uid, name) if uid is not None and name is not None else None


def _dossier(row: asyncpg.Record, parties: tuple[Party, ...], components: tuple[Component, ...]) -> Dossier:
    return Dossier(
        dossier_uid=DossierUid(row["dossier_uid"]),
        client_id=row["client_id"],
        client_ref=row["client_ref"],
        procedure=row["procedure"],
        procedure_name=Words(row["name_vi"], row["name_en"]),
        procedure_version=row["procedure_version"],
        case_id=row["case_id"],
        channel=row["channel"],
        receiving=AgencyName(row["receiving_uid"], row["receiving_name"]),
        competent=AgencyName(row["competent_uid"], row["competent_name"]),
        supporting=_agency(row["supporting_uid"], row["supporting_name"]),
        opened_at=row["opened_at"],
        dies_at=row["dies_at"],
        parent_uid=row["parent_uid"],
        state=State(row["state"]),
        official_code=row["official_code"],
        received_at=row["received_at"],
        closed_at=row["closed_at"],
        outcome=row["outcome"],
        parties=parties,
        components=components,
    )


def _party(row: asyncpg.Record) -> Party:
    subject = row["subject_id"]
    return Party(
        party_uid=PartyUid(row["party_uid"]),
        ref=row["ref"],
        roles=tuple(row["roles"]),
        represented_by=row["represented_by"],
        subject_id=None if subject is None else SubjectId(subject),
    )


def _component(row: asyncpg.Record) -> Component:
    return Component(
        component_id=row["component_id"],
        party_uid=PartyUid(row["party_uid"]),
        document_code=row["document_code"],
        document=Words(row["document_vi"], row["document_en"]),
        optional=row["optional"],
        attributes=tuple(row["attributes"]),
        sources=tuple(row["sources"]),
        rule=_rule(row),
        purpose=(row["purpose_id"], row["purpose_version"]) if row["purpose_id"] else None,
        data_class=row["data_class"],
        max_age_days=row["max_age_days"],
        min_grade=row["min_grade"],
    )


def _rule(row: asyncpg.Record) -> PinnedRule | None:
    if row["rule_id"] is None:
        return None
    return PinnedRule(
        row["rule_id"], row["rule_version"], row["letter"], tuple(row["legal_refs"]), row["ends_on"],
        row["identification"],
    )  # fmt: skip
