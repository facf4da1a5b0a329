"""Does once what a client sends twice under one Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07)."""

import re
from collections.abc import Sequence

from shared.errors import Conflict, Invalid

SHORTEST, LONGEST = 16, 255
# An Item of type String (RFC 9651 §3.3.3); the draft defines no parameters, so none are taken.
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_ESCAPED = re.compile(r"\\(.)")


class IdempotencyKeyInvalid(Invalid):
    """The header is there and is not one quoted string of 16 to 255 characters (draft §2.1)."""

    code = "idempotency_key_invalid"


class IdempotencyKeyReused(Invalid):
    """The key came before with something else (draft §2.7)."""

    code = "idempotency_key_reused"


class RequestInFlight(Conflict):
    """The first request with this key is still being worked on (draft §2.7)."""

    code = "request_in_flight"
    retryable = True


def parse_key(headers: Sequence[str]) -> str | None:
    """Return the key of a request's `Idempotency-Key` headers, None without one. Raises IdempotencyKeyInvalid."""
    if not headers:
        return None
    match = _STRING.fullmatch(headers[0].strip(" ")) if len(headers) == 1 else None
    key = _ESCAPED.sub(r"\1", match[1]) if match else ""
    if not SHORTEST <= len(key) <= LONGEST:
        raise IdempotencyKeyInvalid
    return key
