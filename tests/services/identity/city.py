"""A city system towards identity: assertions, proofs, pushed requests and tokens, each of which a test may spoil."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

import httpx2
from joserfc.jwk import ECKey

from services.identity.service.client_auth import ASSERTION_TYPE
from shared import clock
from tests.shared.credentials import ORIGIN, Holder, sign

ISSUER = f"{ORIGIN}/identity"
REDIRECT_URI = "https://city.invalid/callback?desk=1"
REUSE = f"{ORIGIN}/reuse"


@dataclass
class City:
    """One registered client and the keys it holds."""

    client_id: str
    key: ECKey
    redirect_uri: str = REDIRECT_URI
    holder: Holder = field(default_factory=Holder)
    verifier: str = "v" * 43

    def assertion(self, **changes: Any) -> str:
        """Authenticate the client; a change to None leaves the claim out."""
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": token_urlsafe(16),
        } | changes
        header = {"alg": "ES256", "typ": "JWT", "kid": self.key.thumbprint()}
        return sign(header, {name: value for name, value in claims.items() if value is not None}, self.key)

    def login(self, dossier: dict[str, Any], *attributes: str, party: int = 0, **changes: Any) -> dict[str, Any]:
        """Make the details of a login of one party."""
        return {
            "type": "reuse_dossier",
            "agency_uid": "ag-000101",
            "actor": {"kind": "citizen"},
            "dossier_uid": dossier["dossier_uid"],
            "party_uid": dossier["parties"][party]["party_uid"],
            "attributes": list(attributes or ("person.pin", "person.full_name", "person.birth_date")),
        } | changes

    def pushed(self, details: Any, **changes: Any) -> dict[str, Any]:
        """Make the form of a pushed request."""
        return {
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "state": "a state of the client's",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
            "authorization_details": json.dumps([details]),
            "resource": REUSE,
        } | changes

    async def post(
        self, http: httpx2.AsyncClient, endpoint: str, form: dict[str, Any], *, proof: str | None = None
    ) -> httpx2.Response:
        """Send a form with assertion and proof; a value of None leaves the parameter out."""
        client = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        sent = {name: value for name, value in (client | form).items() if value is not None}
        url = f"/identity/{endpoint}"
        headers = {"dpop": proof or self.proof(url)}
        return await http.post(url, data=sent, headers=headers)

    def proof(self, path: str, **changes: Any) -> str:
        """Prove the key for a POST."""
        claims: dict[str, Any] = {"htm": "POST", "htu": ORIGIN + path} | changes
        return self.holder.prove(at=clock.now(), **claims)

    async def push(self, http: httpx2.AsyncClient, details: Any, **changes: Any) -> httpx2.Response:
        """Push a request."""
        return await self.post(http, "par", self.pushed(details, **changes))

    async def authorize_url(self, http: httpx2.AsyncClient, details: Any, **changes: Any) -> str:
        """Push a request that must be accepted; return where the browser goes."""
        answer = await self.push(http, details, **changes)
        assert answer.status_code == 201, answer.text
        query = {"client_id": self.client_id, "request_uri": answer.json()["request_uri"]}
        return f"/identity/authorize?{urlencode(query)}"

    async def trade(self, http: httpx2.AsyncClient, code: str, /, **changes: Any) -> httpx2.Response:
        """Trade a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self.verifier,
            "redirect_uri": self.redirect_uri,
            "resource": REUSE,
        }
        return await self.post(http, "token", form | changes)

    async def work(self, http: httpx2.AsyncClient, details: Any, **changes: Any) -> httpx2.Response:
        """Ask for a token without a citizen."""
        form = {"grant_type": "client_credentials", "authorization_details": json.dumps([details]), "resource": REUSE}
        return await self.post(http, "token", form | changes)


def officer(**changes: Any) -> dict[str, Any]:
    """Make the details of an officer's work."""
    return {
        "type": "reuse_dossier",
        "agency_uid": "ag-000101",
        "actor": {"kind": "officer", "ref": "off-7", "position": "Công chức tư pháp - hộ tịch"},
    } | changes


def s256(verifier: str) -> str:
    """RFC 7636 §4.2."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
