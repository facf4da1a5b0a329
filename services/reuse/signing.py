"""Signs a release: OpenID Connect for Identity Assurance `verified_claims`, with where each came from and its basis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pydantic import JsonValue

from services.reuse.domain.evidence import seal_place
from services.reuse.domain.ids import AttributeId, SubjectId
from services.reuse.store.release import Authorised, Line, Wanted
from shared.events import written
from shared.keys import PublicJwk, SigningKey, jwks, sign_jws
from shared.reference import Attribute
from shared.vault import Opener, Vault

RELEASE = "release+jwt"
TRUST_FRAMEWORK = "vn_eid"


@dataclass(frozen=True)
class ReleaseSigner:
    """Opens sealed values and signs what goes out (ES256)."""

    key: SigningKey
    issuer: str
    vault: Vault
    attributes: Mapping[str, Attribute]
    others: tuple[PublicJwk, ...] = ()
    """Public keys that are published beside it."""

    def jwks(self) -> dict[str, Any]:
        """Return the public keys to verify releases with (RFC 7517)."""
        return jwks([self.key], self.others)

    def sign(self, authorised: Authorised, wanted: Wanted, released_at: datetime) -> str:
        """Return the release as a compact JWS; `aud` is the client, `sub` pairwise for the sector of its agency."""
        opened = self.vault.opener(authorised.wrapped_key)
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": wanted.caller.client_id,
            "sub": authorised.sub,
            "iat": int(released_at.timestamp()),
            "jti": str(authorised.release_id),
            "authorised_at": written(authorised.authorised_at),
            "released_at": written(released_at),
            "dossier_uid": str(wanted.dossier_uid),
            "party_uid": str(wanted.party_uid),
            "procedure": authorised.procedure,
            "components": list(authorised.components),
            "grant_ids": [str(each) for each in authorised.grant_ids],
            "verified_claims": [self._verified(line, authorised.subject_id, opened) for line in authorised.lines],
            "provenance": [_provenance(line, released_at) for line in authorised.lines],
        }
        return sign_jws(self.key, RELEASE, claims)

    def _verified(self, line: Line, subject_id: SubjectId, opened: Opener) -> dict[str, JsonValue]:
        """Write one attribute as OIDC-IDA has it: `{verification, claims}` and nothing else."""
        checked: dict[str, JsonValue] = {
            "check_method": "data",
            "organization": line.source,
            "check_id": str(line.evidence_id),
            "time": written(line.verified_at),
        }
        record: dict[str, JsonValue] = {"type": line.attribute, "source": {"name": line.source}}
        verification: dict[str, JsonValue] = {
            "trust_framework": TRUST_FRAMEWORK,
            "time": written(line.verified_at),
            "evidence": [{"type": "electronic_record", "check_details": [checked], "record": record}],
        }
        if line.level is not None:
            verification["assurance_level"] = str(line.level)
        value = orjson.loads(opened(line.sealed, seal_place(subject_id, line.attribute, line.evidence_id)))["value"]
        return {"verification": verification, "claims": {self._claim_name(line.attribute): value}}

    def _claim_name(self, attribute: AttributeId) -> str:
        return str(self.attributes[attribute].oidc["claim"])


def _provenance(line: Line, released_at: datetime) -> dict[str, JsonValue]:
    """Say of one attribute where it is from, how old it is, and under which grant and holding it goes out (R8)."""
    return {
        "attribute": line.attribute,
        "check_id": str(line.evidence_id),
        "components": list(line.components),
        "origin": line.origin,
        "source": line.source,
        "verified_at": written(line.verified_at),
        "age_days": (released_at - line.verified_at).days,
        "value_grade": line.value_grade,
        "data_class": line.data_class,
        "basis": {
            "kind": line.basis.kind,
            "grant_id": str(line.release_grant),
            "rule_id": line.basis.rule_id,
            "purpose_id": line.basis.purpose_id,
            "legal_refs": list(line.basis.legal_refs),
        },
        "held": {
            "scope": line.scope,
            "holding_id": str(line.holding_id),
            "grant_id": str(line.holding_grant) if line.holding_grant else None,
            "rule_id": line.holding_rule,
        },
    }
