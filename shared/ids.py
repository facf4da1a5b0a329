"""New identifiers: UUIDv7, whose order is roughly the order of creation, so that indexes grow at their end."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new() -> UUID:
    """Return a new UUIDv7 (RFC 9562 section 5.7). It is an identifier, never a secret: half of it is the time."""
    return uuid7()
