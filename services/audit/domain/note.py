"""Signed notes and checkpoints, byte for byte as C2SP signed-note and tlog-checkpoint define them."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.audit.domain.merkle import Hash

ED25519 = b"\x01"
"""The signature type byte of an Ed25519 note signature."""
MOST_SIGNATURES = 64


class BadNote(ValueError):
    """A note, a checkpoint or a key that is not in its format, or whose signature does not hold."""


@dataclass(frozen=True)
class VerifierKey:
    """A log's name and public key, written `name+keyid+base64(type ‖ key)`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that tell this key's signature lines from others'."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a written key; raise `BadNote` unless name, id and key agree."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decode(encoded)
        if not name or len(raw) != 33 or raw[:1] != ED25519:
            raise BadNote("not an Ed25519 verifier key")
        key = cls(name, raw[1:])
        if key.key_id.hex() != key_id:
            raise BadNote("the key id does not belong to this key")
        return key


@dataclass(frozen=True)
class NoteKey:
    """The log's private key under the name that its signature lines carry."""

    name: str
    private: Ed25519PrivateKey

    @classmethod
    def of_pem(cls, name: str, pem: bytes) -> Self:
        """Read an unencrypted Ed25519 private key; raise `BadNote` for any other."""
        private = load_pem_private_key(pem, password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise BadNote("a log key is an Ed25519 key")
        return cls(name, private)

    @property
    def verifier(self) -> VerifierKey:
        """Return what others need to check this key's signatures."""
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return `text` as a signed note."""
        signature = self.verifier.key_id + self.private.sign(text.encode())
        return f"{text}\n\u2014 {self.name} {base64.b64encode(signature).decode()}\n"


def open_note(note: str, key: VerifierKey) -> str:
    """Return the text that `key` signed; raise `BadNote` if it did not sign it or the note is malformed.

    Signatures by unknown keys are ignored, a wrong one by this key spoils the note.
    """
    if any(ord(char) < 0x20 and char != "\n" for char in note):
        raise BadNote("control characters in a note")
    body, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n") or tail.count("\n") > MOST_SIGNATURES:
        raise BadNote("not a signed note")
    text = body + "\n"
    if not any([_signed_by(key, line, text) for line in tail.splitlines()]):  # all lines: a wrong one must be seen
        raise BadNote(f"not signed by {key.name}")
    return text


def _signed_by(key: VerifierKey, line: str, text: str) -> bool:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    raw = _decode(encoded)
    if dash != "\u2014" or not name or len(raw) < 5:
        raise BadNote("not a signature line")
    if name != key.name or raw[:4] != key.key_id:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw[4:], text.encode())
    except InvalidSignature:
        raise BadNote(f"the signature of {key.name} does not hold") from None
    return True


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: this many leaves, under this root."""

    origin: str
    size: int
    root: Hash

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def open(cls, note: str, key: VerifierKey) -> Self:
        """Read a signed checkpoint of the log that `key` belongs to; raise `BadNote` otherwise."""
        lines = open_note(note, key).split("\n")
        if len(lines) != 4 or not lines[1].isascii() or not lines[1].isdigit() or str(int(lines[1])) != lines[1]:
            raise BadNote("not a checkpoint")
        checkpoint = cls(lines[0], int(lines[1]), _decode(lines[2]))
        if checkpoint.origin != key.name or len(checkpoint.root) != 32:
            raise BadNote("a checkpoint of another log")
        return checkpoint


def inclusion_text(*, index: int, proof: Sequence[Hash], checkpoint: str) -> str:
    """Write an inclusion proof as C2SP tlog-proof: it verifies offline, with the log's key and the leaf alone."""
    hashes = "".join(base64.b64encode(item).decode() + "\n" for item in proof)
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{hashes}\n{checkpoint}"


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise BadNote("not base64") from None
