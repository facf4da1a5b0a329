"""What we keep of a secret that somebody else carries: a browser, a client, a link."""

from hashlib import sha256


def hash_of(secret: str) -> bytes:
    """Return its SHA-256. Unsalted, so that it can be found again: only for secrets too long to be guessed."""
    return sha256(secret.encode()).digest()
