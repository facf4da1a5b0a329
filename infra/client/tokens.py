"""What a city system keeps between requests: access tokens with their keys, and logins that are under way."""

from typing import Annotated

from joserfc.jwk import ECKey
from pydantic import BaseModel, ConfigDict, JsonValue, PlainSerializer, PlainValidator

from infra.client.keys import DpopKey


def _written(key: DpopKey) -> dict[str, str | list[str]]:
    return key.key.as_dict(private=True)


def _read(value: object) -> DpopKey:
    if isinstance(value, DpopKey):
        return value
    if not isinstance(value, dict):
        raise ValueError("not a JWK")
    return DpopKey(ECKey.import_key(value))  # pyright: ignore[reportUnknownArgumentType] -- joserfc checks every member


KeptKey = Annotated[DpopKey, PlainSerializer(_written), PlainValidator(_read)]
"""A private key that is written with what it belongs to: whoever keeps these files keeps them to himself."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Token(_Kept):
    """An access token (RFC 9068) and the key it is bound to; good for one audience and at most five minutes."""

    access_token: str
    key: KeptKey
    resource: str
    expires_at: int
    """Unix time; a token that gives none is taken to be over."""
    granted: JsonValue
    """`authorization_details` as granted (RFC 9396 7): may be less than asked for."""


class Flow(_Kept):
    """A login under way: what must be remembered until the browser comes back, and must not reach the browser."""

    state: str
    code_verifier: str
    key: KeptKey
    resource: str
    authorize_url: str
