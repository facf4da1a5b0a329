"""Logins, played against a model: whoever repeats or steals a step, a login is worth one token for one key."""

from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shared import clock
from shared.dpop import ath
from shared.errors import Problem
from shared.tokens import TokenVerifier
from tests.services.identity.city import ISSUER, REUSE, City
from tests.services.identity.conftest import World, back
from tests.services.identity.vneid import make_person
from tests.shared.credentials import ORIGIN, Holder
from tests.shared.machines import Machine, play

pytestmark = pytest.mark.stack

WHICH = st.integers(0, 5)
HERE = st.sampled_from([True, True, False])  # in the browser that began, or in another


@dataclass
class Login:
    """One login, and how far it has come."""

    city: City
    details: dict[str, Any]
    browser: int
    door: str
    asked: str = ""  # the flow, once VNeID's answer was taken
    answer: dict[str, str] = field(default_factory=dict[str, str])
    decided: str = ""  # what she said: yes, no
    code: str = ""
    over: bool = False  # the client has its answer
    traded: bool = False
    token: str = ""


class LoggingIn(Machine):
    """Two browsers, several logins, and somebody who has seen everything but the keys."""

    def __init__(self, loop: Any, world: World) -> None:
        super().__init__(loop)
        self.world = world
        self.browsers = [world.http(), world.http()]
        self.logins: list[Login] = []

    @precondition(lambda self: len(self.logins) < 4)
    @rule(browser=st.integers(0, 1))
    def begin(self, browser: int) -> None:
        city, dossier = self.world.city(), self.world.dossier()
        details = city.login(dossier)
        door = self.do(self.world.to_vneid(self.browsers[browser], city, details))
        login = Login(city, details, browser, door)
        login.answer = self.world.vneid.approve(door, make_person())
        self.logins.append(login)

    @precondition(lambda self: self.logins)
    @rule(which=WHICH, here=HERE)
    def vneid_answers(self, which: int, here: bool) -> None:
        """Only the browser that began gets on, and a reload asks nothing anew."""
        login, opened = self._login(which), len(self.world.consent.requests)
        page = self.do(self.world.from_vneid(self._browser(login, here=here), login.answer))
        if login.asked or not here:
            self._check_came_back(login, page, here=here)
            assert len(self.world.consent.requests) == opened
        else:
            assert page.status_code == 200, page.text
            login.asked = self.world.consent.opened[-1]["flow_id"]
            assert len(self.world.consent.requests) == opened + 1

    @precondition(lambda self: any(login.asked for login in self.logins))
    @rule(which=WHICH, yes=st.booleans())
    def she_decides(self, which: int, yes: bool) -> None:
        login = self._login(which)
        if login.asked and not login.decided:
            login.decided = "yes" if yes else "no"
            self.world.consent.decide(login.asked, *(("person.pin",) if yes else ()))

    @precondition(lambda self: any(login.asked for login in self.logins))
    @rule(which=WHICH, here=HERE)
    def the_browser_returns(self, which: int, here: bool) -> None:
        login = self._login(which)
        if login.asked:
            answer = self.do(self._browser(login, here=here).get(f"/identity/flows/{login.asked}/return"))
            self._check_came_back(login, answer, here=here)

    @precondition(lambda self: any(login.code for login in self.logins))
    @rule(which=WHICH, thief=st.sampled_from(["", "", "key", "client", "verifier", "redirect"]))
    def trade(self, which: int, thief: str) -> None:
        """I8: a code is worth one token, for its client, its key and its verifier."""
        login = self._login(which)
        if not login.code:
            return
        answer = self.do(self._trade(login, thief))
        if thief or login.traded:
            assert answer.status_code == 400, "a token for a thief, or a second one"
            assert answer.json()["error"] == "invalid_grant"
            if login.traded and not thief:
                login.token = ""  # it may have been stolen: what it gave is revoked
        else:
            assert answer.status_code == 200, answer.text
            login.traded, login.token = True, answer.json()["access_token"]

    @precondition(lambda self: any(login.token for login in self.logins))
    @rule(which=WHICH, mine=st.booleans(), audience=st.sampled_from([REUSE, REUSE, f"{ORIGIN}/consent"]))
    def use(self, which: int, mine: bool, audience: str) -> None:
        """I8: a token works for its key, its audience, its dossier and its party."""
        login = self._login(which)
        if not login.token:
            return
        holder = login.city.holder if mine else Holder()
        if mine and audience == REUSE:
            caller = self.do(self._verified(login.token, holder, audience)).caller
            assert caller.client_id == login.city.client_id
            assert caller.dossier_uid == login.details["dossier_uid"]
            assert caller.party_uid == login.details["party_uid"]
            assert caller.attributes == (("person.pin",) if login.decided == "yes" else ())
        else:
            with pytest.raises(Problem):
                self.do(self._verified(login.token, holder, audience))

    def teardown(self) -> None:
        """A login that came to a decision is one binding of one party; others bind nobody."""
        for login in self.logins:
            who = self.do(self.world.who_is(login.details))
            assert (who["state"] == "bound") == login.over
        for browser in self.browsers:
            self.do(browser.aclose())

    def _check_came_back(self, login: Login, answer: httpx2.Response, *, here: bool) -> None:
        """A code is issued once, after her decision, to the browser that began."""
        if here and login.decided and not login.over:
            login.code, login.over = back(answer)["code"], True
        else:
            assert not answer.headers.get("location", "").startswith("https://city.invalid"), "sent back too early"

    def _login(self, which: int) -> Login:
        return self.logins[which % len(self.logins)]

    def _browser(self, login: Login, *, here: bool) -> httpx2.AsyncClient:
        return self.browsers[login.browser if here else 1 - login.browser]

    async def _trade(self, login: Login, thief: str) -> httpx2.Response:
        city, changes = login.city, dict[str, Any]()
        if thief == "client":
            city = self.world.city("business-system", holder=login.city.holder)
        if thief == "key":
            city = self.world.city(holder=Holder())
        if thief == "verifier":
            changes["code_verifier"] = "w" * 43
        if thief == "redirect":
            changes["redirect_uri"] = "https://city.invalid/other"
        async with self.world.http() as http:
            return await city.trade(http, login.code, **changes)

    async def _verified(self, token: str, holder: Holder, audience: str) -> Any:
        """Verify token and proof as the service of that audience does."""
        verifier = TokenVerifier(issuer=ISSUER, audience=audience, keys=self.world.parts.tokens)
        now, url = clock.now(), f"{audience}/dossiers"
        proof = holder.prove(token, at=now, htm="GET", htu=url, ath=ath(token))
        return await verifier.verify(authorization=[f"DPoP {token}"], proofs=[proof], method="GET", url=url, now=now)


async def test_a_login_is_worth_one_token_for_one_key(world: World) -> None:
    """I8, R4, R6."""
    await play(lambda loop: LoggingIn(loop, world), games=20, steps=30)
