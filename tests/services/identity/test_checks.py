"""The officer's check: a card at the counter, a known number with another name, a newcomer nobody has confirmed."""

import asyncio
from typing import Any

import pytest

from services.identity.consumer import make_handlers
from shared import clock, ids
from shared.db import DatabaseUnavailable, Tx
from shared.events import Event
from tests.services.identity.city import officer
from tests.services.identity.conftest import World
from tests.services.identity.vneid import Person, make_person
from tests.shared.credentials import ORIGIN

pytestmark = pytest.mark.stack


def place(dossier: dict[str, Any]) -> dict[str, Any]:
    """Name the first party of a dossier."""
    return {"dossier_uid": dossier["dossier_uid"], "party_uid": dossier["parties"][0]["party_uid"]}


async def looked_up(world: World, subject_id: str, **changes: Any) -> None:
    """Let the population database have answered."""
    data = {"subject_id": subject_id, "outcome": "found", "identification": True} | changes
    event = world.received("reuse.looked-up.v1", data)
    async with world.tx() as tx:
        await make_handlers(world.parts)["reuse.looked-up.v1"](tx, event)


async def known(world: World, person: Person) -> str:
    """Make a person known by a login; return her subject id."""
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.log_in(browser, details, person)
    return (await world.who_is(details))["subject_id"]


async def test_a_card_binds_the_party_for_good_and_its_keys_wait_to_be_granted(world: World) -> None:
    """R4 and R16, accepting: who was shown is the party, without a browser."""
    dossier, person = world.dossier(), make_person()
    answer = await world.check(world.city(), dossier, person)
    assert answer.status_code == 201, answer.text
    who = await world.who_is(place(dossier))
    assert answer.json() == {
        "check_id": answer.json()["check_id"],
        "sub": who["sub"],
        "provisional": True,
        "capacity": "self",
    }
    assert who["subject_id"] not in answer.text
    assert (who["state"], who["identified_by"], who["provisional"]) == ("bound", "officer_check", True)
    assert [(each["source"], each["state"]) for each in who["claims"]] == [("officer_check", "held")]
    ((name, data),) = await world.events(who["subject_id"])
    assert name == "party-identified"
    assert data["actor"] == {"kind": "officer", "ref": "off-7", "position": "Công chức tư pháp - hộ tịch"}
    assert data["provisional"] is True


async def test_a_known_number_with_its_own_name_is_the_person_who_once_logged_in(world: World) -> None:
    person = make_person(name="Phạm Thu Hòa")
    subject = await known(world, person)
    dossier = world.dossier()
    card = Person(pin=person.pin, name="PHẠM  THU HOÀ", born=person.born)  # capitals, the other way to place the tone
    answer = await world.check(world.city(), dossier, card)
    assert answer.status_code == 201, answer.text
    assert answer.json()["provisional"] is False
    assert (await world.who_is(place(dossier)))["subject_id"] == subject


@pytest.mark.parametrize(
    "change", [{"full_name": "Phạm Thu Hoa"}, {"birth_date": "1994-03-13"}, {"birth_date": "1993"}]
)
async def test_a_known_number_with_another_name_or_date_is_nobody(world: World, change: dict[str, str]) -> None:
    person, dossier = make_person(), world.dossier()
    await known(world, person)
    answer = await world.check(world.city(), dossier, person, **change)
    assert (answer.status_code, answer.json()["code"]) == (409, "identification_mismatch")
    assert person.pin not in answer.text
    assert (await world.who_is(place(dossier)))["state"] == "none"


async def test_a_card_that_leads_to_nobody_is_told_with_its_officer_and_whose_number_it_is(world: World) -> None:
    person, dossier = make_person(), world.dossier()
    subject = await known(world, person)
    for born in ("1990", "1991"):
        answer = await world.check(world.city(), dossier, person, birth_date=born)
        assert answer.json()["code"] == "identification_mismatch"
    told = [data for name, data in await world.events(subject) if name == "check-failed"]
    assert [(each["reason"], each["method"], each["subject_id"]) for each in told] == [
        ("identification_mismatch", "card_shown", subject)
    ] * 2
    assert told[0]["actor"] == {"kind": "officer", "ref": "off-7", "position": "Công chức tư pháp - hộ tịch"}
    assert told[0]["check_id"] != told[1]["check_id"]
    assert {key: told[0][key] for key in place(dossier)} == place(dossier)
    assert person.pin not in str(told)


async def test_a_mismatch_that_cannot_be_told_is_not_said_either(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody learns by trying what the log does not hold."""
    person, dossier = make_person(), world.dossier()
    await known(world, person)

    async def is_down(tx: Tx, event: Event) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr("services.identity.service.checks.outbox.append", is_down)
    answer = await world.check(world.city(), dossier, person, birth_date="1990")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def test_a_newcomer_is_confirmed_when_the_population_database_finds_her(world: World) -> None:
    """R5: a newborn is nobody until an officer identifies it by its new number."""
    dossier, child = world.dossier(), make_person(born="20261102", name="Nguyễn Phạm Minh An")
    assert (await world.check(world.city(), dossier, child)).json()["capacity"] == "representative"
    subject = (await world.who_is(place(dossier)))["subject_id"]
    for no_confirmation in ({"outcome": "mismatch"}, {"identification": False}):
        await looked_up(world, subject, **no_confirmation)
        assert (await world.who_is(place(dossier)))["provisional"] is True
    await looked_up(world, subject)
    assert (await world.who_is(place(dossier)))["provisional"] is False


async def test_until_somebody_confirms_her_the_next_look_replaces_the_keys(world: World) -> None:
    dossier, mistyped = world.dossier(), make_person(name="Nguyen Minh An")
    await world.check(world.city(), dossier, mistyped)
    answer = await world.check(world.city(), dossier, mistyped, full_name="Nguyễn Minh An")
    assert answer.status_code == 201
    who = await world.who_is(place(dossier))
    assert [each["state"] for each in who["claims"]] == ["held", "discarded"]
    assert [data["reason"] for name, data in await world.events(who["subject_id"]) if name == "claims-discarded"] == [
        "replaced"
    ]
    await looked_up(world, who["subject_id"])
    again = await world.check(world.city(), dossier, mistyped)
    assert again.json()["code"] == "identification_mismatch"


async def test_her_own_login_confirms_a_newcomer(world: World) -> None:
    dossier, person = world.dossier(), make_person()
    await world.check(world.city(), dossier, person, full_name="Somebody Else")
    subject = (await world.who_is(place(dossier)))["subject_id"]
    assert await known(world, person) == subject
    assert (await world.who_is(place(dossier)))["provisional"] is False


async def test_a_party_that_is_somebody_else_is_not_rebound_by_a_card(world: World) -> None:
    """R4, refusing."""
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    answer = await world.check(world.city(), dossier, make_person())
    assert (answer.status_code, answer.json()["code"]) == (409, "party_mismatch")
    same = make_person()
    await world.check(world.city(), world.dossier(), same)
    other = await world.check(world.city(), dossier, same, party_uid=dossier["parties"][1]["party_uid"])
    assert other.status_code == 201
    twice = await world.check(world.city(), dossier, same)
    assert twice.json()["code"] == "party_mismatch"


@pytest.mark.parametrize(
    ("dossier", "status", "code"),
    [
        ({"client_id": "business-system"}, 404, "dossier_not_found"),
        ({"state": "closed"}, 409, "dossier_closed"),
        ({"procedure": "1.001612"}, 403, "mandate_missing"),
        ({"receiving": {"uid": "ag-000201", "name": "n"}, "competent": {"uid": "ag-000201", "name": "n"}},
         403, "agency_not_of_dossier"),
    ],
)  # fmt: skip
async def test_an_officer_identifies_only_in_her_agencys_open_dossiers(
    world: World, dossier: dict[str, Any], status: int, code: str
) -> None:
    """R1 and R3, refusing."""
    answer = await world.check(world.city(), world.dossier(**dossier), make_person())
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_party_or_dossier_that_is_not_there_is_not_found(world: World) -> None:
    dossier = world.dossier()
    answers = [
        await world.check(world.city(), dossier, make_person(), party_uid=str(ids.new())),
        await world.check(world.city(), dossier, make_person(), dossier_uid=str(ids.new())),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (404, "party_not_found"),
        (404, "dossier_not_found"),
    ]


async def test_a_machine_looks_at_no_card(world: World) -> None:
    city, path = world.city(), "/identity/checks"
    async with world.http() as http:
        machine = officer(actor={"kind": "automated"})
        token = (await city.work(http, machine, resource=f"{ORIGIN}/identity")).json()["access_token"]
        proof = city.holder.prove(token, at=clock.now(), htm="POST", htu=ORIGIN + path)
        body = {**place(world.dossier()), "method": "card_shown", "pin": make_person().pin, "full_name": "A B",
                "birth_date": "1994"}  # fmt: skip
        answer = await http.post(path, json=body, headers={"authorization": f"DPoP {token}", "dpop": proof})
    assert (answer.status_code, answer.json()["code"]) == (403, "officer_needed")


@pytest.mark.parametrize(
    "change",
    [
        {"pin": "03219400421"},
        {"pin": 32194004217},
        {"pin": "٠٣٢١٩٤٠٠٤٢١٧"},
        {"birth_date": "1994-02-31"},
        {"birth_date": "12/03/1994"},
        {"full_name": ""},
        {"full_name": "A\u0000B"},
        {"full_name": "x" * 101},
        {"method": "hearsay"},
        {"dossier_uid": "1"},
        {"unknown": 1},
    ],
)
async def test_a_check_that_cannot_be_meant_is_refused_without_an_echo(world: World, change: dict[str, Any]) -> None:
    person = make_person()
    answer = await world.check(world.city(), world.dossier(), person, **change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["fault"] == "client"
    assert person.pin not in answer.text
    assert person.name not in answer.text


async def test_many_looks_at_one_new_number_at_once_make_one_citizen(world: World) -> None:
    person, city = make_person(), world.city()
    dossiers = [world.dossier() for _ in range(6)]
    answers = await asyncio.gather(*(world.check(city, each, person) for each in dossiers))
    assert [each.status_code for each in answers] == [201] * 6
    assert len({(await world.who_is(place(each)))["subject_id"] for each in dossiers}) == 1


async def test_nothing_of_a_check_is_readable_in_the_database(world: World) -> None:
    person, dossier = make_person(name="Người Rất Dễ Thấy"), world.dossier()
    await world.check(world.city(), dossier, person)
    async with world.db.read() as tx:
        for table in ("citizen", "party", "claims", "claim_value", "officer_check", "outbox"):
            rows = await tx.fetch(f"SELECT row_to_json(t)::text AS row FROM {table} t")  # noqa: S608 - our own names
            text = " ".join(row["row"] for row in rows)
            assert person.pin not in text
            assert person.name not in text
            assert person.pin.encode().hex() not in text
