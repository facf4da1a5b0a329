"""Claims that no event has let be collected yet: consent is asked, and its word followed as its events (ADR 0016)."""

from datetime import timedelta

import pytest

from shared import clock, ids
from shared.events import written
from tests.services.identity import doubles
from tests.services.identity.claiming import asked, collect, confirm, lose_number, make_grant, tell
from tests.services.identity.conftest import World
from tests.services.identity.test_checks import place
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def test_a_login_whose_requests_number_was_lost_is_not_answered_by_what_she_said_long_ago(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    await lose_number(world, request)
    long_ago = written(clock.now() - timedelta(days=31))
    world.consent.grants.append(
        make_grant("person.pin", **request | {"request_id": str(ids.new())}, valid_from=long_ago)
    )
    claims_id = (await world.who_is(details))["claims"][0]["claims_id"]
    assert (await collect(world, claims_id)).json()["code"] == "claims_not_granted"
    assert (await world.who_is(details))["claims"][0]["state"] == "held"


async def test_a_right_that_no_event_has_told_of_is_asked_of_consent(world: World) -> None:
    """A broker that is away holds events back for as long as it likes; the officer at the counter goes on."""
    dossier, person = world.dossier(), make_person()
    await world.check(world.city(), dossier, person)
    who = await world.who_is(place(dossier))
    claims_id = who["claims"][0]["claims_id"]
    assert (await collect(world, claims_id)).json()["code"] == "claims_not_granted"
    some = make_grant("person.pin", subject_id=who["subject_id"], **place(dossier))
    rest = make_grant("person.full_name", "person.birth_date", subject_id=who["subject_id"], **place(dossier))
    keep = make_grant("person.pin", subject_id=who["subject_id"], **place(dossier), scope="retention")
    await tell(world, "consent.granted.v1", grant=some)
    (shown,) = (await world.who_is(place(dossier)))["claims"]  # with what waits: reuse asks for a right to all of it
    assert shown["attributes"] == ["person.birth_date", "person.full_name", "person.pin"]
    world.consent.grants += [some, rest, keep]
    told = (await collect(world, claims_id)).json()["attributes"]
    assert told.keys() == {"person.pin", "person.full_name", "person.birth_date"}
    assert await confirm(world, claims_id) == 204
    await tell(world, "consent.granted.v1", grant=rest)  # its event comes in the end, and changes nothing
    assert (await world.who_is(place(dossier)))["claims"][0]["state"] == "collected"
    assert [name for name, _ in await world.events(who["subject_id"])].count("claims-verified") == 2


async def test_a_consent_that_no_event_has_told_of_binds_who_gave_it(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    world.consent.grants.append(make_grant("person.pin", **request))
    claims_id = (await world.who_is(details))["claims"][0]["claims_id"]
    assert (await collect(world, claims_id)).json()["attributes"].keys() == {"person.pin"}
    assert (await world.who_is(details))["state"] == "bound"


async def test_while_consent_is_away_too_nobody_says_that_nothing_is_granted(world: World) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    claims_id = (await world.who_is(place(dossier)))["claims"][0]["claims_id"]
    world.consent.down = True
    refused = await collect(world, claims_id)
    assert (refused.status_code, refused.json()["retryable"]) == (503, True)


async def test_what_consent_tells_of_somebody_else_is_not_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    who = await world.who_is(place(dossier))
    world.consent.grants.append(make_grant("person.pin", subject_id=str(ids.new()), **place(dossier)))
    monkeypatch.setattr(doubles, "_is_asked_for", lambda *_: True)  # pyright: ignore
    assert (await collect(world, who["claims"][0]["claims_id"])).status_code == 500
    assert (await world.who_is(place(dossier)))["claims"][0]["state"] == "held"


async def test_I12_a_consent_of_the_release_before_tells_by_event_alone(world: World) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    who = await world.who_is(place(dossier))
    claims_id = who["claims"][0]["claims_id"]
    world.consent.older = True
    assert (await collect(world, claims_id)).json()["code"] == "claims_not_collectable"
    some = make_grant("person.pin", subject_id=who["subject_id"], **place(dossier))
    await tell(world, "consent.granted.v1", grant=some)
    assert (await collect(world, claims_id)).json()["attributes"].keys() == {"person.pin"}
