"""A city system's caller is let in once per proof, on a real database, by every replica (F31, I8)."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest

from infra.embedded.stack import Stack
from shared import clock, replay
from shared.db import Database
from shared.replay import Replayed, use_once
from tests.shared.asking import asking, members
from tests.shared.calling import HOLDER, ISSUER, Running, composed
from tests.shared.credentials import ORIGIN, Holder

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
async def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Running]:
    async with composed(stack, tmp_path_factory.mktemp("keys")) as it:
        yield it


async def test_a_verified_caller_reaches_its_route(running: Running) -> None:
    async with asking(running.service.app) as client:
        answer = await client.get(f"{running.url}?after=1", headers=running.headers(running.token()))
    assert answer.status_code == 200
    assert answer.json()["who"] == "justice-system"


async def test_without_credentials_the_challenge_says_what_would_do(running: Running) -> None:
    async with asking(running.service.app) as client:
        answer = await client.get(running.url)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'DPoP algs="ES256"'
    assert members(answer)["code"] == "unauthenticated"


async def test_a_wrong_token_and_a_wrong_proof_are_told_apart_as_rfc_9449_says(running: Running) -> None:
    token = running.token()
    async with asking(running.service.app) as client:
        wrong_token = await client.get(running.url, headers=running.headers(token) | {"authorization": "DPoP x"})
        wrong_proof = await client.get(running.url, headers=running.headers(token, htm="POST"))
    assert wrong_token.headers["www-authenticate"] == 'DPoP error="invalid_token", algs="ES256"'
    assert wrong_proof.headers["www-authenticate"] == 'DPoP error="invalid_dpop_proof", algs="ES256"'
    assert members(wrong_token)["code"] == "invalid_token"
    assert members(wrong_proof)["code"] == "invalid_dpop_proof"


async def test_our_public_address_counts_and_not_the_host_that_was_named(running: Running) -> None:
    token = running.token()
    evil = f"http://evil.example/{running.service.name}/grants"
    async with asking(running.service.app) as client:
        for headers in (
            {"host": "evil.example"},
            {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example"},
        ):
            refused = await client.get(running.url, headers=running.headers(token, htu=evil) | headers)
            accepted = await client.get(running.url, headers=running.headers(token) | headers)
            assert (refused.status_code, accepted.status_code) == (401, 200)


async def test_of_fifty_uses_of_one_proof_at_once_one_is_let_in(running: Running) -> None:
    headers = running.headers(running.token())
    async with asking(running.service.app) as client:
        answers = await asyncio.gather(*(client.get(running.url, headers=headers) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 49
    assert {members(a)["code"] for a in answers if a.status_code == 401} == {"invalid_dpop_proof"}


async def test_a_route_that_consumes_the_proof_itself_shares_the_same_record(running: Running) -> None:
    path = f"/{running.service.name}/releases"
    headers = running.headers(running.token(), htu=f"{ORIGIN}{path}")
    async with asking(running.service.app) as client:
        first = await client.get(path, headers=headers)
        second = await client.get(path, headers=headers)
    assert first.status_code == 200
    assert (second.status_code, members(second)["code"]) == (401, "replayed")


async def test_two_keys_may_choose_the_same_jti(running: Running) -> None:
    async with asking(running.service.app) as client:
        for holder in (HOLDER, Holder()):
            token = ISSUER.issue(holder, at=clock.now(), aud=f"{ORIGIN}/{running.service.name}")
            proof = holder.prove(token, at=clock.now(), htu=running.url, jti="the same")
            answer = await client.get(running.url, headers={"authorization": f"DPoP {token}", "dpop": proof})
            assert answer.status_code == 200


async def test_a_transaction_undone_uses_nothing_up(running: Running) -> None:
    until = clock.now() + timedelta(minutes=1)
    with pytest.raises(ZeroDivisionError):
        await _use_and_fail(running.service.db, until)
    async with running.service.db.transaction() as tx:
        await use_once(tx, "ticket", "a", until)
    async with running.service.db.transaction() as tx:
        await use_once(tx, "assertion", "a", until)
        with pytest.raises(Replayed):
            await use_once(tx, "ticket", "a", until)


async def _use_and_fail(db: Database, until: Any) -> None:
    async with db.transaction() as tx:
        await use_once(tx, "ticket", "a", until)
        raise ZeroDivisionError


async def test_only_what_is_too_old_anyway_is_forgotten(running: Running) -> None:
    now = clock.now()
    async with running.service.db.transaction() as tx:
        await use_once(tx, "swept", "old", now - timedelta(seconds=1))
        await use_once(tx, "swept", "young", now + timedelta(minutes=1))
        await replay.forget_expired(tx, now=now)
        assert [row["key"] for row in await tx.fetch("SELECT key FROM replay WHERE kind = 'swept'")] == ["young"]
