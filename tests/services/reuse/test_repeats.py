"""What is sent twice under one Idempotency-Key is done once, and answered as it was the first time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from infra.embedded.stack import Stack
from shared import clock, idempotency, ids
from shared.db import Database
from tests.services.reuse.conftest import NGO_QUYEN, SHOP, Opened, World, code_of
from tests.services.reuse.test_judging import CERTIFICATE
from tests.shared.conftest import until

pytestmark = pytest.mark.stack

ROUTES = ["dossier", "receipt", "closure", "collection", "acceptance", "rejection", "result"]


def a_dossier(**changes: Any) -> dict[str, Any]:
    """Make what opens a dossier."""
    body: dict[str, Any] = {
        "client_ref": f"ref-{ids.new()}", "procedure": "1.001612", "channel": "online", "facts": {},
        "receiving": "ag-000101", "competent": "ag-000101", "parties": [{"roles": ["owner", "applicant"]}],
    }  # fmt: skip
    return body | changes


ANY_PROCEDURE: dict[str, Any] = {
    "mandate": {"id": "m-000101", "kind": "procedure", "procedures": ["1.001193", "1.001612"], "until": None}
}


async def asked(world: World, opened: Opened, what: str) -> tuple[str, Any]:
    """Return where a route is and what it is sent."""
    path = f"/reuse/dossiers/{opened.uid}"
    match what:
        case "dossier":
            return "/reuse/dossiers", a_dossier()
        case "receipt":
            return f"{path}/receipt", {"official_code": f"H31.01-261124-{int(ids.new()) % 10_000_000:07}"}
        case "closure":
            return f"{path}/closure", {"outcome": "granted"}
        case "collection":
            await world.mother(opened)
            return f"{path}/collection", {"party_uid": opened.party("mother")}
        case "result":
            world.identity.knows(opened.party("child"), identified_by="officer_check")
            body = {"party_uid": opened.party("child"), "result_type": "KQ.G15.000031", "value": CERTIFICATE}
            return f"{path}/results", body
        case _:
            body = {"reason": "record_ended"} if what == "rejection" else {}
            return f"{path}/components/parents-marriage/{what}", body


@pytest.mark.parametrize("what", ROUTES)
async def test_a_repeat_is_answered_as_the_first_time_and_does_nothing(world: World, what: str) -> None:
    path, body = await asked(world, await world.open(), what)
    key = str(uuid4())
    first = await world.ask("POST", path, body, key=key, **ANY_PROCEDURE)
    assert first.is_success, first.text
    told = await world.value("SELECT count(*) FROM outbox")
    again = await world.ask("POST", path, body, key=key, **ANY_PROCEDURE)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert await world.value("SELECT count(*) FROM outbox") == told


@pytest.mark.parametrize("what", ROUTES)
async def test_an_answer_is_repeated_whatever_has_happened_since(world: World, what: str) -> None:
    opened = await world.open()
    path, body = await asked(world, opened, what)
    key = str(uuid4())
    first = await world.ask("POST", path, body, key=key, **ANY_PROCEDURE)
    await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "refused"})
    again = await world.ask("POST", path, body, key=key, **ANY_PROCEDURE)
    assert (again.status_code, again.content) == (first.status_code, first.content)


async def test_another_body_or_place_under_the_same_key_is_refused(world: World) -> None:
    opened, key = await world.open(), str(uuid4())
    assert (await reject(world, opened, key)).status_code == 200
    assert code_of(await reject(world, opened, key, reason="not_legible")) == (422, "idempotency_key_reused")
    elsewhere = await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "granted"}, key=key)
    assert code_of(elsewhere) == (422, "idempotency_key_reused")
    assert await rejections(world, opened) == 1


@pytest.mark.parametrize("change", [
    {"agency": NGO_QUYEN},
    {"actor": {"kind": "officer", "ref": "off-8", "position": "Công chức"}},
    {"dossier_uid": str(ids.new()), "party_uid": str(ids.new()), "actor": {"kind": "citizen"}, "sub": "p"},
])  # fmt: skip
async def test_I8_an_answer_is_repeated_to_no_other_right(world: World, change: dict[str, Any]) -> None:
    opened, key = await world.open(), str(uuid4())
    await reject(world, opened, key)
    assert code_of(await reject(world, opened, key, **change)) == (422, "idempotency_key_reused")


async def test_a_key_of_one_client_says_nothing_to_another(world: World) -> None:
    opened, key = await world.open(), str(uuid4())
    assert (await reject(world, opened, key)).status_code == 200
    assert code_of(await reject(world, opened, key, **SHOP)) == (404, "dossier_not_found")
    shop = await world.ask(
        "POST", "/reuse/dossiers", a_dossier(receiving="ag-000301", competent="ag-000301"), key=key, **SHOP
    )
    assert shop.status_code == 201


async def test_a_refusal_is_not_kept(world: World) -> None:
    key = str(uuid4())
    wrong = await world.ask("POST", "/reuse/dossiers", a_dossier(procedure="6.999999"), key=key, **ANY_PROCEDURE)
    assert code_of(wrong) == (422, "procedure_unknown")
    right = await world.ask("POST", "/reuse/dossiers", a_dossier(), key=key, **ANY_PROCEDURE)
    assert right.status_code == 201


async def test_collecting_that_is_refused_lets_go_of_its_key(world: World) -> None:
    opened, key = await world.open(), str(uuid4())
    path, body = f"/reuse/dossiers/{opened.uid}/collection", {"party_uid": opened.party("mother")}
    assert code_of(await world.ask("POST", path, body, key=key)) == (409, "party_unidentified")
    await world.mother(opened)
    assert (await world.ask("POST", path, body, key=key)).status_code == 200


@pytest.mark.parametrize("key", ["short", "x" * 256, 'a "quoted" part of a key'])
async def test_a_malformed_key_is_refused_before_anything_is_done(world: World, key: str) -> None:
    opened = await world.open()
    path = f"/reuse/dossiers/{opened.uid}/closure"
    answer = await world.ask("POST", path, {"outcome": "granted"}, key=key)
    assert code_of(answer) == (400, "idempotency_key_invalid")
    assert (await world.ask("GET", f"/reuse/dossiers/{opened.uid}")).json()["dossier"]["state"] == "draft"


async def test_a_repeat_while_the_first_is_worked_on_is_told_so(world: World) -> None:
    opened, key = await world.open(), str(uuid4())
    async with held_up(world, opened):
        first = asyncio.create_task(reject(world, opened, key))
        await until(lambda: _waits(world))
        again = await reject(world, opened, key)
        assert code_of(again) == (409, "request_in_flight")
        assert (again.json()["retryable"], again.headers["retry-after"]) == (True, "1")
    answer = await first
    assert answer.status_code == 200
    assert (await reject(world, opened, key)).content == answer.content


async def test_fifty_at_once_have_one_effect(world: World) -> None:
    opened, key = await world.open(), str(uuid4())
    answers = await asyncio.gather(*(reject(world, opened, key) for _ in range(50)))
    done = [answer for answer in answers if answer.is_success]
    assert len({answer.content for answer in done}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in done) == 1
    assert {code_of(answer) for answer in answers if not answer.is_success} <= {(409, "request_in_flight")}
    assert await rejections(world, opened) == 1


async def test_fifty_collections_at_once_collect_once(world: World) -> None:
    opened, key = await world.open(), str(uuid4())
    await world.mother(opened)
    path, body = f"/reuse/dossiers/{opened.uid}/collection", {"party_uid": opened.party("mother")}
    answers = await asyncio.gather(*(world.ask("POST", path, body, key=key) for _ in range(50)))
    assert sum(a.is_success and "idempotency-replayed" not in a.headers for a in answers) == 1
    assert {code_of(a) for a in answers if not a.is_success} <= {(409, "request_in_flight")}
    assert world.registries.times_asked("civil-status") == world.identity.calls["collection"] == 1


async def test_what_a_crash_left_claimed_is_in_flight_until_the_claim_runs_out_and_then_goes_on(world: World) -> None:
    opened, key = await world.open(), str(uuid4())
    path, body = await asked(world, opened, "collection")
    await world.ask("POST", path, body, key=key)
    await crashed(world, key, left=timedelta(minutes=1))
    assert code_of(await world.ask("POST", path, body, key=key)) == (409, "request_in_flight")
    await crashed(world, key, left=timedelta(0))
    again = await world.ask("POST", path, body, key=key)
    assert (again.status_code, "idempotency-replayed" in again.headers) == (200, False)
    assert world.registries.times_asked("civil-status") == 1


async def test_a_server_lost_before_the_answer_was_kept_has_done_nothing(world: World, stack: Stack) -> None:
    """F14: effect and answer are one transaction; the repeat is the first time."""
    opened, key = await world.open(), str(uuid4())
    async with dying_on_keeping(stack):
        assert code_of(await reject(world, opened, key)) == (503, "database_unavailable")
    assert await rejections(world, opened) == 0
    again = await reject(world, opened, key)
    assert (again.status_code, "idempotency-replayed" in again.headers) == (200, False)
    assert await rejections(world, opened) == 1


async def test_an_answer_is_kept_for_a_day_and_then_forgotten(world: World) -> None:
    opened, key, now = await world.open(), str(uuid4()), clock.now()
    await reject(world, opened, key)
    for age, found in (timedelta(hours=23, minutes=59), 1), (timedelta(hours=24, minutes=1), 0):
        async with world.db.transaction() as tx:
            await idempotency.forget_old(tx, now=now + age)
        assert await kept(world, key) == found


async def test_I6_neither_key_nor_body_nor_anybodys_data_is_kept(world: World) -> None:
    opened, key = await world.open(), f"key-{uuid4()}"
    path, body = await asked(world, opened, "result")
    await world.ask("POST", path, body, key=key)
    stored = await world.value("SELECT string_agg(convert_from(answer, 'UTF8') || i::text, '') FROM idempotency i")
    assert key not in stored
    assert not any(str(value) in stored for value in CERTIFICATE.values())


async def reject(
    world: World, opened: Opened, key: str, reason: str = "record_ended", **claims: Any
) -> httpx2.Response:
    """Reject a component: repeated without a key, this would be a second rejection."""
    path = f"/reuse/dossiers/{opened.uid}/components/parents-marriage/rejection"
    return await world.ask("POST", path, {"reason": reason}, key=key, **claims)


async def rejections(world: World, opened: Opened) -> int:
    """Count the events: the outbox is the seam."""
    return sum(kind == "reuse.rejected.v1" for kind, _ in await world.events(opened.uid))


async def kept(world: World, key: str) -> int:
    """Count what is kept under a key."""
    return await world.value(
        "SELECT count(*) FROM idempotency WHERE key_hash = $1", idempotency.sha256(key.encode()).digest()
    )


async def crashed(world: World, key: str, *, left: timedelta) -> None:
    """Leave behind what a process leaves that was killed while it collected."""
    await world.execute(
        "UPDATE idempotency SET status = NULL, answer = NULL, claimed_until = $2 WHERE key_hash = $1",
        idempotency.sha256(key.encode()).digest(), clock.now() + left,
    )  # fmt: skip


@asynccontextmanager
async def held_up(world: World, opened: Opened) -> AsyncGenerator[None]:
    """Let nobody change a dossier meanwhile."""
    async with world.db.transaction() as tx:
        await tx.execute("SELECT 1 FROM dossier WHERE dossier_uid = $1 FOR UPDATE", opened.uid)
        yield


async def _waits(world: World) -> bool:
    return await world.value("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")


@asynccontextmanager
async def dying_on_keeping(stack: Stack) -> AsyncGenerator[None]:
    """Let the server process die whenever an answer is to be kept: after the effect, before the commit."""
    owner = await Database.connect(stack.databases["reuse"].owner, max_size=1)
    async with owner.transaction() as tx:
        await tx.execute(
            """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
               CREATE TRIGGER die BEFORE INSERT ON idempotency FOR EACH ROW EXECUTE FUNCTION die()"""
        )
    try:
        yield
    finally:
        async with owner.transaction() as tx:
            await tx.execute("DROP TRIGGER die ON idempotency; DROP FUNCTION die")
        await owner.close()
