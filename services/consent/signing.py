"""Signs receipts, with a key of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.consent.domain.grant import Grant
from services.consent.domain.ids import AttributeId, ReceiptId
from services.consent.domain.purpose import AttributeName
from services.consent.domain.receipt import About, Receipt, Shown, claims_of_grant, claims_of_withdrawal
from shared.keys import PublicJwk, SigningKey, jwks, sign_jws

RECEIPT = "consent-receipt+jwt"


@dataclass(frozen=True)
class ReceiptSigner:
    """Signs receipts (ES256), so that their holder can prove them to anybody who knows the public key."""

    key: SigningKey
    issuer: str
    names: Mapping[AttributeId, AttributeName]
    others: tuple[PublicJwk, ...] = ()
    """Public keys that are published beside it."""

    def jwks(self) -> dict[str, Any]:
        """Return the public keys to verify receipts with (RFC 7517)."""
        return jwks([self.key], self.others)

    def of_grant(self, grant: Grant, shown: Shown) -> Receipt:
        """Sign the receipt of a new grant; the client whose grant it is may fetch it too."""
        claims = claims_of_grant(grant, shown, issuer=self.issuer, names=self.names)
        return self._sign(claims, grant, grant.receipt_id, about="granted", sub=shown.sub, now=grant.valid_from)

    def of_withdrawal(self, grant: Grant, receipt_id: ReceiptId, *, sub: str, now: datetime) -> Receipt:
        """Sign the receipt of a confirmed withdrawal."""
        claims = claims_of_withdrawal(receipt_id, grant, sub=sub, issuer=self.issuer, now=now)
        return self._sign(claims, grant, receipt_id, about="withdrawn", sub=sub, now=now)

    def _sign(
        self, claims: Mapping[str, Any], grant: Grant, receipt_id: ReceiptId, *, about: About, sub: str, now: datetime
    ) -> Receipt:
        return Receipt(
            receipt_id=receipt_id,
            grant_id=grant.grant_id,
            subject_id=grant.subject_id,
            client_id=grant.recipient.client_id if grant.recipient else None,
            sub=sub,
            about=about,
            jws=sign_jws(self.key, RECEIPT, claims),
            signed_at=now,
        )
