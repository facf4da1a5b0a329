"""A release goes out only under a grant and a holding that stand at that instant, journalled and told."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from infra.embedded.stack import Stack
from services.reuse.domain.ids import AttributeId
from tests.services.reuse.conftest import NGO_QUYEN, ORIGIN, SHOP, World, claims_of, code_of, released_attributes

pytestmark = pytest.mark.stack


async def test_R8_what_is_granted_and_held_goes_out_signed_and_the_journal_names_grant_and_holding(
    world: World,
) -> None:
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    await world.collect(opened)
    answer = await world.release(opened)
    claims = claims_of(answer)
    assert released_attributes(answer) == set(grant.attributes)
    assert claims["iss"] == f"{ORIGIN}/reuse"
    assert (claims["aud"], claims["sub"], claims["dossier_uid"]) == ("justice-system", grant.sub, opened.uid)
    released = [data for kind, data in await world.events(subject_id) if kind == "reuse.released.v1"]
    assert [each["release_id"] for each in released] == [answer.json()["release_id"]] == [claims["jti"]]
    assert released[0]["grant_ids"] == [str(grant.grant_id)]
    assert len(released[0]["holding_ids"]) == len(grant.attributes)
    journal = await world.value(
        "SELECT (grant_ids, cardinality(holding_ids))::text FROM release WHERE release_id = $1",
        answer.json()["release_id"],
    )
    assert str(grant.grant_id) in journal


async def test_a_release_verifies_with_the_published_key_and_carries_oidc_ida_verified_claims(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    answer = await world.release(opened, "mother-identity")
    async with world.http() as http:
        keys = KeySet.import_key_set((await http.get("/reuse/jwks")).json())
    signed = jws.deserialize_compact(answer.json()["release"], keys, algorithms=["ES256"])
    assert signed.headers()["typ"] == "release+jwt"
    by_claim = {name: each for each in claims_of(answer)["verified_claims"] for name in each["claims"]}
    assert by_claim["name"]["claims"] == {"name": "Phạm Thu Hòa"}
    assert by_claim["name"].keys() == {"verification", "claims"}
    assert by_claim["name"]["verification"]["trust_framework"] == "vn_eid"
    assert by_claim["name"]["verification"]["evidence"][0]["type"] == "electronic_record"


async def test_R8_without_a_grant_for_the_attribute_nothing_goes_out(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.arrives(replace(grant, version=2, attributes=grant.attributes[:1]))
    answer = await world.release(opened, "parents-marriage")
    assert code_of(answer) == (403, "grant_missing")
    assert answer.json()["errors"][0]["reason"] == "grant_missing"


async def test_R8_a_grant_for_one_agency_is_none_for_another_of_the_same_dossier(world: World) -> None:
    opened = await world.open(supporting="ag-000201")
    await world.mother(opened)
    await world.collect(opened)
    answer = await world.release(opened, "parents-marriage", agency=NGO_QUYEN)
    assert code_of(answer) == (403, "grant_for_another_agency")


async def test_R8_each_agency_of_a_dossier_releases_under_its_own_right_what_is_held_for_the_dossier(
    world: World,
) -> None:
    opened = await world.open(supporting="ag-000201")
    subject_id, receiving = await world.mother(opened)
    await world.collect(opened)
    plan = await world.plan(opened, agency=NGO_QUYEN)
    assert {plan[each]["outcome"] for each in ("mother-identity", "parents-marriage")} == {"awaiting_person"}
    supporting = replace(
        world.grant_of_law(opened, "mother", subject_id), agency_uid="ag-000201", sub="pairwise-at-supporting"
    )
    world.consent.grants[supporting.grant_id] = supporting  # decided, its event still on its way
    answer = await world.release(opened, "mother-identity", agency=NGO_QUYEN)
    assert claims_of(answer)["sub"] == supporting.sub
    released = [data for kind, data in await world.events(subject_id) if kind == "reuse.released.v1"]
    assert set(released[-1]["grant_ids"]) == {str(supporting.grant_id), str(receiving.grant_id)}
    assert (await world.plan(opened, agency=NGO_QUYEN))["mother-identity"]["outcome"] == "reusable"
    await world.ends(supporting, "ended")
    assert code_of(await world.release(opened, "mother-identity", agency=NGO_QUYEN)) == (403, "legal_basis_ended")
    assert claims_of(await world.release(opened, "mother-identity"))["sub"] == receiving.sub


async def test_R8_what_is_not_held_for_this_dossier_does_not_go_out(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "evidence_not_held")


async def test_R10_a_withdrawn_keeping_is_refused_while_what_stands_on_law_goes_on_and_says_why(world: World) -> None:
    first = await world.open()
    subject_id, grant = await world.mother(first)
    kept = world.retention(subject_id, "marriage.record")
    await world.arrives(kept)
    await world.collect(first)
    second = await world.open(facts={"parents_married": True})
    world.identity.knows(second.party("mother"), subject_id=subject_id)
    law = world.grant_of_law(second, "mother", subject_id)
    await world.arrives(law)
    before = await world.release(second, "parents-marriage")
    assert claims_of(before)["provenance"][0]["held"]["grant_id"] == str(kept.grant_id)
    await world.ends(kept)
    assert code_of(await world.release(second, "parents-marriage")) == (403, "keeping_withdrawn")
    on_law = claims_of(await world.release(first, "parents-marriage"))["provenance"][0]
    assert on_law["basis"]["kind"] == "legal_basis"
    assert on_law["basis"]["grant_id"] == str(grant.grant_id)
    assert on_law["basis"]["legal_refs"] == list(grant.legal_refs)


async def test_R10_a_withdrawn_consent_to_release_is_refused_and_the_citizen_is_named(world: World) -> None:
    opened = await world.open_shop()
    subject_id = world.identity.knows(opened.party("owner"))
    phone = replace(
        world.grant_of_law(opened, "owner", subject_id), kind="consent", rule_id=None, rule_version=None, letter=None,
        purpose_id="contact_by_phone", purpose_version=1, attributes=("person.phone",), legal_refs=(),
    )  # fmt: skip
    await world.arrives(phone)
    world.identity.holds_claims(opened.party("owner"), {"person.phone": "+84900000013"})
    await world.collect(opened, "owner", **SHOP)
    assert released_attributes(await world.release(opened, "contact-phone", role="owner", **SHOP)) == {"person.phone"}
    await world.ends(phone)
    refused = await world.release(opened, "contact-phone", role="owner", **SHOP)
    assert code_of(refused) == (403, "consent_withdrawn")
    assert refused.json()["fault"] == "citizen"


async def test_R11_a_legal_basis_that_has_ended_is_refused(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.ends(grant, "ended")
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "legal_basis_ended")


async def test_R11_the_day_a_rule_names_ends_it_without_any_event(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.execute("UPDATE grant_copy SET valid_until = clock_timestamp() WHERE grant_id = $1", grant.grant_id)
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "legal_basis_ended")


async def test_R3_a_dossier_that_was_received_is_released_to_until_it_is_closed(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    code = {"official_code": "H31.11-20261124-0000418"}
    assert (await world.ask("POST", f"/reuse/dossiers/{opened.uid}/receipt", code)).json()["state"] == "received"
    await world.collect(opened)
    assert (await world.release(opened)).status_code == 200


async def test_R3_a_closed_dossier_gets_nothing(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    closed = await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "granted"})
    assert closed.json()["state"] == "closed"
    assert code_of(await world.release(opened)) == (409, "dossier_closed")


async def test_R16_nothing_is_released_without_the_event_that_says_so(world: World, stack: Stack) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    owner = await asyncpg.connect(stack.databases["reuse"].owner)
    await owner.execute("ALTER TABLE outbox ADD CONSTRAINT full_up CHECK (type <> 'reuse.released.v1') NOT VALID")
    try:
        answer = await world.release(opened)
    finally:
        await owner.execute("ALTER TABLE outbox DROP CONSTRAINT full_up")
        await owner.close()
    assert code_of(answer) == (500, "internal_error")
    counted = "SELECT count(*) FROM release WHERE dossier_uid = $1"
    assert await world.value(counted, UUID(opened.uid)) == 0
    assert (await world.release(opened)).status_code == 200
    assert await world.value(counted, UUID(opened.uid)) == 1


async def test_a_use_budget_is_spent_and_then_refused_also_when_many_ask_at_once(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.arrives(replace(grant, version=2, use_budget=3))
    answers = await asyncio.gather(*(world.release(opened, "parents-marriage", fresh=False) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [403] * 5
    assert {code_of(answer)[1] for answer in answers if answer.status_code == 403} == {"grant_uses_spent"}
    assert await world.value("SELECT used FROM grant_use WHERE grant_id = $1", grant.grant_id) == 3


async def test_evidence_that_is_too_old_for_the_component_does_not_go_out(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    await world.execute(
        "UPDATE evidence SET verified_at = clock_timestamp() - interval '91 days' WHERE subject_id = $1", subject_id
    )
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "evidence_stale")


async def test_without_component_ids_all_that_can_go_out_goes_and_nothing_else(world: World) -> None:
    world.registries.outcomes["civil-status"] = "not_found"
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    answer = await world.release(opened)
    assert "parents-marriage" not in answer.json()["components"]
    assert "mother-identity" in answer.json()["components"]


async def test_a_component_of_another_party_or_a_paper_is_not_found(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    assert code_of(await world.release(opened, "father-identity")) == (404, "component_not_found")


async def test_R5_a_party_nobody_has_identified_gets_nothing(world: World) -> None:
    opened = await world.open()
    assert code_of(await world.release(opened, "father-identity", role="father")) == (409, "party_unidentified")


async def test_R3_a_draft_that_was_not_received_in_time_gets_nothing(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    await world.execute(
        """UPDATE dossier SET opened_at = now() - interval '2 days', dies_at = now() - interval '1 day'
           WHERE dossier_uid = $1""",
        opened.uid,
    )
    assert code_of(await world.release(opened)) == (409, "dossier_lapsed")


async def test_R15_evidence_kept_by_a_rule_goes_to_the_procedures_it_names_and_to_no_other(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    await world.execute(
        """UPDATE holding SET scope = 'legal_reuse', dossier_uid = NULL, grant_id = NULL, rule_id = 'keep',
                              rule_version = 1, procedures = '{1.001456}', until = now() + interval '1 day'
           WHERE subject_id = $1""",
        subject_id,
    )
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "evidence_not_held")
    await world.execute("UPDATE holding SET procedures = '{1.001193}' WHERE subject_id = $1", subject_id)
    told = claims_of(await world.release(opened, "parents-marriage"))["provenance"][0]["held"]
    assert (told["scope"], told["rule_id"], told["grant_id"]) == ("legal_reuse", "keep", None)


async def test_R8_a_grant_for_one_dossier_is_none_for_another_of_the_same_agency(world: World) -> None:
    first, second = await world.open(), await world.open()
    subject_id, _ = await world.mother(first)
    await world.arrives(world.retention(subject_id, "marriage.record"))
    await world.collect(first)
    world.identity.knows(second.party("mother"), subject_id=subject_id)
    assert code_of(await world.release(second, "parents-marriage")) == (403, "grant_missing")


async def test_R8_a_consent_to_keep_holds_only_what_it_still_names(world: World) -> None:
    first, second = await world.open(), await world.open()
    subject_id, _ = await world.mother(first)
    kept = world.retention(subject_id, "marriage.record")
    await world.arrives(kept)
    await world.collect(first)
    world.identity.knows(second.party("mother"), subject_id=subject_id)
    await world.arrives(world.grant_of_law(second, "mother", subject_id))
    assert (await world.release(second, "parents-marriage")).status_code == 200
    await world.arrives(replace(kept, version=2, attributes=(AttributeId("person.sex"),)))
    assert code_of(await world.release(second, "parents-marriage")) == (403, "evidence_not_held")


async def test_evidence_that_is_not_sure_enough_for_the_component_does_not_go_out(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    await world.execute("UPDATE evidence SET value_grade = 'L1' WHERE subject_id = $1", subject_id)
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "evidence_stale")
    assert (await world.release(opened, "mother-identity")).status_code == 200
