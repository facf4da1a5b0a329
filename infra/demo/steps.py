"""Steps that several acts take, and how a release is read aloud."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from infra.client.gateway import Json, Refused
from infra.client.releases import Release
from infra.demo.cast import Application
from infra.demo.telling import Story
from infra.simulators.personas import load_personas

T = TypeVar("T")


def given(value: T | None) -> T:
    """Return what an earlier act has left; an act without it cannot be played."""
    if value is None:
        raise LookupError("an earlier act has not been played")
    return value


async def code_of(step: Awaitable[object]) -> str:
    """Return the code with which a step is refused."""
    try:
        await step
    except Refused as refused:
        return str(refused.body.get("code"))
    return "not refused"


async def once_confirmed(step: Callable[[], Awaitable[T]], *, tries: int = 50) -> T:
    """Take a step as soon as the population register has confirmed the person: each try asks one that failed again."""
    for _ in range(tries):
        try:
            return await step()
        except Refused as refused:
            if refused.code != "party_provisional":
                raise
        await asyncio.sleep(0.2)
    return await step()


async def identify(application: Application, persona: str, role: str, *, full_name: str | None = None) -> Json:
    """Have the officer identify a party by the card shown."""
    person = load_personas()[persona]
    check: Json = {
        "dossier_uid": application.uid,
        "party_uid": application.party(role),
        "method": "card_shown",
        "pin": person.pin,
        "full_name": full_name or person.full_name,
        "birth_date": person.birth_date,
    }
    return await application.office.system.check_card(await application.office.token("identity"), check)


async def decide(application: Application, role: str, *, represented_by: str | None = None) -> Json:
    """Have the legal basis of the procedure decided for a party."""
    decision: Json = {"dossier_uid": application.uid, "party_uid": application.party(role)}
    if represented_by:
        decision["represented_by"] = represented_by
    return await application.office.system.decide_legal_basis(await application.office.token("consent"), decision)


def tell_release(story: Story, release: Release) -> None:
    """Read a release aloud: what was verified by whom; the values themselves are for the city system."""
    rows = [
        (name, verification["evidence"][0]["record"]["source"]["name"], verification["time"][:19])
        for verified in _verified(release)
        for name in verified["claims"]
        for verification in [verified["verification"]]
    ]
    story.table(["verified claim", "source", "verified at"], rows)


def components_of(release: Release) -> list[str]:
    """Return the components a release answers."""
    return cast(list[str], release.claims["components"])


def basis_of(release: Release) -> set[str]:
    """Return the kinds of right a release stands on."""
    return {str(line["basis"]["kind"]) for line in cast(list[dict[str, Any]], release.claims["provenance"])}


def _verified(release: Release) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], release.claims["verified_claims"])
