"""Who plays: city systems with their officers, people with their browsers, the registries' own count of questions."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx2
from joserfc.jwk import ECKey

from infra.client.browser import Browser
from infra.client.city_system import AUTOMATED, CitySystem, officer
from infra.client.gateway import Json
from infra.client.localhost import Transport
from infra.client.oauth import LoginFailed
from infra.client.releases import Release
from infra.client.tokens import Flow, Token
from infra.demo.patience import until_sources_answer, while_vneid_fails
from infra.demo.people import KeycloakPerson, Person
from infra.demo.stage import Stage, stage_of
from infra.embedded.laptop import Laptop

Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Office:
    """An agency at work: its city system, and the officer who acts."""

    name: str
    agency_uid: str
    system: CitySystem
    officer_ref: str
    position: str

    async def token(self, service: str = "reuse") -> Token:
        """Get a token as the officer."""
        actor = officer(self.officer_ref, self.position)
        return await self.system.officer_token(self.agency_uid, actor, service)  # pyright: ignore[reportArgumentType] - one of the four services

    async def machine(self) -> Token:
        """Get a token as the system itself, with nobody before it."""
        return await self.system.officer_token(self.agency_uid, AUTOMATED)


@dataclass(frozen=True)
class Cast:
    """Everybody, by name."""

    justice: Office
    other_ward: Office
    business: Office
    inspectorate: Office
    http: httpx2.AsyncClient
    stage: Stage
    running: Laptop | None

    @property
    def laptop(self) -> Laptop:
        """What runs on this machine's own processes; LookupError where the story plays elsewhere."""
        if self.running is None:
            raise LookupError("the story does not play on a laptop's own processes")
        return self.running

    @asynccontextmanager
    async def person(self, persona: str) -> AsyncGenerator[Person]:
        """Let somebody take out her phone; its cookies go when she puts it away."""
        stop_at = f"{self.stage.simulators}/city/callback"
        async with Browser(transport=Transport(self.stage.ca_file), stop_at=stop_at) as browser:
            secrets = self.stage.keycloak
            yield Person(persona, browser) if secrets is None else KeycloakPerson(persona, browser, secrets)

    async def questions(self, registry: str) -> int:
        """Return how many questions a registry has answered so far."""
        answer = await self.http.get(f"{self.stage.simulators}/registries/journal")
        lines = cast(list[dict[str, Any]], answer.json()["lines"])
        return sum(int(line["calls"]) for line in lines if line["registry"] == registry)


@asynccontextmanager
async def cast_of(laptop: Laptop) -> AsyncGenerator[Cast]:
    """Bring everybody on the stage that this machine's own processes are."""
    async with cast_on(stage_of(laptop), laptop) as cast_:
        yield cast_


@asynccontextmanager
async def cast_on(stage: Stage, running: Laptop | None = None) -> AsyncGenerator[Cast]:
    """Bring everybody on stage."""
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(httpx2.AsyncClient(timeout=30, transport=Transport(stage.ca_file)))

        def system(client_id: str) -> CitySystem:
            key = ECKey.import_key(stage.client_key(client_id).read_bytes())
            return CitySystem(client_id, key, stage.gateway, f"{stage.simulators}/city/callback", http=http)

        justice = system("justice-system")
        registrar = "Công chức tư pháp - hộ tịch"
        yield Cast(
            justice=Office("UBND phường Hồng An", "ag-000101", justice, "cb-0101-07", registrar),
            other_ward=Office("UBND phường Ngô Quyền", "ag-000201", justice, "cb-0201-03", registrar),
            business=Office(
                "Phòng Kinh tế phường Ngô Quyền",
                "ag-000301",
                system("business-system"),
                "cb-0301-11",
                "Chuyên viên đăng ký kinh doanh",
            ),
            inspectorate=Office(
                "Thanh tra thành phố", "ag-000901", system("inspectorate"), "tt-0901-02", "Thanh tra viên"
            ),
            http=http,
            stage=stage,
            running=running,
        )


@dataclass
class Application:
    """One dossier as its city system sees it."""

    office: Office
    opened: Json

    @property
    def uid(self) -> str:
        """The dossier's uid."""
        return str(self.opened["dossier_uid"])

    def party(self, role: str) -> str:
        """Return the uid of the party that holds a role."""
        parties = cast(list[dict[str, Any]], self.opened["parties"])
        return next(str(party["party_uid"]) for party in parties if role in party["roles"])

    def asked_of(self, party_uid: str) -> list[str]:
        """Return all attributes that the procedure asks of a party."""
        components = cast(list[dict[str, Any]], self.opened["components"])
        return sorted({a for c in components if c["party_uid"] == party_uid for a in c["attributes"]})

    async def begin_login(self, role: str) -> Flow:
        """Ask for somebody's login as a party, for all that is asked of it."""
        party = self.party(role)
        return await self.office.system.begin_login(
            agency_uid=self.office.agency_uid, dossier_uid=self.uid, party_uid=party, attributes=self.asked_of(party)
        )

    async def login(self, person: Person, role: str, asked: str, *, hands_in: str | None = None) -> Token:
        """Have somebody log in as a party, answer, and come back; returns the token of that login."""

        async def once() -> Token:
            flow = await self.begin_login(role)
            page = await person.log_in(flow.authorize_url)
            if page.status == 503:  # the page says that it may go better the next time
                raise LoginFailed("temporarily_unavailable", page.text)
            if not page.is_back:
                page = await person.answer(asked, hands_in=hands_in)
            return await self.office.system.finish_login(flow, page.url)

        return await while_vneid_fails(once)

    async def plan(self, token: Token | None = None) -> Plan:
        """Read the plan."""
        return await self.office.system.plan(token or await self.office.machine(), self.uid)

    async def outcomes(self, role: str, token: Token | None = None) -> dict[str, str]:
        """Return the plan's outcome for each component of a party."""
        plan, party = await self.plan(token), self.party(role)
        return {c["component_id"]: c["outcome"] for c in plan["components"] if c["party_uid"] == party}

    async def to_hand_in(self) -> set[str]:
        """Return the components whose paper has to be handed in."""
        return {c["component_id"] for c in (await self.plan())["components"] if c["submit"]}

    async def collect(self, role: str, token: Token | None = None) -> Json:
        """Have what is granted fetched for a party; once more for what a register failed to answer."""
        bearer = token or await self.office.token()
        return await until_sources_answer(
            lambda: self.office.system.collect(bearer, self.uid, {"party_uid": self.party(role)})
        )

    async def release(self, role: str, token: Token | None = None, *components: str) -> Release:
        """Get the verified data of a party."""
        body: dict[str, Any] = {"party_uid": self.party(role)}
        if components:
            body["component_ids"] = list(components)
        return await self.office.system.release(token or await self.office.token(), self.uid, body)

    async def papers_not_asked_for(self) -> int:
        """Return how many papers the gateway counts as not asked for: an officer accepted their component (R14)."""
        viewed = cast(Mapping[str, Any], await self.office.system.dossier(await self.office.machine(), self.uid))
        return int(viewed["papers"]["not_asked_for"])

    async def accept(self, *components: str) -> None:
        """Have the officer accept components."""
        for component in components:
            await self.office.system.accept(await self.office.token(), self.uid, component)


async def open_application(office: Office, application: Json) -> Application:
    """Open a dossier for an office."""
    whole: Json = {**application, "receiving": office.agency_uid, "competent": office.agency_uid}
    return Application(office, await office.system.open_dossier(await office.machine(), whole))
