"""The issuer's keys are fetched seldom, and kept when a fetch fails (F27, F28)."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from joserfc.jwk import RSAKey

from shared.issuer_keys import IssuerKeys, IssuerKeysUnavailable, read_jwks
from tests.shared.credentials import NOW, Issuer

ISSUER = Issuer()
KID = ISSUER.signing.kid


class Jwks:
    """An address that answers, fails, or answers nonsense."""

    def __init__(self) -> None:
        self.answer: object = ISSUER.jwks()
        self.fetched = 0

    async def __call__(self) -> object:
        self.fetched += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_requests_that_come_during_the_first_fetch_wait_for_it() -> None:
    arrived = asyncio.Event()

    async def slow() -> object:
        await arrived.wait()
        return ISSUER.jwks()

    keys = IssuerKeys(slow)
    waiting = [asyncio.create_task(keys.find(KID, NOW + timedelta(milliseconds=n))) for n in range(3)]
    await asyncio.sleep(0)
    arrived.set()
    assert all(await asyncio.gather(*waiting))


async def test_a_set_is_kept_for_ten_minutes() -> None:
    jwks = Jwks()
    keys = IssuerKeys(jwks)
    for minutes in (0, 5, 9.9):
        assert await keys.find(KID, NOW + timedelta(minutes=minutes))
    assert jwks.fetched == 1
    assert await keys.find(KID, NOW + timedelta(minutes=10))
    assert jwks.fetched == 2


async def test_a_flood_of_unknown_keys_is_one_fetch_in_thirty_seconds() -> None:
    jwks = Jwks()
    keys = IssuerKeys(jwks)
    await keys.find(KID, NOW)
    later = NOW + timedelta(seconds=31)
    assert [await keys.find(f"bogus-{n}", later) for n in range(1000)] == [None] * 1000
    assert jwks.fetched == 2
    await keys.find("bogus", later + timedelta(seconds=29))
    assert jwks.fetched == 2
    await keys.find("bogus", later + timedelta(seconds=30))
    assert jwks.fetched == 3


async def test_a_new_key_is_found_by_fetching_once_more() -> None:
    jwks = Jwks()
    jwks.answer = {"keys": [{**ISSUER.signing.public_jwk(), "kid": "old"}]}
    keys = IssuerKeys(jwks)
    assert await keys.find("old", NOW)
    jwks.answer = ISSUER.jwks()
    assert await keys.find(KID, NOW + timedelta(seconds=30))
    assert await keys.find("old", NOW + timedelta(seconds=31)) is None  # a revoked key goes with the same fetch


@pytest.mark.parametrize("failure", [httpx2.ConnectError("down"), ValueError("no JSON"), {"keys": []}, {}, [], None])
async def test_a_failed_fetch_keeps_the_old_set(failure: object) -> None:
    jwks = Jwks()
    keys = IssuerKeys(jwks)
    await keys.find(KID, NOW)
    jwks.answer = failure
    assert await keys.find(KID, NOW + timedelta(minutes=11))
    assert jwks.fetched == 2
    assert await keys.find(KID, NOW + timedelta(minutes=11, seconds=29))
    assert jwks.fetched == 2


async def test_without_any_key_nobody_is_called_a_liar_but_told_to_come_back() -> None:
    jwks = Jwks()
    jwks.answer = httpx2.ConnectError("down")
    keys = IssuerKeys(jwks)
    with pytest.raises(IssuerKeysUnavailable):
        await keys.find(KID, NOW)
    jwks.answer = ISSUER.jwks()
    assert await keys.find(KID, NOW + timedelta(seconds=1))


SMALL = generate_private_key(65537, 1024)  # noqa: S505 - FAPI 2.0 §5.4: RSA keys have 2048 bits or more
ODD: list[dict[str, Any]] = [
    {**ISSUER.signing.public_jwk(), "use": "enc"},
    {**ISSUER.signing.public_jwk(), "alg": "RS256"},
    {**ISSUER.signing.public_jwk(), "n": "AAAA"},
    {**ISSUER.signing.public_jwk(), "kid": 7},
    {**RSAKey(SMALL, SMALL).as_dict(private=False), "kid": "small"},
    {"kty": "RSA", "kid": "x"},
    {"kty": "oct", "kid": "x", "k": "AAAA"},
    {"kty": "new", "kid": "x"},
]


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_odd_keys_are_skipped() -> None:
    assert set(read_jwks({"keys": [*ODD, ISSUER.signing.public_jwk()]})) == {KID}
    for odd in ODD:
        with pytest.raises(ValueError, match="key"):
            read_jwks({"keys": [odd]})
