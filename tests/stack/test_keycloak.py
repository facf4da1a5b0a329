"""Keycloak in VNeID's place by configuration alone: levels as proved there, keys changed while people log in."""

import asyncio
import io
import json

import pytest
from joserfc import jws
from rich.console import Console

from infra.client.examples import new_application
from infra.client.oauth import LoginFailed
from infra.client.tokens import Token
from infra.demo.acts import ACTS, Memory
from infra.demo.cast import Application, open_application
from infra.demo.telling import Story
from tests.stack.conftest import FORGOT_HER_PHONE, Elsewhere

pytestmark = pytest.mark.cluster

LOGGED_IN_WITH_EACH_KEY = 4


async def test_the_whole_story_from_login_to_release_and_audit_goes_as_it_is_told(elsewhere: Elsewhere) -> None:
    told = io.StringIO()
    story, memory = Story(Console(file=told, width=120)), Memory()
    for act in ACTS:
        await act(story, elsewhere.cast, memory)
    assert story.differences == [], told.getvalue()


async def test_a_login_with_a_second_factor_has_the_level_that_it_proves(elsewhere: Elsewhere) -> None:
    token = await logged_in(elsewhere, "mother")
    claims = json.loads(jws.extract_compact(token.access_token.encode()).payload)
    assert claims["acr"] == "3"


async def test_who_never_enrolled_firmly_enough_is_refused_for_that(elsewhere: Elsewhere) -> None:
    with pytest.raises(LoginFailed) as refused:
        await logged_in(elsewhere, "level_one")
    assert refused.value.error == "unmet_authentication_requirements"


async def test_a_level_that_the_account_has_and_the_login_did_not_prove_is_not_believed(elsewhere: Elsewhere) -> None:
    with pytest.raises(LoginFailed) as refused:
        await logged_in(elsewhere, FORGOT_HER_PHONE)
    assert refused.value.error == "server_error"


async def test_a_locked_account_is_stopped_at_the_provider_and_never_comes_back(elsewhere: Elsewhere) -> None:
    flow = await (await dossier(elsewhere)).begin_login("mother")
    async with elsewhere.cast.person("revoked") as person:
        page = await person.log_in(flow.authorize_url)
    assert not page.is_back
    assert "Account is disabled" in page.text


async def test_no_login_fails_while_the_provider_changes_its_keys(elsewhere: Elsewhere) -> None:
    counted, over = [0], asyncio.Event()

    async def keep_logging_in(persona: str) -> None:
        while not over.is_set():
            await logged_in(elsewhere, persona)
            counted[0] += 1

    async def some_more() -> None:
        wanted = counted[0] + LOGGED_IN_WITH_EACH_KEY
        while counted[0] < wanted:  # noqa: ASYNC110 - what is awaited are the others
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as people:
        for persona in ("mother", "father", "shop_owner"):
            people.create_task(keep_logging_in(persona))
        await some_more()
        await elsewhere.keycloak.add_key("newer", priority=200)
        await some_more()
        await elsewhere.keycloak.remove_key("es256")
        await some_more()
        await elsewhere.keycloak.add_key("newest", priority=300)
        await elsewhere.keycloak.remove_key("newer")
        await some_more()
        over.set()


async def dossier(elsewhere: Elsewhere) -> Application:
    return await open_application(elsewhere.cast.justice, new_application("birth"))


async def logged_in(elsewhere: Elsewhere, persona: str) -> Token:
    """Log in once: whatever fails is not tried again."""
    birth = await dossier(elsewhere)
    flow = await birth.begin_login("mother")
    async with elsewhere.cast.person(persona) as person:
        page = await person.log_in(flow.authorize_url)
        if not page.is_back:
            page = await person.answer("refused")
    return await birth.office.system.finish_login(flow, page.url)
