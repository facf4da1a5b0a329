"""What the city system does for one visit: opens a dossier, has her log in, then collects and takes the release."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from infra.client.city_system import AUTOMATED, CitySystem
from infra.client.examples import new_application
from infra.client.gateway import Json, Refused
from infra.client.oauth import LoginFailed
from infra.client.releases import Release
from infra.client.tokens import Flow, Token
from infra.simulators.city_system.offers import Offer
from shared.languages import Language


@dataclass(frozen=True)
class Visit:
    """A login under way, for one party of one dossier."""

    offer: Offer
    dossier_uid: str
    party_uid: str
    flow: Flow


@dataclass(frozen=True)
class Result:
    """What came of a visit: the plan and, if anything could be released, the release; else why not."""

    offer: Offer
    plan: Json | None = None
    release: Release | None = None
    refused: str | None = None


async def begin(system: CitySystem, offer: Offer, language: Language) -> Visit:
    """Open a dossier and prepare her login, in the language she reads; raises `Refused`."""
    token = await system.officer_token(offer.agency_uid, AUTOMATED)
    dossier = cast(Mapping[str, Any], await system.open_dossier(token, new_application(offer.example)))
    party = next(party for party in dossier["parties"] if offer.role in party["roles"])
    asked = {a for c in dossier["components"] if c["party_uid"] == party["party_uid"] for a in c["attributes"]}
    flow = await system.begin_login(
        agency_uid=offer.agency_uid,
        dossier_uid=dossier["dossier_uid"],
        party_uid=party["party_uid"],
        attributes=sorted(asked),
        ui_locales=language,
    )
    return Visit(offer, dossier["dossier_uid"], party["party_uid"], flow)


async def finish(system: CitySystem, visit: Visit, callback_url: str) -> Result:
    """Take what the browser brought back as far as it goes; what the gateway refuses is part of the result."""
    try:
        token = await system.finish_login(visit.flow, callback_url)
        await system.collect(token, visit.dossier_uid, {"party_uid": visit.party_uid})
        plan = await system.plan(token, visit.dossier_uid)
    except (LoginFailed, Refused) as error:
        return Result(visit.offer, refused=str(error))
    return await _release(system, visit, token, plan)


async def _release(system: CitySystem, visit: Visit, token: Token, plan: Json) -> Result:
    try:
        release = await system.release(token, visit.dossier_uid, {"party_uid": visit.party_uid})
    except Refused as error:
        return Result(visit.offer, plan=plan, refused=str(error))
    return Result(visit.offer, plan=plan, release=release)
