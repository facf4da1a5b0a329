"""What clients and citizens do meanwhile: the main job in stories that end, whoever dies under them, and begin anew."""

import asyncio
import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue

from infra.client.browser import Page
from infra.client.examples import new_application
from infra.client.gateway import Json, Refused
from infra.client.oauth import LoginFailed
from infra.client.tokens import Token
from infra.demo.cast import Application, open_application
from infra.demo.people import Person
from infra.demo.steps import code_of, decide, identify, once_confirmed
from infra.simulators.personas import load_personas
from tests.faults.kills.clockwork import Time
from tests.faults.kills.ledger import Ledger
from tests.faults.kills.persistence import PersistentCast

_LOGINS = 12
_COLLECTED_WITHIN = 900.0  # longer than the longest outage of a campaign: only events tell what is collected
_SEALED = 40


@dataclass(frozen=True)
class Stage:
    """What the stories are played with."""

    cast: PersistentCast
    ledger: Ledger
    time: Time


async def online(stage: Stage, persona: str) -> None:
    """A mother applies from her phone; the officer judges; she withdraws what she let be kept; then it is closed."""
    birth = await open_application(stage.cast.justice, new_application("birth"))
    token = await _log_in(stage, birth, persona, "mother", "agreed")
    components = await _collect(stage, birth, "mother", token)
    if components:
        await birth.release("mother", token, *components)
        system, officer = birth.office.system, await birth.office.token()
        await system.receive(officer, birth.uid, f"H31.11-20261124-{secrets.randbelow(10**7):07}")
        await system.accept(officer, birth.uid, components[0])
        for component in components[1:2]:
            await system.reject(officer, birth.uid, component, "not_readable")
    await her_page(stage, persona)
    await birth.office.system.close(await birth.office.token(), birth.uid, "completed")


async def at_the_counter(stage: Stage, persona: str) -> None:
    """An officer sees two cards and a wrong one, decides, collects, releases, deposits a certificate, ends a right."""
    parties: JsonValue = [{"ref": "c", "roles": ["child"]}, {"ref": "m", "roles": ["mother", "applicant"]}]
    facts: JsonValue = {"parents_married": False}
    application: Json = {**new_application("birth"), "channel": "counter", "facts": facts, "parties": parties}
    counter = await open_application(stage.cast.other_ward, application)
    await identify(counter, persona, "mother")
    if await code_of(identify(counter, persona, "child", full_name="Phạm Thị Khác")) == "not refused":
        raise AssertionError("a card that is hers under another name identified a child")
    decided = await decide(counter, "mother")
    components = await _collect(stage, counter, "mother", None)
    if components:
        await counter.release("mother", None, *components)
    await _deposit(stage, counter)
    grant = cast("list[dict[str, Any]]", decided["grants"])[0]
    officer = await counter.office.token("consent")
    await counter.office.system.end_legal_basis(officer, str(grant["grant_id"]), "asked_by_her")


async def _deposit(stage: Stage, counter: Application) -> None:
    await identify(counter, "newborn", "child")
    await decide(counter, "child", represented_by=counter.party("mother"))
    await _collect(stage, counter, "child", None)
    newborn, office = load_personas()["newborn"], counter.office
    value: JsonValue = {
        "certificate_no": "417/2026", "registered_on": "2026-11-24", "registered_by": office.name,
        "full_name": newborn.full_name, "birth_date": newborn.birth_date, "sex": newborn.sex,
        "birth_place": "Hải Phòng",
    }  # fmt: skip
    certificate: Json = {"party_uid": counter.party("child"), "result_type": "KQ.G15.000031", "value": value}

    async def deposit() -> Json:
        return await office.system.deposit(await office.token(), counter.uid, certificate)

    await once_confirmed(deposit)


async def business(stage: Stage, persona: str) -> None:
    """An owner lets her telephone number be released and nothing be kept; what she agreed to runs out one day."""
    shop = await open_application(stage.cast.business, new_application("household-business"))
    token = await _log_in(stage, shop, persona, "owner", "agreed")
    components = await _collect(stage, shop, "owner", token)
    if components:
        await shop.release("owner", token, *components)
    await stage.time.let_consents_run_out(shop.uid)


async def logins_that_lead_nowhere(stage: Stage, persona: str) -> None:
    """One refuses on the phone, one gives the application up, one does not answer in time."""
    birth = await open_application(stage.cast.justice, new_application("birth"))
    await _refuse(stage, birth)
    await _give_up(stage, birth, persona)
    await _do_not_answer(stage, birth, persona)


async def _refuse(stage: Stage, birth: Application) -> None:
    flow = await birth.begin_login("father")
    async with stage.cast.person("refuser") as person:
        page = await person.refuse(flow.authorize_url)
        if page.is_back:
            await _fails(birth.office.system.finish_login(flow, page.url))


async def _give_up(stage: Stage, birth: Application, persona: str) -> None:
    flow = await birth.begin_login("father")
    async with stage.cast.person(persona) as person:
        page = await person.log_in(flow.authorize_url)
        if (request_id := _request_of(page)) and (await person.browser.press("Dừng nộp hồ sơ này")).is_back:
            stage.ledger.promise("consent.abandoned.v1", request_id)


async def _do_not_answer(stage: Stage, birth: Application, persona: str) -> None:
    flow = await birth.begin_login("father")
    async with stage.cast.person(persona) as person:
        page = await person.log_in(flow.authorize_url)
        if request_id := _request_of(page):
            await stage.time.let_request_lapse(request_id)


async def auditing(stage: Stage, _persona: str) -> None:
    """An auditor reads under a case number of hers, and carries a proof and the log away."""
    office = stage.cast.inspectorate
    for _ in range(_SEALED):
        try:
            token = await office.token("audit")
            case = f"TTr-{secrets.token_hex(8)}"
            await office.system.audit_events(token, case_no=case, purpose="inspection")
            case = f"TTr-{secrets.token_hex(8)}"
            await office.system.bundle(token, case_no=case, purpose="inspection", type="audit.read.v1")
        except Refused as refused:
            if refused.code != "nothing_sealed":
                raise
        else:
            return


STORIES: Mapping[str, Callable[[Stage, str], Awaitable[None]]] = {
    "online": online,
    "counter": at_the_counter,
    "business": business,
    "nowhere": logins_that_lead_nowhere,
    "audit": auditing,
}


async def her_page(stage: Stage, persona: str) -> None:
    """She logs in at the gateway itself, withdraws the newest consent that stands, takes the receipt and leaves."""
    mine = f"{stage.cast.laptop.ports.origin}/consent/me"
    async with stage.cast.person(persona) as person:
        for _ in range(_LOGINS):
            await person.log_in_to_her_page(f"{stage.cast.laptop.ports.origin}/consent/login")
            if (await person.browser.open(mine)).forms:
                break
            stage.ledger.lost_logins += 1
        if any("Rút lại" in link.text for link in person.browser.page.links):
            await _withdraw(stage, person)
        await person.browser.open(mine)
        await person.browser.press("Đăng xuất")


async def _withdraw(stage: Stage, person: Person) -> None:
    page = await person.browser.follow("Rút lại")
    grant_id = page.url.split("/")[-2]
    page = await person.browser.press("Rút lại")
    stage.ledger.promise("consent.withdrawn.v1", grant_id)
    stage.ledger.promise("consent.withdrawal-confirmed.v1", grant_id)
    signed = next(link.href for link in page.links if "/consent/receipts/" in link.href)
    answer = await person.browser._http.get(f"{stage.cast.laptop.ports.origin}{signed}")
    stage.ledger.moments[grant_id] = _payload(answer.raise_for_status().text)["effective_by"]


async def _log_in(stage: Stage, application: Application, persona: str, role: str, asked: str) -> Token:
    """Log in and answer; anew where a crash has swallowed a step that is made once."""
    told = ""
    for _ in range(_LOGINS):
        flow = await application.begin_login(role)
        async with stage.cast.person(persona) as person:
            page = await person.log_in(flow.authorize_url)
            if request_id := _request_of(page):
                page = await person.answer(asked)
                if page.is_back:
                    stage.ledger.promise("consent.decided.v1", request_id)
        try:
            if page.is_back:
                return await application.office.system.finish_login(flow, page.url)
            told = f"{page.status} {page.text[:200]}"
        except (LoginFailed, Refused) as failed:
            told = str(failed)
        stage.ledger.lost_logins += 1
        await asyncio.sleep(0.3)
    raise LookupError(f"{persona} cannot log in: {told}")


async def _collect(stage: Stage, application: Application, role: str, token: Token | None) -> list[str]:
    """Collect until nothing more is to be had; returns the components that can be released."""
    left: dict[str, str] = {}
    end = asyncio.get_running_loop().time() + _COLLECTED_WITHIN
    while asyncio.get_running_loop().time() < end:
        left = await _collect_once(stage, application, application.party(role), token)
        if not set(left.values()) & {"fetchable", "source_fault"}:
            return [component for component, outcome in left.items() if outcome == "reusable"]
        await stage.time.let_lookups_be_given_up(application.uid)
        await asyncio.sleep(0.2)
    raise LookupError(f"nothing more comes of collecting: {left}")


async def _collect_once(stage: Stage, application: Application, party: str, token: Token | None) -> dict[str, str]:
    """Collect, with one key until it is answered; returns the outcome of each component."""
    bearer, key = token or await application.office.token(), secrets.token_urlsafe(24)
    path, gateway = f"/reuse/dossiers/{application.uid}/collection", application.office.system._gateway

    async def ask() -> Json:
        return await gateway.call(bearer, "POST", path, body={"party_uid": party}, idempotency_key=key)

    plan = await stage.time.while_claims_run_out(key, ask)
    return {c["component_id"]: c["outcome"] for c in cast("list[dict[str, str]]", plan["components"])}


async def _fails(login: Awaitable[Token]) -> None:
    try:
        await login
    except (LoginFailed, Refused):
        return
    raise AssertionError("a refused login gave a token")


def _request_of(page: Page) -> str:
    """Return the consent request a page asks about, if it does."""
    asks = any(form.action.endswith("/decision") for form in page.forms)
    return page.url.split("?")[0].rpartition("/")[2] if asks else ""


def _payload(compact: str) -> dict[str, Any]:
    part = compact.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
