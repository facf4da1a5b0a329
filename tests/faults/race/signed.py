"""What clients hold in their hands afterwards: signed releases and receipts, verified as outsiders would."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.jwk import KeySet

from infra.client.releases import verify_release
from tests.faults.race.citizens import Citizen


@dataclass(frozen=True, slots=True)
class Release:
    """A signed release as a client got it, and when by the client's own clock it had asked for it."""

    release_id: UUID
    grant_ids: frozenset[UUID]
    released_at: datetime
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """A withdrawal's signed receipt."""

    grant_id: UUID
    withdrawn_at: datetime
    effective_by: datetime


class Verifier:
    """Knows the published keys; raises for whatever is not signed by them as it should be."""

    def __init__(self, origin: str, reuse: Any, consent: Any) -> None:
        self._origin = origin
        self._reuse, self._consent = KeySet.import_key_set(reuse), KeySet.import_key_set(consent)

    def release(self, compact: str, citizen: Citizen, asked_at: datetime) -> Release:
        """Read a release made for the justice system and this dossier."""
        claims: dict[str, Any] = dict(
            verify_release(
                compact, self._reuse, issuer=f"{self._origin}/reuse", audience="justice-system",
                dossier_uid=str(citizen.dossier_uid),
            ).claims
        )  # fmt: skip
        grants = frozenset(UUID(each) for each in claims["grant_ids"])
        return Release(UUID(claims["jti"]), grants, datetime.fromisoformat(claims["released_at"]), asked_at)

    def receipt(self, compact: str, citizen: Citizen) -> Receipt:
        """Read the receipt of this citizen's withdrawal."""
        signed = jws.deserialize_compact(compact, self._consent, algorithms=["ES256"])
        claims: dict[str, Any] = json.loads(signed.payload)
        if claims["iss"] != f"{self._origin}/consent" or claims["record_id"] != str(citizen.grant_id):
            raise AssertionError("the receipt of another withdrawal")
        withdrawn_at, effective_by = (datetime.fromisoformat(claims[m]) for m in ("withdrawn_at", "effective_by"))
        return Receipt(UUID(claims["record_id"]), withdrawn_at, effective_by)
