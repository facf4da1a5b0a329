"""Signs what consent vouches for: receipts with a key of their own, grant states with the service's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.consent.domain.grant import Grant
from services.consent.domain.ids import AttributeId, ReceiptId
from services.consent.domain.purpose import AttributeName
from services.consent.domain.receipt import About, Receipt, Shown, claims_of_grant, claims_of_withdrawal
from services.consent.events import grant_state
from shared.events import written
from shared.keys import PublicJwk, ServiceKey, SigningKey, jwks, sign_jws

RECEIPT = "consent-receipt+jwt"
GRANT_STATES = "grant-states+jwt"


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


def sign_states(key: ServiceKey, t: datetime, grants: Sequence[Grant]) -> str:
    """Sign grants as they stood after `t` for `reuse`: a state assertion (architecture §4.2), which has no number."""
    claims = {"iss": "consent", "aud": "reuse", "t": written(t), "grants": [grant_state(each) for each in grants]}
    return sign_jws(key, GRANT_STATES, claims)
