"""The conventional build's signed answer: the same claims as reuse's, ES256 by PyJWT from PEM at each call."""

import json
from typing import Any
from uuid import UUID

import jwt

from services.reuse.domain.evidence import seal_place
from services.reuse.signing import RELEASE, TRUST_FRAMEWORK
from tests.perf.conventional.keys import Keys
from tests.perf.conventional.models import Dossier, Evidence, Grant, Holding, Release
from tests.perf.conventional.steps import Held

_CLAIMS = {"residence.permanent": "vn_permanent_residence", "residence.current": "vn_current_residence"}


def sign(keys: Keys, journal: Release, dossier: Dossier, grant: Grant, held: Held, data_key: bytes) -> str:
    """Return the release as a compact JWS."""
    at = journal.authorised_at.isoformat()
    claims = {
        "iss": f"{keys.origin}/reuse",
        "aud": journal.client_id,
        "sub": grant.sub,
        "iat": int(journal.authorised_at.timestamp()),
        "jti": str(journal.release_id),
        "authorised_at": at,
        "released_at": at,
        "dossier_uid": str(journal.dossier_uid),
        "party_uid": str(journal.party_uid),
        "procedure": dossier.procedure,
        "components": journal.components,
        "grant_ids": [str(each) for each in journal.grant_ids],
        "verified_claims": [_verified(keys, evidence, data_key, grant.subject_id) for evidence, _ in held],
        "provenance": [_provenance(evidence, holding, grant, journal) for evidence, holding in held],
    }
    return jwt.encode(claims, keys.release_private, "ES256", headers={"kid": keys.release_kid, "typ": RELEASE})


def _verified(keys: Keys, evidence: Evidence, data_key: bytes, subject_id: UUID) -> dict[str, Any]:
    at = evidence.verified_at.isoformat()
    place = seal_place(subject_id, evidence.attribute, evidence.evidence_id)
    value = json.loads(keys.vault.open(data_key, evidence.sealed, place))["value"]
    checked = {
        "check_method": "data",
        "organization": evidence.source,
        "check_id": str(evidence.evidence_id),
        "time": at,
    }
    record = {"type": evidence.attribute, "source": {"name": evidence.source}}
    electronic = {"type": "electronic_record", "check_details": [checked], "record": record}
    verification = {"trust_framework": TRUST_FRAMEWORK, "time": at, "evidence": [electronic]}
    return {"verification": verification, "claims": {_CLAIMS[evidence.attribute]: value}}


def _provenance(evidence: Evidence, holding: Holding, grant: Grant, journal: Release) -> dict[str, Any]:
    return {
        "attribute": evidence.attribute,
        "check_id": str(evidence.evidence_id),
        "components": journal.components,
        "origin": evidence.origin,
        "source": evidence.source,
        "verified_at": evidence.verified_at.isoformat(),
        "age_days": (journal.authorised_at - evidence.verified_at).days,
        "value_grade": evidence.value_grade,
        "data_class": evidence.data_class,
        "basis": {
            "kind": grant.kind,
            "grant_id": str(grant.grant_id),
            "rule_id": grant.rule_id,
            "purpose_id": grant.purpose_id,
            "legal_refs": grant.legal_refs,
        },
        "held": {
            "scope": holding.scope,
            "holding_id": str(holding.holding_id),
            "grant_id": str(holding.grant_id) if holding.grant_id else None,
            "rule_id": holding.rule_id,
        },
    }
