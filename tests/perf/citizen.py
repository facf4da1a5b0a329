"""One citizen as the service's own code stores her: a dossier by its map, a grant of law, evidence that is held."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import orjson

from services.reuse import catalogue
from services.reuse.domain.agency import AgencyName
from services.reuse.domain.dossier import Dossier
from services.reuse.domain.evidence import Evidence, Holding, seal_place
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, DossierUid, EvidenceId, GrantId, HoldingId, SubjectId
from services.reuse.domain.opening import DeclaredParty, check_opening, make_components, make_parties
from services.reuse.store import dossiers, evidence, grants
from shared import clock, ids, reference
from shared.db import Database
from shared.vault import Vault
from shared.vietnam import day_in_vietnam

CONTRACTS = Path("contracts")
CLIENT = "business-system"
AGENCY = AgencyName("ag-000301", "Phòng Kinh tế, Hạ tầng và Đô thị phường Ngô Quyền")
PROCEDURE = "1.001612"
COMPONENT = "owner-residence"
_HOME = {"formatted": "Số 12 đường Ví Dụ, phường Hồng An, thành phố Hải Phòng", "country": "VN"}
VALUES = {"residence.permanent": _HOME, "residence.current": _HOME}
"""What is held of everybody, and released: two attributes, one paper."""


async def store_citizen(db: Database, vault: Vault) -> None:
    """Store one citizen, with her dossier open and everything there that a release of `COMPONENT` needs."""
    now = clock.now()
    dossier = _open()
    subject_id = SubjectId(ids.new())
    grant = _grant_of_law(dossier, subject_id)
    async with db.transaction() as tx:
        await dossiers.insert(tx, dossier, {})
        party_uid = dossier.parties[0].party_uid
        await dossiers.bind(tx, dossier_uid=dossier.dossier_uid, party_uid=party_uid, subject_id=subject_id)
        await grants.keep(tx, grant)
        wrapped = await evidence.data_key(tx, subject_id, vault.new_data_key(), now)
        for attribute in VALUES:
            held = _evidence(vault, wrapped, subject_id, dossier, attribute)
            await evidence.insert(tx, held, [_holding(held, grant)], now)


def _open() -> Dossier:
    now = clock.now()
    maps, known = catalogue.load(CONTRACTS), reference.load(CONTRACTS)
    version = maps.find_procedure(PROCEDURE, day_in_vietnam(now))
    assert version is not None
    declared = (DeclaredParty("owner", ("owner", "applicant"), None),)
    opening = check_opening(version, None, {}, declared)
    parties = make_parties(declared, ids.new)
    components = make_components(
        version, opening, parties, maps=maps, day=day_in_vietnam(now),
        data_class=lambda each: known.attribute(each).data_class,
    )  # fmt: skip
    return Dossier(
        dossier_uid=DossierUid(ids.new()), client_id=CLIENT, client_ref="ref-0", procedure=version.code,
        procedure_name=version.name, procedure_version=version.version, case_id=opening.case, channel="online",
        receiving=AGENCY, competent=AGENCY, supporting=None, opened_at=now, dies_at=now + timedelta(days=30),
        parties=parties, components=components,
    )  # fmt: skip


def _grant_of_law(dossier: Dossier, subject_id: SubjectId) -> Grant:
    now = clock.now()
    rule = next(each.rule for each in dossier.components if each.rule)
    asked = {name for each in dossier.components if each.rule for name in each.attributes}
    return Grant(
        grant_id=GrantId(ids.new()), version=1, state="granted", kind="legal_basis", scope="release",
        subject_id=subject_id, sub="pairwise-0123456789", client_id=CLIENT, agency_uid=AGENCY.uid,
        dossier_uid=dossier.dossier_uid, party_uid=dossier.parties[0].party_uid, attributes=tuple(sorted(asked)),
        opted_out=(), purpose_id=None, purpose_version=None, rule_id=rule.id, rule_version=rule.version,
        letter=rule.letter, legal_refs=rule.legal_refs, valid_from=now - timedelta(minutes=1),
        valid_until=now + timedelta(days=90), use_budget=None, partition=0,
    )  # fmt: skip


def _evidence(vault: Vault, wrapped: bytes, subject_id: SubjectId, dossier: Dossier, attribute: str) -> Evidence:
    evidence_id = EvidenceId(ids.new())
    sealed = seal(vault, wrapped, subject_id, attribute, evidence_id)
    return Evidence(
        evidence_id=evidence_id, subject_id=subject_id, attribute=AttributeId(attribute), sealed=sealed,
        digest=sha256(sealed).digest(), origin="registry", source="population", verified_at=clock.now(), level=None,
        value_grade="L4", valid_until=None, data_class="basic", dossier_uid=dossier.dossier_uid,
    )  # fmt: skip


def _holding(held: Evidence, grant: Grant) -> Holding:
    return Holding(HoldingId(ids.new()), held.evidence_id, held.subject_id, "dossier", held.dossier_uid, grant.grant_id)


def seal(vault: Vault, wrapped: bytes, subject_id: UUID, attribute: str, evidence_id: UUID) -> bytes:
    """Seal an attribute's value for the row it will lie in."""
    value = orjson.dumps({"value": VALUES[attribute], "record_id": "population:7"})
    return vault.seal(wrapped, value, seal_place(subject_id, attribute, evidence_id))
