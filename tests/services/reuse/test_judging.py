"""The officer's verdicts, the papers that were not asked for, and the result."""

from typing import Any
from uuid import UUID

import pytest

from tests.services.reuse.conftest import NGO_QUYEN, Opened, World, code_of, released_attributes
from tests.services.reuse.doubles import PERSON

pytestmark = pytest.mark.stack
CERTIFICATE = {
    "certificate_no": "45/2026",
    "registered_on": "2026-11-24",
    "registered_by": "UBND phường Hồng An",
    "full_name": "Nguyễn Phạm Minh An",
    "birth_date": "2026-11-02",
    "sex": "female",
    "birth_place": "Bệnh viện Mẫu",
}


async def released(world: World) -> Opened:
    """Open, collect and release for the mother."""
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    assert (await world.release(opened)).status_code == 200
    return opened


async def papers(world: World, opened: Opened) -> int:
    """Return how many papers were not asked for."""
    return (await world.ask("GET", f"/reuse/dossiers/{opened.uid}")).json()["papers"]["not_asked_for"]


async def test_R14_a_paper_counts_as_not_asked_for_only_once_its_component_is_accepted(world: World) -> None:
    opened = await released(world)
    assert await papers(world, opened) == 0
    answer = await world.judge(opened, "parents-marriage")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted")
    assert answer.json()["release_id"] is not None
    assert await papers(world, opened) == 1
    kind, told = (await world.events(opened.uid))[-1]
    assert (kind, told["component_id"], told["reason"]) == ("reuse.accepted.v1", "parents-marriage", None)


async def test_R14_a_paper_that_was_handed_in_and_accepted_does_not_count(world: World) -> None:
    opened = await released(world)
    assert (await world.judge(opened, "father-identity")).json()["release_id"] is None
    assert await papers(world, opened) == 0


async def test_R14_a_rejected_component_does_not_count_and_may_be_accepted_later(world: World) -> None:
    opened = await released(world)
    assert (await world.judge(opened, "parents-marriage", "rejection")).json()["reason"] == "record_ended"
    assert await papers(world, opened) == 0
    assert (await world.judge(opened, "parents-marriage")).status_code == 200
    assert code_of(await world.judge(opened, "parents-marriage", "rejection")) == (409, "component_already_accepted")
    assert [kind for kind, _ in await world.events(opened.uid)][-2:] == ["reuse.rejected.v1", "reuse.accepted.v1"]


@pytest.mark.parametrize("claims", [{"actor": {"kind": "automated"}}, {"agency": NGO_QUYEN}])
async def test_R14_only_an_officer_of_the_receiving_agency_judges(world: World, claims: dict[str, Any]) -> None:
    opened = await world.open(competent="ag-000201")
    assert code_of(await world.judge(opened, "parents-marriage", **claims)) == (403, "officer_needed")


async def test_what_says_why_or_how_is_words_and_never_somebodys_number(world: World) -> None:
    opened = await world.open()
    rejection = f"/reuse/dossiers/{opened.uid}/components/parents-marriage/rejection"
    for number in ("032194004217", "x_0900000011", "1"):
        for path, body in (
            (rejection, {"reason": number}),
            (f"/reuse/dossiers/{opened.uid}/closure", {"outcome": number}),
        ):
            assert code_of(await world.ask("POST", path, body)) == (422, "invalid_request")
    assert [kind for kind, _ in await world.events(opened.uid)] == ["reuse.dossier-opened.v1"]


async def test_what_the_procedure_does_not_ask_cannot_be_judged(world: World) -> None:
    opened = await world.open()
    assert code_of(await world.judge(opened, "no-such-thing")) == (404, "component_not_found")


async def test_R15_the_competent_agency_deposits_the_result_and_it_is_kept_for_what_its_rule_names(
    world: World,
) -> None:
    opened = await world.open()
    subject_id = world.identity.knows(opened.party("child"), identified_by="officer_check")
    answer = await deposit(world, opened)
    assert answer.status_code == 201
    ((kind, told),) = await world.events(subject_id)
    assert (kind, told["attribute"], told["evidence_id"]) == (
        "reuse.deposited.v1", "birth.certificate", answer.json()["evidence_id"],
    )  # fmt: skip
    scope, procedures = await _holding(world, subject_id)
    assert scope == "legal_reuse"
    assert "1.001456" in procedures
    await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "granted"})
    assert await _holding(world, subject_id) == (scope, procedures)  # closing ends no rule (R9)


async def test_R15_no_other_agency_deposits(world: World) -> None:
    opened = await world.open(competent="ag-000201")
    world.identity.knows(opened.party("child"))
    assert code_of(await deposit(world, opened)) == (403, "not_competent")


async def test_R15_a_result_serves_no_procedure_its_rule_does_not_name(world: World) -> None:
    opened = await world.open()
    subject_id = world.identity.knows(opened.party("child"), identified_by="officer_check")
    await deposit(world, opened)
    law = world.grant_of_law(opened, "child", subject_id)
    await world.arrives(law)
    assert "birth.certificate" not in law.attributes
    assert code_of(await world.release(opened, role="child")) == (403, "evidence_not_held")


async def test_R5_a_newborn_is_identified_confirmed_and_gets_its_certificate(world: World) -> None:
    opened = await world.open(channel="counter")
    child = opened.party("child")
    assert code_of(await deposit(world, opened)) == (409, "party_unidentified")
    subject_id = world.identity.knows(child, identified_by="officer_check", provisional=True, capacity="representative")
    keys = {key: PERSON[key] for key in ("person.pin", "person.full_name", "person.birth_date")}
    world.identity.holds_claims(child, keys, source="officer_check")
    await world.arrives(world.grant_of_law(opened, "child", subject_id))
    assert code_of(await deposit(world, opened)) == (409, "party_unconfirmed")  # nothing was collected yet
    assert (await world.collect(opened, "child"))["child-identity"]["outcome"] == "reusable"
    told = [data for kind, data in await world.events(subject_id) if kind == "reuse.looked-up.v1"]
    assert (told[-1]["identification"], told[-1]["outcome"]) == (True, "found")
    assert (await deposit(world, opened)).status_code == 201  # also while identity has yet to hear of it
    assert released_attributes(await world.release(opened, role="child")) == set(keys)


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ("unavailable", "found", (201, None)),
        ("unavailable", "unavailable", (409, "party_provisional")),
        ("mismatch", "mismatch", (409, "party_unconfirmed")),
    ],
    ids=["the register was away", "the register stays away", "the register knows another"],
)
async def test_R5_a_deposit_has_a_newborn_confirmed_whom_the_register_did_not_answer_for(
    world: World, first: str, then: str, told: tuple[int, str | None]
) -> None:
    opened = await world.open(channel="counter")
    child = opened.party("child")
    subject_id = world.identity.knows(child, identified_by="officer_check", provisional=True, capacity="representative")
    keys = {key: PERSON[key] for key in ("person.pin", "person.full_name", "person.birth_date")}
    world.identity.holds_claims(child, keys, source="officer_check")
    await world.arrives(world.grant_of_law(opened, "child", subject_id))
    world.registries.outcomes["population"] = first
    assert (await world.collect(opened, "child"))["child-identity"]["outcome"] == "reusable"  # by the card alone
    world.registries.outcomes["population"] = then
    answer = await deposit(world, opened)
    assert (answer.status_code, None if answer.status_code == 201 else answer.json()["code"]) == told


@pytest.mark.parametrize(("change", "status", "code"), [
    ({"result_type": "KQ.G15.000038"}, 422, "result_unknown"),
    ({"value": {"certificate_no": "45/2026"}}, 422, "value_invalid"),
    ({"party": "mother"}, 422, "result_unknown"),
    ({"value": CERTIFICATE | {"birth_place": "Bệnh viện\0Mẫu"}}, 422, "invalid_request"),
])  # fmt: skip
async def test_a_result_that_the_map_does_not_know_is_refused(
    world: World, change: dict[str, Any], status: int, code: str
) -> None:
    opened = await world.open()
    world.identity.knows(opened.party("child"))
    answer = await deposit(world, opened, **change)
    assert code_of(answer) == (status, code)
    assert "45/2026" not in answer.text


@pytest.mark.parametrize(("value", "pointers"), [
    ({"certificate_no": "45/2026"}, {"/value"}),
    (CERTIFICATE | {"birth_date": "hôm qua"}, {"/value/birth_date"}),
    (CERTIFICATE | {"sex": 1, "birth_date": None}, {"/value/sex", "/value/birth_date"}),
    ("45/2026", {"/value"}),
])  # fmt: skip
async def test_a_value_of_another_shape_is_pointed_at(world: World, value: Any, pointers: set[str]) -> None:
    opened = await world.open()
    world.identity.knows(opened.party("child"))
    answer = await deposit(world, opened, value=value)
    assert code_of(answer) == (422, "value_invalid")
    assert {each["pointer"] for each in answer.json()["errors"]} == pointers


async def test_a_result_is_deposited_once(world: World) -> None:
    opened = await world.open()
    world.identity.knows(opened.party("child"))
    assert (await deposit(world, opened)).status_code == 201
    assert code_of(await deposit(world, opened)) == (409, "result_exists")


async def deposit(world: World, opened: Opened, *, party: str = "child", **changes: Any) -> Any:
    """Deposit a birth certificate."""
    body = {"party_uid": opened.party(party), "result_type": "KQ.G15.000031", "value": CERTIFICATE} | changes
    return await world.ask("POST", f"/reuse/dossiers/{opened.uid}/results", body)


async def _holding(world: World, subject_id: UUID) -> tuple[str, list[str]]:
    async with world.db.read() as tx:
        row = await tx.fetchrow("SELECT scope, procedures FROM holding WHERE subject_id = $1", subject_id)
    assert row is not None
    return row["scope"], row["procedures"]
