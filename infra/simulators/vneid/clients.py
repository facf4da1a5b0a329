"""The clients VNeID knows, and how one proves itself: private_key_jwt, strictly (RFC 7523, OIDC Core 9)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from infra.simulators.memory import Remembered
from infra.simulators.vneid.errors import Refused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_LIFE = timedelta(minutes=5)
_AHEAD = timedelta(seconds=10)


@dataclass(frozen=True)
class Client:
    """A registered relying party; `key` is its public key (ES256)."""

    client_id: str
    name: str
    key: ECKey
    redirect_uris: frozenset[str]


class ClientAuthentication:
    """Checks client assertions; each `jti` works once."""

    def __init__(self, clients: Mapping[str, Client], audiences: frozenset[str], now: Callable[[], datetime]) -> None:
        self._clients, self._audiences, self._now = clients, audiences, now
        self._used: Remembered[tuple[str, str], bool] = Remembered(now)

    def authenticate(self, form: Mapping[str, str]) -> Client:
        """Return the client that signed the assertion in `form`, or raise `Refused` (401 invalid_client)."""
        client = self._clients.get(form.get("client_id", ""))
        if client is None or form.get("client_assertion_type") != ASSERTION_TYPE:
            raise _refused("client_id and a jwt-bearer client_assertion are needed")
        try:
            token = jwt.decode(form.get("client_assertion", ""), client.key, algorithms=["ES256"])
        except (JoseError, ValueError) as error:
            raise _refused("the signature does not verify") from error
        self._check(client, token.claims)
        return client

    def _check(self, client: Client, claims: Mapping[str, object]) -> None:
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            raise _refused("iss and sub must both be the client_id")
        audience = claims.get("aud")
        if not isinstance(audience, str) or audience not in self._audiences:
            raise _refused("aud must be the issuer or the token endpoint, as one string")
        jti, issued, ends = claims.get("jti"), claims.get("iat"), claims.get("exp")
        if not isinstance(jti, str) or not isinstance(issued, int | float) or not isinstance(ends, int | float):
            raise _refused("jti, iat and exp are needed")
        now = self._now().timestamp()
        if not issued - _AHEAD.total_seconds() <= now < ends <= issued + _LONGEST_LIFE.total_seconds():
            raise _refused("expired, not yet valid, or valid for more than five minutes")
        if self._used.find((client.client_id, jti)):
            raise _refused("this jti was used before")
        self._used.put((client.client_id, jti), True, self._now() + _LONGEST_LIFE + _AHEAD)


def _refused(description: str) -> Refused:
    return Refused("invalid_client", description, status=401)
