"""Checks a release before anybody relies on it: signed by the gateway, for us, for this dossier."""

from collections.abc import Mapping
from dataclasses import dataclass

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import JsonValue, TypeAdapter, ValidationError

_CLAIMS = TypeAdapter(dict[str, JsonValue])
_LARGEST = 1 << 20


class NotTrusted(Exception):
    """The release is not what it should be: nothing in it may be used."""


@dataclass(frozen=True)
class Release:
    """Verified data as the gateway signed them; `jws` is what to keep with the dossier, for others verify it too."""

    jws: str
    claims: Mapping[str, JsonValue]


def verify_release(compact: str, keys: KeySet, *, issuer: str, audience: str, dossier_uid: str) -> Release:
    """Return the release once signature (ES256), issuer, audience and dossier are right; raise `NotTrusted`."""
    if len(compact) > _LARGEST:
        raise NotTrusted("larger than any release")
    try:
        signed = jws.deserialize_compact(compact, keys, algorithms=["ES256"])
        claims = _CLAIMS.validate_json(signed.payload)
    except (JoseError, ValidationError, ValueError) as error:
        raise NotTrusted("the signature does not verify") from error
    for name, expected in (("iss", issuer), ("aud", audience), ("dossier_uid", dossier_uid)):
        if claims.get(name) != expected:
            raise NotTrusted(f"{name} is not {expected}")
    return Release(compact, claims)
