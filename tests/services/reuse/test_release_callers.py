"""Who asks for a release, by which token, proof and mandate; the route in front answers as the framework does."""

import json
from typing import Any
from uuid import UUID

import httpx2
import pytest

from services.reuse.domain.ids import DossierUid, PartyUid
from services.reuse.store.release import Finding, Wanted, authorise
from shared import clock, ids
from shared.tokens import Actor, AgencyRef, Caller, Mandate
from tests.services.reuse.conftest import ORIGIN, World, claims_of, code_of

pytestmark = pytest.mark.stack


async def test_R1_a_mandate_that_does_not_cover_the_procedure_gets_nothing(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    other = {"id": "m-1", "kind": "procedure", "procedures": ["1.000894"], "until": None}
    assert code_of(await world.release(opened, mandate=other)) == (403, "mandate_missing")


async def test_a_foreign_dossier_is_answered_as_a_missing_one(world: World) -> None:
    opened = await world.open()
    foreign = await world.release(opened, client_id="police-system", sub="police-system")
    missing = await world.ask("POST", f"/reuse/dossiers/{ids.new()}/releases", {"party_uid": opened.party("mother")})
    assert foreign.status_code == missing.status_code == 404
    assert _without_trace(foreign.json()) == _without_trace(missing.json())


async def test_a_login_releases_its_own_party_only(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    login: dict[str, Any] = {"dossier_uid": opened.uid, "sub": "pairwise-of-father", "actor": {"kind": "citizen"}}
    hers = await world.release(opened, **login, party_uid=opened.party("mother"))
    assert hers.status_code == 200
    his = await world.release(opened, **login, party_uid=opened.party("father"))
    assert code_of(his) == (404, "party_not_found")


async def test_a_proof_is_used_up_by_the_release_it_authorised_and_by_one_it_did_not(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    path, body = f"/reuse/dossiers/{opened.uid}/releases", {"party_uid": opened.party("mother")}
    now = clock.now()
    token = world.issuer.issue(world.holder, at=now, aud=f"{ORIGIN}/reuse")
    proof = world.holder.prove(token, at=now, htm="POST", htu=f"{ORIGIN}{path}")
    assert code_of(await world.send("POST", path, token, proof, body)) == (403, "evidence_not_held")
    await world.collect(opened)
    assert code_of(await world.send("POST", path, token, proof, body)) == (401, "invalid_dpop_proof")
    again = world.holder.prove(token, at=now, htm="POST", htu=f"{ORIGIN}{path}")
    await world.watermark()
    assert (await world.send("POST", path, token, again, body)).status_code == 200
    assert code_of(await world.send("POST", path, token, again, body)) == (401, "invalid_dpop_proof")


def _without_trace(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "trace_id"}


async def test_a_token_that_ends_while_the_statement_waits_authorises_nothing(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    await world.watermark()
    ended = Caller(
        client_id="justice-system", sub=None, subject_id=None, agency=AgencyRef("ag-000101", "UBND", "justice"),
        mandate=Mandate("m", "procedure", ("1.001193",), None), actor=Actor("officer", "off-7", "x"), dossier_uid=None,
        party_uid=None, attributes=(), token_id="t", expires_at=clock.now(), acr=None, auth_time=None,
    )  # fmt: skip
    wanted = Wanted(DossierUid(UUID(opened.uid)), PartyUid(UUID(opened.party("mother"))), None, ended)
    async with world.db.statement() as tx:
        found = await authorise(
            tx, release_id=ids.new(), event_id=ids.new(), wanted=wanted, proof=None, lease=world.parts.lease,
            unsealed_bound=world.parts.unsealed_bound, vouched=None, traceparent=None,
        )  # fmt: skip
    assert isinstance(found, Finding)
    assert not found.token_valid
    assert found.is_covered


@pytest.mark.parametrize("body", [{}, {"party_uid": 7}, {"party_uid": str(ids.new())}])
async def test_a_release_is_refused_alike_in_front_of_the_framework_and_behind(
    world: World, body: dict[str, Any]
) -> None:
    opened = await world.open()
    front, behind = [
        await _release_as(world, opened.uid, body, media) for media in (_PLAIN, f"{_PLAIN}; charset=utf-8")
    ]
    assert front.status_code == behind.status_code >= 400
    assert _without_trace(front.json()) == _without_trace(behind.json())
    assert front.headers.keys() == behind.headers.keys()


async def test_a_release_is_answered_alike_in_front_of_the_framework_and_behind(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    body = {"party_uid": opened.party("mother")}
    front, behind = [
        await _release_as(world, opened.uid, body, media) for media in (_PLAIN, f"{_PLAIN}; charset=utf-8")
    ]
    assert front.status_code == behind.status_code == 200
    assert front.json().keys() == behind.json().keys()
    assert front.headers.keys() == behind.headers.keys()
    assert claims_of(front)["verified_claims"] == claims_of(behind)["verified_claims"]


async def _release_as(world: World, dossier_uid: str, body: dict[str, Any], media: str) -> httpx2.Response:
    """Ask for a release by a body of this media type."""
    await world.watermark()
    path, now = f"/reuse/dossiers/{dossier_uid}/releases", clock.now()
    token = world.issuer.issue(world.holder, at=now, aud=f"{ORIGIN}/reuse")
    proof = world.holder.prove(token, at=now, htm="POST", htu=f"{ORIGIN}{path}")
    headers = {"authorization": f"DPoP {token}", "dpop": proof, "content-type": media}
    async with world.http() as http:
        return await http.post(path, content=json.dumps(body), headers=headers)


_PLAIN = "application/json"
