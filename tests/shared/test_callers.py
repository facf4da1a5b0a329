"""A caller is let in once per proof or assertion, on a real database, by every replica (F31, I8)."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends

from infra.embedded.stack import Stack
from shared import clock, dpop, http, replay
from shared.db import Database
from shared.errors import Conflict, NotFound
from shared.http import Body, Caller, Db, Presented, View
from shared.inside import (
    CalleeUnavailable,
    CallRefused,
    InsideCaller,
    RemoteConflict,
    RemoteNotFound,
    RemoteProblem,
    RemoteUnavailable,
    ServiceClient,
    assertion,
    inside_caller,
)
from shared.issuer_keys import IssuerKeys
from shared.keys import ServiceKey, sign_jws
from shared.replay import Replayed, use_once
from shared.service import Service
from tests.shared.asking import asking, members
from tests.shared.composing import make_service_settings
from tests.shared.credentials import ORIGIN, Holder, Issuer, write_service_key

pytestmark = pytest.mark.stack

ISSUER = Issuer()
HOLDER = Holder()


class Echo(View):
    who: str
    said: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults


class Said(Body):
    word: str


class AlreadyThere(Conflict):
    code = "already_there"
    fault = "citizen"


def make_router(prefix: str) -> APIRouter:
    router = APIRouter()

    @router.get(f"/{prefix}/grants")
    async def list_grants(caller: Caller, after: int = 0) -> Echo:
        return Echo(who=caller.client_id, said={"after": str(after)} if after else {})

    @router.get(f"/{prefix}/releases")
    async def release(shown: Presented, db: Db) -> Echo:
        async with db.transaction() as tx:
            await replay.use_once(tx, dpop.REPLAY_KIND, shown.proof.key, shown.proof.expires)
        return Echo(who=shown.caller.client_id)

    @router.get("/internal/echo")
    async def echo(caller: Annotated[InsideCaller, Depends(inside_caller("identity"))], word: str = "") -> Echo:
        return Echo(who=caller.service, said={"word": word})

    @router.post("/internal/echo")
    async def post_echo(caller: Annotated[InsideCaller, Depends(inside_caller("identity"))], said: Said) -> Echo:
        match said.word:
            case "missing":
                raise NotFound
            case "conflict":
                raise AlreadyThere("twice")
            case "bug":
                raise ZeroDivisionError
            case _:
                return Echo(who=caller.service, said={"word": said.word})

    return router


@dataclass
class Running:
    service: Service
    folder: Path

    @property
    def url(self) -> str:
        return f"{ORIGIN}/{self.service.name}/grants"

    def token(self, **changes: Any) -> str:
        return ISSUER.issue(HOLDER, at=clock.now(), aud=f"{ORIGIN}/{self.service.name}", **changes)

    def headers(self, token: str, **changes: Any) -> dict[str, str]:
        changes = {"htu": self.url} | changes
        proof = HOLDER.prove(token, at=clock.now(), **changes)
        return {"authorization": f"DPoP {token}", "dpop": proof}

    def key(self, service: str) -> ServiceKey:
        return write_service_key(self.folder / f"{service}.pem")

    def client(self, caller: str = "identity", key: ServiceKey | None = None) -> ServiceClient:
        """Make a client that reaches the service without a network."""
        client = ServiceClient(caller, self.service.name, "http://inside", key or self.key(caller))
        client.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.service.app, raise_app_exceptions=False), base_url="http://inside"
        )
        return client


@pytest.fixture(scope="module")
async def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Running]:
    folder = tmp_path_factory.mktemp("keys")
    settings = await make_service_settings(stack, folder, "identity", "reuse")
    name = settings.service

    async def fetch() -> object:
        return ISSUER.jwks()

    app = http.make_app(settings, [make_router(name)], name)
    service = Service(name, app, settings, issuer_keys=IssuerKeys(fetch))
    async with service.running():
        yield Running(service, folder)


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


async def test_a_service_calls_another_and_is_known_there(running: Running) -> None:
    async with running.client() as client:
        assert await client.get("/internal/echo", {"word": "xin chào"}) == {
            "who": "identity",
            "said": {"word": "xin chào"},
        }
        assert await client.post("/internal/echo", {"word": "x"}) == {"who": "identity", "said": {"word": "x"}}


async def test_refusals_of_a_callee_keep_their_kind_code_fault_and_advice(running: Running) -> None:
    async with running.client() as client:
        with pytest.raises(RemoteNotFound):
            await client.post("/internal/echo", {"word": "missing"})
        with pytest.raises(RemoteConflict) as refused:
            await client.post("/internal/echo", {"word": "conflict"})
    problem = refused.value
    assert isinstance(problem, RemoteProblem)
    assert isinstance(problem, Conflict)
    assert (problem.code, problem.fault, problem.retryable, problem.detail) == (
        "already_there", "citizen", False, "twice",
    )  # fmt: skip


async def test_a_bug_of_a_callee_is_an_outage_and_a_wrong_call_is_a_bug_of_ours(running: Running) -> None:
    async with running.client() as client:
        with pytest.raises(CalleeUnavailable):
            await client.post("/internal/echo", {"word": "bug"})
        with pytest.raises(CallRefused):
            await client.post("/internal/echo", {"wrong": "x"})
    async with running.client("reuse") as stranger:
        with pytest.raises(CallRefused, match="caller_not_allowed"):
            await stranger.get("/internal/echo")
    async with running.client("identity", running.key("reuse")) as impostor:
        with pytest.raises(CallRefused, match="invalid_assertion"):
            await impostor.get("/internal/echo")


@pytest.mark.parametrize(
    ("failure", "again", "attempts"),
    [
        (httpx2.ConnectError("refused"), True, 2),
        (httpx2.ReadError("reset"), True, 2),
        (httpx2.ReadError("reset"), False, 1),
        (httpx2.ReadTimeout("slow"), True, 1),
        (httpx2.RemoteProtocolError("nonsense"), True, 1),
    ],
    ids=str,
)
async def test_a_callee_that_does_not_answer_is_asked_again_only_where_that_is_harmless(
    running: Running, failure: Exception, again: bool, attempts: int
) -> None:
    asked: list[str] = []

    async def fail(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers["authorization"])
        raise failure

    client = running.client()
    client.http = httpx2.AsyncClient(transport=httpx2.MockTransport(fail), base_url="http://inside")
    async with client:
        with pytest.raises(CalleeUnavailable) as refused:
            await client.post("/internal/echo", {}, idempotent=again)
    assert (refused.value.code, refused.value.fault, refused.value.retryable) == (
        "service_unavailable",
        "gateway",
        True,
    )
    assert len(asked) == len(set(asked)) == attempts


async def test_a_callee_that_is_not_ready_says_when_to_come_back(running: Running) -> None:
    told = {"code": "consent_status_unknown", "fault": "gateway", "retryable": True, "retry_at": "2026-03-02T03:04:05Z"}
    client = running.client()
    answer = httpx2.Response(503, json=told)
    client.http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer), base_url="http://inside")
    async with client:
        with pytest.raises(RemoteUnavailable) as refused:
            await client.get("/internal/echo")
    assert refused.value.code == "consent_status_unknown"
    assert refused.value.retry_at is not None


NONSENSE = [httpx2.Response(200, text="<html>"), httpx2.Response(302, json={}), httpx2.Response(404)]


@pytest.mark.parametrize("answer", NONSENSE)
async def test_an_answer_that_is_none_is_no_answer(running: Running, answer: httpx2.Response) -> None:
    client = running.client()
    client.http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer), base_url="http://inside")
    async with client:
        with pytest.raises(CallRefused):
            await client.get("/internal/echo")


async def test_an_assertion_is_good_for_one_use(running: Running) -> None:
    key = running.key("identity")
    bearer = {"authorization": f"Bearer {assertion('identity', running.service.name, key, clock.now())}"}
    async with asking(running.service.app) as client:
        first = await client.get("/internal/echo", headers=bearer)
        second = await client.get("/internal/echo", headers=bearer)
    assert first.status_code == 200
    assert (second.status_code, members(second)["code"]) == (401, "invalid_assertion")
    assert second.headers["www-authenticate"] == 'Bearer error="invalid_assertion"'


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "identity"},
        {"aud": ["{me}"]},
        {"iss": "reuse", "sub": "reuse"},
        {"iss": "nobody", "sub": "nobody"},
        {"sub": "reuse"},
        {"iat": 11, "exp": 60},
        {"iat": -120, "exp": -60},
        {"iat": -20, "exp": 41},
        {"jti": None},
        {"jti": "short"},
        {"jti": "x" * 65},
        {"exp": None},
    ],
    ids=str,
)
async def test_an_assertion_is_for_one_callee_for_a_minute(running: Running, changes: dict[str, Any]) -> None:
    now = int(clock.now().timestamp())
    me = running.service.name
    claims: dict[str, Any] = {
        "iss": "identity", "sub": "identity", "aud": me, "iat": now, "exp": now + 60, "jti": secrets.token_hex(10),
    }  # fmt: skip
    moved = {n: now + v if n in ("iat", "exp") and v is not None else v for n, v in changes.items()}
    claims = {n: v for n, v in (claims | moved).items() if v is not None}
    if claims["aud"] == ["{me}"]:
        claims["aud"] = [me]
    async with asking(running.service.app) as client:
        token = sign_jws(running.key("identity"), "service+jwt", claims)
        answer = await client.get("/internal/echo", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, members(answer)["code"]) == (401, "invalid_assertion")


async def test_a_citys_token_opens_no_inside_route_and_an_assertion_no_public_one(running: Running) -> None:
    token = running.token()
    key = running.key("identity")
    async with asking(running.service.app) as client:
        inside = await client.get("/internal/echo", headers={"authorization": f"Bearer {token}"})
        said = assertion("identity", running.service.name, key, clock.now())
        outside = await client.get(running.url, headers=running.headers(token) | {"authorization": f"DPoP {said}"})
    assert (inside.status_code, outside.status_code) == (401, 401)


async def test_health_tells_alarms_by_kind_and_nothing_about_anybody(running: Running) -> None:
    async with running.service.db.transaction() as tx:
        for key in ("somebody", "somebody else"):
            await tx.execute("INSERT INTO alarm (kind, key, detail) VALUES ('parked', $1, '{}'::jsonb)", key)
    async with asking(running.service.app) as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        health = await client.get("/health")
    assert health.json() == {"service": running.service.name, "alarms": {"parked": 2}}
    assert "somebody" not in health.text


async def test_a_service_with_yesterdays_schema_is_not_ready(running: Running, stack: Stack) -> None:
    name = running.service.name
    owner = await Database.connect((await stack.postgres.ensure_databases(name))[name].owner)
    async with owner.transaction() as tx:
        await tx.execute("UPDATE schema_migration SET number = number + 1000 WHERE number = 2")
    async with asking(running.service.app) as client:
        answer = await client.get("/health/ready")
        alive = await client.get("/health/live")
    async with owner.transaction() as tx:
        await tx.execute("UPDATE schema_migration SET number = number - 1000 WHERE number = 1002")
    await owner.close()
    assert (answer.status_code, members(answer)["code"]) == (503, "not_migrated")
    assert alive.status_code == 200
