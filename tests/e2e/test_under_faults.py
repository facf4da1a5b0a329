"""The main job against sources that fail: it still comes to its end, and no failure is named as somebody else's."""

import json
from collections import Counter
from typing import Any

import asyncpg
import pytest

from infra.client.browser import Page
from infra.client.examples import new_application
from infra.client.oauth import LoginFailed
from infra.demo.cast import Application, open_application
from infra.demo.patience import SOURCE_ERRORS, while_vneid_fails
from infra.demo.people import Person
from infra.embedded.keyring import SERVICES
from infra.embedded.laptop import Laptop
from tests.e2e.conftest import Hostile, Played
from tests.e2e.watching import misnamed, taken_back

pytestmark = pytest.mark.stack

ALWAYS_SAID = frozenset({"representation_required", "keeping_withdrawn"})
"""Refusals that the story provokes and that are rightly the citizen's."""


async def events(system: Laptop, service: str, type_: str) -> list[dict[str, Any]]:
    """Return what was told of one type, from the owner's outbox."""
    connection = await asyncpg.connect(system.stack.databases[service].owner)
    try:
        rows = await connection.fetch("SELECT data::text FROM outbox WHERE type = $1", type_)
    finally:
        await connection.close()
    return [json.loads(row["data"]) for row in rows]


async def test_the_whole_story_goes_as_it_is_told(hostile: Hostile, played: Played) -> None:
    assert played.differences == [], played.told
    seen = hostile.cast.watch.seen
    assert misnamed(iter(seen), citizens=ALWAYS_SAID) == []
    assert taken_back(iter(seen)) == {}
    assert {each.sent_back_with for each in seen} <= {None, *SOURCE_ERRORS}
    assert {event["fault"] for event in await events(hostile.cast.laptop, "identity", "identity.login-failed.v1")} <= {
        "source"
    }


async def test_the_sources_did_fail_meanwhile(hostile: Hostile, played: Played) -> None:
    """The positive control: without failures the test before would say nothing."""
    dealt = (await hostile.cast.http.get(f"{hostile.cast.laptop.ports.simulators_origin}/faults")).json()
    kinds = Counter(each["kind"] for each in dealt)
    assert sum(kinds.values()) > 10, kinds
    outcomes = Counter(event["outcome"] for event in await events(hostile.cast.laptop, "reuse", "reuse.looked-up.v1"))
    assert outcomes["found"] > 0
    assert outcomes["unavailable"] > 0


async def came_back_with(application: Application, person: Person, role: str) -> str:
    """Return the error a login ends with, once VNeID lets it."""

    async def once() -> str:
        flow = await application.begin_login(role)
        page: Page = await (person.refuse if person.persona in ("refuser", "revoked") else person.log_in)(
            flow.authorize_url
        )
        try:
            await application.office.system.finish_login(flow, page.url)
        except LoginFailed as failed:
            if failed.error in SOURCE_ERRORS:
                raise
            return failed.error
        return "none"

    return await while_vneid_fails(once)


@pytest.mark.parametrize(
    ("persona", "error"),
    [
        ("refuser", "access_denied"),
        ("revoked", "access_denied"),
        ("minor", "access_denied"),
        ("level_one", "unmet_authentication_requirements"),
    ],
)
async def test_what_is_hers_is_still_named_as_hers(hostile: Hostile, persona: str, error: str) -> None:
    application = await open_application(hostile.cast.justice, new_application("birth"))
    async with hostile.cast.person(persona) as person:
        assert await came_back_with(application, person, "mother") == error


async def test_who_gives_up_at_vneid_is_awaited_and_nothing_is_held_against_her(hostile: Hostile) -> None:
    application = await open_application(hostile.cast.justice, new_application("birth"))
    async with hostile.cast.person("gives_up") as person:

        async def once() -> Page:
            flow = await application.begin_login("mother")
            page = await person.log_in(flow.authorize_url)
            if page.is_back:
                await application.office.system.finish_login(flow, page.url)
            return page

        page = await while_vneid_fails(once)
    assert page.url.startswith(f"{hostile.cast.laptop.ports.simulators_origin}/vneid/")
    assert set((await application.outcomes("mother")).values()) == {"awaiting_person"}


async def test_a_number_issued_anew_is_hers_and_what_only_the_old_one_finds_is_not_available(
    hostile: Hostile,
) -> None:
    application = await open_application(hostile.cast.justice, new_application("birth"))
    async with hostile.cast.person("reissued") as person:
        token = await application.login(person, "mother", "refused")
    await application.collect("mother", token)
    outcomes = await application.outcomes("mother", token)
    assert (outcomes["mother-identity"], outcomes["mother-residence"]) == ("reusable", "reusable")
    assert (outcomes["parents-marriage"], outcomes["birth-notification"]) == ("not_available", "not_available")


async def test_a_birth_date_of_only_a_year_goes_to_the_officer(hostile: Hostile) -> None:
    application = await open_application(hostile.cast.justice, new_application("birth"))
    async with hostile.cast.person("year_only") as person:
        token = await application.login(person, "mother", "refused")
    await application.collect("mother", token)
    assert (await application.outcomes("mother", token))["parents-marriage"] == "officer_check_needed"


async def test_every_answer_until_here_was_named_rightly_and_no_alarm_is_open(hostile: Hostile) -> None:
    assert misnamed(iter(hostile.cast.watch.seen), citizens=ALWAYS_SAID) == []
    assert taken_back(iter(hostile.cast.watch.seen)) == {}
    told = [
        (await hostile.cast.http.get(f"{hostile.cast.laptop.ports.inside(name)}/health")).json() for name in SERVICES
    ]
    assert [each["alarms"] for each in told] == [{}, {}, {}, {}]
