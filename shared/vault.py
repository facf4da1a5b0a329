"""Encrypts single fields under a key per citizen, so that deleting one row erases one person.

AES-256-GCM throughout. A data key is stored wrapped by the key-encryption key (KEK); several KEKs may be known at once,
the first wraps, all unwrap, so that they rotate under traffic.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12
KEK_ID = 4
WRAP_AAD = b"motlan data key v1"


Opener = Callable[[bytes, str], bytes]
"""`Vault.open` under one data key: sealed field and place."""


class Undecipherable(Exception):
    """Wrong key, wrong place or altered bytes: a bug or an attack, never an answer to a caller."""


class Vault:
    """Seals and opens fields. Wrapped data keys and sealed fields are opaque bytes to be stored as they are."""

    def __init__(self, kek: bytes, *older: bytes) -> None:
        self._keks = {_kek_id(key): AESGCM(_checked(key)) for key in (kek, *older)}
        self._current = _kek_id(kek)

    def new_data_key(self) -> bytes:
        """Make a citizen's data key, wrapped for storing."""
        return self._wrap(AESGCM.generate_key(bit_length=256))

    def rewrap(self, wrapped: bytes) -> bytes:
        """Wrap a data key with the current KEK; fields sealed with it stay as they are."""
        return self._wrap(self._unwrap(wrapped))

    def is_current(self, wrapped: bytes) -> bool:
        """Say whether a data key is wrapped with the current KEK."""
        return wrapped[:KEK_ID] == self._current

    def seal(self, wrapped: bytes, plaintext: bytes, aad: str) -> bytes:
        """Encrypt one field. `aad` says where it belongs, `table|column|row|version`: elsewhere it will not open."""
        return _encrypt(AESGCM(self._unwrap(wrapped)), plaintext, aad.encode())

    def open(self, wrapped: bytes, sealed: bytes, aad: str) -> bytes:
        """Decrypt one field; raises Undecipherable unless key, place and bytes are those it was sealed with."""
        return self.opener(wrapped)(sealed, aad)

    def opener(self, wrapped: bytes) -> "Opener":
        """Unwrap a data key once, for several fields of one citizen."""
        cipher = AESGCM(self._unwrap(wrapped))
        return lambda sealed, aad: _decrypt(cipher, sealed, aad.encode())

    def _wrap(self, data_key: bytes) -> bytes:
        return self._current + _encrypt(self._keks[self._current], data_key, WRAP_AAD)

    def _unwrap(self, wrapped: bytes) -> bytes:
        kek = self._keks.get(wrapped[:KEK_ID])
        if kek is None:
            raise Undecipherable("a data key is wrapped with a key-encryption key that is not configured")
        return _decrypt(kek, wrapped[KEK_ID:], WRAP_AAD)


def blind_index(key: bytes, text: str) -> bytes:
    """Make a keyed hash to look a value up by (HMAC-SHA256); the caller has normalised the text (Unicode NFC)."""
    return hmac.digest(_checked(key), text.encode(), "sha256")


def _kek_id(kek: bytes) -> bytes:
    return sha256(b"motlan kek id v1" + kek).digest()[:KEK_ID]


def _checked(key: bytes) -> bytes:
    if len(key) != 32:
        raise ValueError("a key has 32 bytes")
    return key


def _encrypt(cipher: AESGCM, plaintext: bytes, aad: bytes) -> bytes:
    nonce = token_bytes(NONCE)
    return nonce + cipher.encrypt(nonce, plaintext, aad)


def _decrypt(cipher: AESGCM, sealed: bytes, aad: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], aad)
    except (InvalidTag, ValueError):
        raise Undecipherable("a field does not open with this key at this place") from None
