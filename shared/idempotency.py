"""Does once what a client sends twice under one Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07)."""

import hmac
import json
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Generic, TypeVar

from pydantic import BaseModel, JsonValue

from shared import canonical
from shared.db import Database, Tx
from shared.errors import Conflict, Invalid

T = TypeVar("T")
SHORTEST, LONGEST = 16, 255
KEPT = timedelta(hours=24)
CLAIMED = timedelta(minutes=2)
_AGAIN = timedelta(seconds=1)
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


class Answered(Exception):
    """It was done before: answer what was answered then."""

    def __init__(self, status: int, answer: bytes) -> None:
        super().__init__("answered before")
        self.status = status
        self.answer = answer


def parse_key(headers: Sequence[str]) -> str | None:
    """Return the key of a request's `Idempotency-Key` headers, None without one. Raises IdempotencyKeyInvalid."""
    if not headers:
        return None
    match = _STRING.fullmatch(headers[0].strip(" ")) if len(headers) == 1 else None
    key = _ESCAPED.sub(r"\1", match[1]) if match else ""
    if not SHORTEST <= len(key) <= LONGEST:
        raise IdempotencyKeyInvalid
    return key


def fingerprint(key: str, body: bytes, **of: JsonValue) -> bytes:
    """Hash what is asked: `of` says where and by which right; of a JSON body its meaning counts, not its spelling.

    Keyed by the key, of which only a hash is kept: who reads the table cannot try out whose number was sent.
    """
    try:
        meant = canonical.dumps(json.loads(body))
    except (ValueError, RecursionError):  # no JSON, or none with one spelling
        meant = body
    return hmac.digest(key.encode(), canonical.dumps(of) + b"\n" + meant, "sha256")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request under a key: whose, which, and what."""

    client_id: str
    key_hash: bytes
    fingerprint: bytes
    at: datetime

    @classmethod
    def under(cls, key: str, client_id: str, fingerprint: bytes, at: datetime) -> "Asked":
        """Make it; the key itself is not kept."""
        return cls(client_id, sha256(key.encode()).digest(), fingerprint, at)


class Once(Generic[T]):
    """The transaction of an effect that a repeat does not have again; without a key a transaction like any other.

    `show` makes the answer of what the use case returns: it is kept in that transaction, or neither is.
    """

    def __init__(self, db: Database, asked: Asked | None, show: Callable[[T], BaseModel], status: int) -> None:
        self._db = db
        self._asked = asked
        self._show = show
        self._status = status
        self._kept = False

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Open the transaction; the block ends with `keep`.

        Raises Answered, RequestInFlight or IdempotencyKeyReused before anything is done.
        """
        async with self._db.transaction() as tx:
            if self._asked:
                await _lock(tx, self._asked)
                await check_new(tx, self._asked)
            yield tx
            if self._asked and not self._kept:
                raise RuntimeError("an effect under an Idempotency-Key was not kept")

    async def keep(self, tx: Tx, result: T) -> T:
        """Keep the answer for a repeat; returns what it was given."""
        if self._asked:
            await _insert(tx, self._asked, self._status, self._written(result))
            self._kept = True
        return result

    @asynccontextmanager
    async def claim(self) -> AsyncGenerator[None]:
        """For work of several transactions that is safe to begin again: others are told it is in flight meanwhile.

        The block ends with `settle`; one that fails lets go. After a crash the claim runs out, and a repeat goes on.
        """
        if self._asked is None:
            yield
            return
        async with self._db.transaction() as tx:
            await _lock(tx, self._asked)
            await check_new(tx, self._asked)
            await _claim(tx, self._asked)
        try:
            yield
        finally:
            if not self._kept:
                async with self._db.transaction() as tx:
                    await _let_go(tx, self._asked)

    async def settle(self, result: T) -> T:
        """Keep the answer of claimed work; returns what it was given."""
        if self._asked:
            async with self._db.transaction() as tx:
                await _settle(tx, self._asked, self._status, self._written(result))
            self._kept = True
        return result

    def _written(self, result: T) -> bytes:
        return self._show(result).model_dump_json().encode()


async def check_new(tx: Tx, asked: Asked) -> None:
    """Raise Answered, RequestInFlight or IdempotencyKeyReused if the key has come before."""
    row = await tx.fetchrow(
        "SELECT fingerprint, status, answer, claimed_until FROM idempotency WHERE client_id = $1 AND key_hash = $2",
        asked.client_id,
        asked.key_hash,
    )
    if row is None:
        return
    if not hmac.compare_digest(row["fingerprint"], asked.fingerprint):
        raise IdempotencyKeyReused
    if row["answer"] is not None:
        raise Answered(row["status"], row["answer"])
    if row["claimed_until"] > asked.at:
        raise RequestInFlight(retry_at=asked.at + _AGAIN)


async def forget_old(tx: Tx, *, now: datetime) -> None:
    """Delete what clients were promised for a day and no longer."""
    await tx.execute("DELETE FROM idempotency WHERE asked_at < $1", now - KEPT)


async def _lock(tx: Tx, asked: Asked) -> None:
    """Be the only one at it until the transaction ends. A statement of its own: the next one sees what others left."""
    number = int.from_bytes(sha256(asked.client_id.encode() + b"\n" + asked.key_hash).digest()[:8], signed=True)
    if not await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", number):
        raise RequestInFlight(retry_at=asked.at + _AGAIN)


async def _insert(tx: Tx, asked: Asked, status: int, answer: bytes) -> None:
    await tx.execute(
        """INSERT INTO idempotency (client_id, key_hash, fingerprint, asked_at, status, answer)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        asked.client_id, asked.key_hash, asked.fingerprint, asked.at, status, answer,
    )  # fmt: skip


async def _claim(tx: Tx, asked: Asked) -> None:
    await tx.execute(
        """INSERT INTO idempotency (client_id, key_hash, fingerprint, asked_at, claimed_until)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (client_id, key_hash)
           DO UPDATE SET asked_at = excluded.asked_at, claimed_until = excluded.claimed_until""",
        asked.client_id, asked.key_hash, asked.fingerprint, asked.at, asked.at + CLAIMED,
    )  # fmt: skip


async def _settle(tx: Tx, asked: Asked, status: int, answer: bytes) -> None:
    """Keep the answer, unless somebody who took over a claim that had run out was quicker."""
    await tx.execute(
        """UPDATE idempotency SET status = $3, answer = $4, claimed_until = NULL
            WHERE client_id = $1 AND key_hash = $2 AND answer IS NULL""",
        asked.client_id, asked.key_hash, status, answer,
    )  # fmt: skip


async def _let_go(tx: Tx, asked: Asked) -> None:
    await tx.execute(
        "DELETE FROM idempotency WHERE client_id = $1 AND key_hash = $2 AND answer IS NULL AND asked_at = $3",
        asked.client_id, asked.key_hash, asked.at,
    )  # fmt: skip
