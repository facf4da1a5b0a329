"""VNeID as a double at the seam of its client: well-behaved, until a test tampers with one of its answers."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, Response

from shared import clock

ISSUER = "http://localhost:8090/vneid"
CLIENT_ID = "motlan-haiphong"

Tamper = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Person:
    """Somebody with an account; numbers use place codes that never existed."""

    pin: str
    name: str
    born: str  # yyyyMMdd or yyyy
    account_level: str = "2"
    auth_level: str = "3"
    kind: str = "1"

    @property
    def sub(self) -> str:
        """Her identifier at VNeID."""
        return f"vneid-{hashlib.sha256(self.pin.encode()).hexdigest()[:16]}"


_SERIAL = iter(range(100_000, 999_999))


def make_person(**changes: Any) -> Person:
    """Make somebody nobody else is."""
    given: dict[str, Any] = {"pin": f"032194{next(_SERIAL)}", "name": "Phạm Thu Hòa", "born": "19940312"}
    return Person(**given | changes)


class Vneid:
    """Issues codes for whoever a test says approves."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", auto_kid=True)
        self.app = FastAPI()
        self.asked: list[str] = []
        self.calm()
        self.app.get("/vneid/.well-known/openid-configuration")(self._discovery)
        self.app.get("/vneid/jwks")(self._jwks)
        self.app.post("/vneid/token")(self._token)
        self.app.get("/vneid/userinfo")(self._userinfo)

    def calm(self) -> None:
        """Forget what tests told it."""
        self.tamper_id_token: Tamper = lambda claims: None
        self.tamper_header: Tamper = lambda header: None
        self.tamper_userinfo: Tamper = lambda claims: None
        self.tamper_reply: Tamper = lambda reply: None
        self.tamper_metadata: Tamper = lambda metadata: None
        self.tamper_keys: Tamper = lambda published: None
        self.sign_with: Any = None
        self.down = False
        self._codes: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, Person] = {}

    def approve(self, authorize_url: str, person: Person) -> dict[str, str]:
        """Let a person approve what a browser came with; return the parameters of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()}
        code = token_urlsafe(16)
        self._codes[code] = asked | {"person": person, "at": int(clock.now().timestamp())}
        return {"code": code, "state": asked["state"], "iss": ISSUER}

    def issue_code(self, code: str, instead_of: str) -> None:
        """Let a code that was issued have another spelling."""
        self._codes[code] = self._codes.pop(instead_of)

    def refuse(self, authorize_url: str, error: str = "access_denied") -> dict[str, str]:
        """Let a person refuse; return the parameters of the callback."""
        asked = parse_qs(urlsplit(authorize_url).query)
        return {"error": error, "state": asked["state"][0], "iss": ISSUER}

    async def _discovery(self) -> Response:
        if self.down:
            return Response(status_code=503)
        metadata = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            "jwks_uri": f"{ISSUER}/jwks",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        }
        self.tamper_metadata(metadata)
        return JSONResponse(metadata)

    async def _jwks(self) -> Response:
        self.asked.append("jwks")
        published: dict[str, Any] = {"keys": [{**self.key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}
        self.tamper_keys(published)
        return JSONResponse(published)

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        if self.down:
            return Response(status_code=503)
        form = await request.form()
        code = self._codes.pop(str(form.get("code")), None)
        verifier = str(form.get("code_verifier"))
        if code is None or _s256(verifier) != code["code_challenge"] or form.get("client_id") != CLIENT_ID:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = token_urlsafe(16)
        self._tokens[token] = code["person"]
        reply = {"access_token": token, "token_type": "Bearer", "id_token": self._id_token(code, token)}
        self.tamper_reply(reply)
        return JSONResponse(reply)

    def _id_token(self, code: dict[str, Any], token: str) -> str:
        person, now = code["person"], int(clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": person.sub,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "auth_time": code["at"],
            "nonce": code["nonce"],
            "acr": person.auth_level,
            "at_hash": _base64url(hashlib.sha256(token.encode()).digest()[:16]),
        }
        self.tamper_id_token(claims)
        header = {"alg": "ES256", "kid": self.key.kid}
        self.tamper_header(header)
        if self.sign_with is not None:
            return self.sign_with(header, claims)
        return jwt.encode(header, claims, self.key, algorithms=["ES256"])

    async def _userinfo(self, request: Request) -> Response:
        person = self._tokens.get(request.headers["authorization"].removeprefix("Bearer "))
        if person is None:
            return Response(status_code=401)
        claims: dict[str, Any] = {
            "sub": person.sub,
            "LoaiTaiKhoan": person.kind,
            "SoDinhDanh": person.pin,
            "HoVaTen": person.name,
            "NgayThangNamSinh": person.born,
            "IAL": person.account_level,
            "loAs": person.auth_level,
            "DanToc": "Kinh",
            "TonGiao": "Không",
            "SoDienThoai": "+84900000011",
        }
        self.tamper_userinfo(claims)
        return JSONResponse(claims)


def _s256(verifier: str) -> str:
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
