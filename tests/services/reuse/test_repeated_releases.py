"""A release under an Idempotency-Key: a repeat is judged now, carries the same evidence, and spends nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from services.reuse.domain.grant import Grant
from shared import clock
from tests.services.reuse.conftest import NGO_QUYEN, Opened, World, claims_of, code_of
from tests.shared.conftest import until

pytestmark = pytest.mark.stack


async def collected(world: World) -> tuple[Opened, UUID, Grant]:
    """Open a dossier and collect for the mother."""
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    await world.collect(opened)
    return opened, subject_id, grant


async def released(world: World, subject_id: UUID) -> list[Any]:
    """Return what was told of releases of a subject."""
    return [data for kind, data in await world.events(subject_id) if kind == "reuse.released.v1"]


def content(answer: httpx2.Response) -> Any:
    """Return what a release is about, without when and under which number it was sent."""
    claims = claims_of(answer)
    return {name: claims[name] for name in ("aud", "sub", "components", "grant_ids", "verified_claims", "provenance")}


async def test_a_repeat_carries_the_same_evidence_and_is_journalled_as_one(world: World) -> None:
    opened, subject_id, _ = await collected(world)
    key = str(uuid4())
    first = await world.release(opened, key=key)
    again = await world.release(opened, key=key)
    assert first.status_code == again.status_code == 200
    assert content(again) == content(first)
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert (first.json()["replay_of"], again.json()["replay_of"]) == (None, first.json()["release_id"])
    assert [(each["release_id"], each["replay_of"]) for each in await released(world, subject_id)] == [
        (first.json()["release_id"], None),
        (again.json()["release_id"], first.json()["release_id"]),
    ]
    assert await world.value("SELECT count(*) FROM release WHERE replay_of::text = $1", first.json()["release_id"]) == 1


async def test_a_repeat_says_anew_when_it_was_released(world: World) -> None:
    opened, *_ = await collected(world)
    key = str(uuid4())
    first = await world.release(opened, key=key)
    again = await world.release(opened, key=key)
    assert claims_of(again)["released_at"] > claims_of(first)["released_at"]
    assert claims_of(again)["authorised_at"] > claims_of(first)["released_at"]


async def test_a_repeat_carries_the_versions_that_went_out_though_there_are_newer_ones(world: World) -> None:
    opened, subject_id, _ = await collected(world)
    key = str(uuid4())
    first = await world.release(opened, "parents-marriage", key=key)
    await world.execute(
        """WITH newer AS (
             INSERT INTO evidence (evidence_id, subject_id, attribute, version, sealed, digest, origin, source,
                                   verified_at, level, value_grade, valid_until, data_class, dossier_uid, made_at)
             SELECT gen_random_uuid(), subject_id, attribute, version + 1, sealed, digest, origin, source,
                    clock_timestamp(), level, value_grade, valid_until, data_class, dossier_uid, made_at
             FROM evidence WHERE subject_id = $1 RETURNING evidence_id, attribute)
           INSERT INTO holding (holding_id, evidence_id, subject_id, scope, dossier_uid, grant_id, rule_id,
                                rule_version, legal_refs, procedures, until, made_at)
           SELECT gen_random_uuid(), n.evidence_id, h.subject_id, h.scope, h.dossier_uid, h.grant_id, h.rule_id,
                  h.rule_version, h.legal_refs, h.procedures, h.until, h.made_at
           FROM newer n JOIN evidence e USING (attribute) JOIN holding h ON h.evidence_id = e.evidence_id
           WHERE e.subject_id = $1""",
        subject_id,
    )
    again = await world.release(opened, "parents-marriage", key=key)
    assert content(again) == content(first)


async def test_R10_a_repeat_after_the_right_has_ended_releases_nothing(world: World) -> None:
    opened, subject_id, grant = await collected(world)
    key = str(uuid4())
    assert (await world.release(opened, "parents-marriage", key=key)).status_code == 200
    await world.ends(grant, "ended")
    assert code_of(await world.release(opened, "parents-marriage", key=key)) == (403, "legal_basis_ended")
    assert len(await released(world, subject_id)) == 1


async def test_R9_a_repeat_after_the_evidence_was_deleted_releases_nothing(world: World) -> None:
    opened, subject_id, _ = await collected(world)
    key = str(uuid4())
    await world.release(opened, "parents-marriage", key=key)
    await world.execute("DELETE FROM evidence WHERE subject_id = $1", subject_id)
    assert code_of(await world.release(opened, "parents-marriage", key=key)) == (403, "evidence_not_held")


async def test_I2_a_repeat_needs_a_fresh_word_of_consent_too(world: World) -> None:
    opened, *_ = await collected(world)
    key = str(uuid4())
    await world.release(opened, key=key)
    await world.watermark(seconds_ago=5)
    world.consent.down = True
    assert code_of(await world.release(opened, key=key, fresh=False)) == (503, "consent_status_unknown")


async def test_a_repeat_spends_no_use_and_needs_none(world: World) -> None:
    opened, _, grant = await collected(world)
    await world.arrives(replace(grant, version=2, use_budget=2))
    used, key = "SELECT used FROM grant_use WHERE grant_id = $1", str(uuid4())
    for _ in range(2):
        assert (await world.release(opened, "parents-marriage", key=key)).status_code == 200
    assert await world.value(used, grant.grant_id) == 1
    assert (await world.release(opened, "parents-marriage")).status_code == 200
    assert (await world.release(opened, "parents-marriage", key=key)).status_code == 200
    assert await world.value(used, grant.grant_id) == 2
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "grant_uses_spent")


async def test_a_release_that_was_withheld_can_be_repeated_without_a_second_use(world: World) -> None:
    opened, _, grant = await collected(world)
    await world.arrives(replace(grant, version=2, use_budget=1))
    key, parts = str(uuid4()), world.parts
    world.service.app.state.parts = replace(parts, lease=replace(parts.lease, commit_allowance=timedelta(seconds=-10)))
    await world.watermark(seconds_ago=2.6)
    withheld = await world.release(opened, "parents-marriage", key=key, fresh=False)
    world.service.app.state.parts = parts
    assert code_of(withheld) == (503, "consent_status_unknown")
    again = await world.release(opened, "parents-marriage", key=key)
    assert again.status_code == 200
    assert await world.value("SELECT used FROM grant_use WHERE grant_id = $1", grant.grant_id) == 1


async def test_what_could_go_out_only_later_is_not_part_of_a_repeat(world: World) -> None:
    opened, *_ = await collected(world)
    await world.execute("UPDATE evidence SET value_grade = 'L1' WHERE attribute = 'marriage.record'")
    key = str(uuid4())
    first = await world.release(opened, key=key)
    await world.execute("UPDATE evidence SET value_grade = 'L4' WHERE attribute = 'marriage.record'")
    assert (await world.release(opened, key=key)).json()["components"] == first.json()["components"]
    assert "parents-marriage" in (await world.release(opened)).json()["components"]


async def test_another_body_under_the_key_is_refused(world: World) -> None:
    opened, *_ = await collected(world)
    key = str(uuid4())
    await world.release(opened, key=key)
    assert code_of(await world.release(opened, "parents-marriage", key=key)) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("change", [
    {"agency": NGO_QUYEN},
    {"actor": {"kind": "officer", "ref": "off-8", "position": "Công chức"}},
])  # fmt: skip
async def test_I8_a_release_is_repeated_to_no_other_right(world: World, change: dict[str, Any]) -> None:
    opened, *_ = await collected(world)
    key = str(uuid4())
    await world.release(opened, key=key)
    assert code_of(await world.release(opened, key=key, **change)) == (422, "idempotency_key_reused")


async def test_a_key_of_one_client_says_nothing_to_another(world: World) -> None:
    opened, *_ = await collected(world)
    key = str(uuid4())
    await world.release(opened, key=key)
    foreign = await world.release(opened, key=key, client_id="police-system", sub="police-system")
    assert code_of(foreign) == (404, "dossier_not_found")


async def test_a_refused_release_keeps_nothing_under_its_key(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    key = str(uuid4())
    assert code_of(await world.release(opened, "parents-marriage", key=key)) == (403, "evidence_not_held")
    await world.collect(opened)
    done = await world.release(opened, "parents-marriage", key=key)
    assert (done.status_code, done.json()["replay_of"]) == (200, None)


async def test_a_repeat_while_the_first_is_worked_on_is_told_so(world: World) -> None:
    opened, _, grant = await collected(world)
    key = str(uuid4())
    await world.watermark()
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE grant_copy SET version = 2 WHERE grant_id = $1", grant.grant_id)
        first = asyncio.create_task(world.release(opened, key=key, fresh=False))
        await until(lambda: _waits(world))
        assert code_of(await world.release(opened, key=key, fresh=False)) == (409, "request_in_flight")
    assert (await first).status_code == 200


async def test_a_proof_is_used_up_by_a_repeat(world: World) -> None:
    opened, *_ = await collected(world)
    path, body, now = f"/reuse/dossiers/{opened.uid}/releases", {"party_uid": opened.party("mother")}, clock.now()
    token = world.issuer.issue(world.holder, at=now, aud="http://localhost:8080/reuse")
    proof = world.holder.prove(token, at=now, htm="POST", htu=f"http://localhost:8080{path}")
    headers = {"authorization": f"DPoP {token}", "dpop": proof, "idempotency-key": f'"{uuid4()}"'}
    async with world.http() as http:
        assert (await http.post(path, json=body, headers=headers)).status_code == 200
        assert code_of(await http.post(path, json=body, headers=headers)) == (401, "invalid_dpop_proof")


async def test_I6_of_a_release_only_its_number_is_kept(world: World) -> None:
    opened, *_ = await collected(world)
    answer = await world.release(opened, key=str(uuid4()))
    kept = await world.value("SELECT convert_from(answer, 'UTF8') FROM idempotency ORDER BY asked_at DESC LIMIT 1")
    assert kept == f'{{"release_id":"{answer.json()["release_id"]}"}}'


async def _waits(world: World) -> bool:
    return bool(
        await world.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'")
    )
