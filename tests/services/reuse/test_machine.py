"""Dossiers of one mother, played against a model: a release goes out exactly when grants and holdings stand by it."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from services.reuse.consumer import HANDLERS
from services.reuse.domain.grant import Grant
from shared import clock, ids
from shared.events import Received
from tests.services.reuse.conftest import PARTITION, Opened, World, claims_of, code_of, released_attributes
from tests.services.reuse.doubles import PERSON, grant_json
from tests.shared.machines import Machine, play

pytestmark = pytest.mark.stack

WHICH = st.integers(0, 1)
COMPONENTS = st.sampled_from(["mother-identity", "parents-marriage"])
EVENT = {"granted": "granted", "withdrawn": "withdrawn", "ended": "legal-basis-ended"}


@dataclass
class Case:
    """What is true of one dossier."""

    opened: Opened
    received: bool = False
    closed: bool = False
    law: Grant | None = None
    is_whole: bool = False  # the law covers all that is asked, so the keys to look the rest up too
    has_claims: bool = False  # of the login that led to the law
    surely: set[str] = field(default_factory=set[str])  # held under the law that stands now
    perhaps: set[str] = field(default_factory=set[str])

    def end(self) -> None:
        """Let the law end, and what it held."""
        self.law, self.surely, self.perhaps = None, set(), set()

    def attributes(self, component_id: str) -> set[str]:
        """Return what a component asks of the mother."""
        mother = self.opened.party("mother")
        components = self.opened.answer["components"]
        return {
            name
            for each in components
            if (each["component_id"], each["party_uid"]) == (component_id, mother)
            for name in each["attributes"]
        }


class Reusing(Machine):
    """Two dossiers at one agency; consent's events arrive late, in any order and again, or not before a release."""

    def __init__(self, loop: Any, world: World) -> None:
        super().__init__(loop)
        self.world = world
        self.subject = ids.new()
        self.cases: list[Case] = []
        self.keeping: list[Grant] = []  # every version of consents to keep that is the newest of its grant
        self.ever: set[str] = set()  # attributes collected in any dossier
        self.pending: list[Grant] = []
        self.told: list[Grant] = []

    @initialize()
    def open_dossiers(self) -> None:
        self.cases = [Case(self.do(self.world.open())) for _ in range(2)]
        for which, case in enumerate(self.cases):
            self.world.identity.knows(case.opened.party("mother"), subject_id=self.subject)
            self.continue_by_law(which, True)

    @precondition(lambda self: any(case.law is None for case in self.cases))
    @rule(which=WHICH, all_of_it=st.booleans())
    def continue_by_law(self, which: int, all_of_it: bool) -> None:
        """Let her log in and continue, with all or with some of it."""
        case = self.cases[which]
        if case.law or case.closed:
            return
        grant = self.world.grant_of_law(case.opened, "mother", self.subject)
        some, rest = grant.attributes[:2], grant.attributes[2:]
        case.law = grant if all_of_it else replace(grant, attributes=some, opted_out=rest)
        told: dict[str, Any] = {name: PERSON[name] for name in case.law.attributes if name in PERSON}
        self.world.identity.holds_claims(case.opened.party("mother"), told)
        case.is_whole, case.has_claims = all_of_it, True
        self._happens(case.law)

    @rule(which=WHICH)
    def end_by_officer(self, which: int) -> None:
        case = self.cases[which]
        if case.law:
            self._happens(replace(case.law, state="ended", version=case.law.version + 1))
            case.end()

    @precondition(lambda self: len(self.keeping) < 2)
    @rule(names=st.sampled_from([("marriage.record",), ("person.pin", "person.full_name"), ("person.sex",)]))
    def agree_to_keep(self, names: tuple[str, ...]) -> None:
        kept = self.world.retention(self.subject, *names)
        self.keeping.append(kept)
        self._happens(kept)

    @precondition(lambda self: self.keeping)
    @rule(which=WHICH)
    def withdraw_keeping(self, which: int) -> None:
        """R10."""
        kept = self.keeping.pop(which % len(self.keeping))
        self._happens(replace(kept, state="withdrawn", version=kept.version + 1))

    @precondition(lambda self: self.pending)
    @rule(which=st.integers(0, 9))
    def an_event_arrives(self, which: int) -> None:
        grant = self.pending.pop(which % len(self.pending))
        self.told.append(grant)
        self.do(self._consume(grant))

    @rule(again=st.booleans())
    def all_events_arrive(self, again: bool) -> None:
        """I5: an old version never overwrites a newer one, whatever comes last."""
        while self.pending:
            self.an_event_arrives(0)
        for grant in reversed(self.told if again else []):
            self.do(self._consume(grant))

    @rule(which=WHICH)
    def collect(self, which: int) -> None:
        case = self.cases[which]
        self._catch_up()
        answer = self._ask(case, "collection")
        if case.closed:
            assert code_of(answer) == (409, "dossier_closed")
        elif case.law:
            assert answer.status_code == 200, answer.text
            case.perhaps = set(case.law.attributes)
            if case.is_whole and case.has_claims:
                case.surely = set(case.law.attributes)
            case.has_claims = False
            self.ever |= case.perhaps

    @rule(which=WHICH)
    def receive(self, which: int) -> None:
        case = self.cases[which]
        code = f"H31.01-261125-{int(ids.new()) % 10_000_000:07}"
        answer = self.do(self._post(case, "receipt", {"official_code": code}))
        assert answer.status_code == (409 if case.closed or case.received else 200), answer.text
        case.received = case.received or not case.closed

    @rule(which=WHICH, consent_heard=st.booleans())
    def close(self, which: int, consent_heard: bool) -> None:
        """R3: it ends the right to release at once, whether consent has heard of it or not."""
        case = self.cases[which]
        answer = self.do(self._post(case, "closure", {"outcome": "granted"}))
        assert answer.status_code == (409 if case.closed else 200), answer.text
        case.closed = True
        if consent_heard:
            self.end_by_officer(which)

    @rule(which=WHICH, component_id=COMPONENTS, what=st.sampled_from(["acceptance", "rejection"]))
    def judge(self, which: int, component_id: str, what: str) -> None:
        case = self.cases[which]
        answer = self.do(self.world.judge(case.opened, component_id, what))
        assert answer.status_code in (200, 404, 409), answer.text

    @rule(which=WHICH, component_id=COMPONENTS, collected=st.sampled_from([True, True, False]))
    def release(self, which: int, component_id: str, collected: bool) -> None:
        """I1, R3, R8: it goes out only if it may, and it does if nothing stands against it."""
        if collected:
            self.collect(which)
        case = self.cases[which]
        asked = case.attributes(component_id)
        self._catch_up()
        answer = self._ask(case, "releases", component_ids=[component_id])
        if answer.status_code == 200:
            self._was_right(case, answer)
        elif case.law and not case.closed and asked <= case.surely:
            raise AssertionError(f"refused without a reason: {code_of(answer)}")
        else:
            assert answer.status_code in (403, 409), answer.text

    def _was_right(self, case: Case, answer: httpx2.Response) -> None:
        assert not case.closed, "released to a closed dossier"
        assert case.law is not None, "released without a right"
        names = released_attributes(answer)
        assert names <= set(case.law.attributes), "released more than is granted"
        kept = {name for kept in self.keeping for name in kept.attributes} & self.ever
        assert names <= case.perhaps | kept, "released what nothing holds"
        standing = {str(grant.grant_id) for grant in (case.law, *self.keeping)}
        journalled = self.do(self._journalled(claims_of(answer)["jti"]))
        assert str(case.law.grant_id) in journalled
        assert journalled <= standing, "the journal names what had ended"

    def _happens(self, grant: Grant) -> None:
        """Let consent know it now, and its event be on its way."""
        self.world.consent.grants[grant.grant_id] = grant
        self.pending.append(grant)

    def _catch_up(self) -> None:
        """Consent's watermark is of now if nothing is on its way, and old otherwise: then reuse has to ask."""
        self.do(self.world.watermark(seconds_ago=60.0 if self.pending else 0.0))

    def _ask(self, case: Case, what: str, **more: Any) -> httpx2.Response:
        """Ask, and again where a slow machine has let the lease run out meanwhile."""
        for _ in range(5):
            answer = self.do(self._post(case, what, {"party_uid": case.opened.party("mother"), **more}))
            if code_of(answer) != (503, "consent_status_unknown"):
                return answer
            self._catch_up()
        raise AssertionError("this machine is slower than the lease")

    async def _post(self, case: Case, what: str, body: Any) -> httpx2.Response:
        return await self.world.ask("POST", f"/reuse/dossiers/{case.opened.uid}/{what}", body)

    async def _consume(self, grant: Grant) -> None:
        event = Received(
            source="consent", type=f"consent.{EVENT[grant.state]}.v1", id=ids.new(), key=str(self.subject),
            time=clock.now(), sequence=1, previous=0, partition=PARTITION,
            data={"grant": grant_json(grant), "actor": None}, canonical=b"", signature=b"", kid="",
        )  # fmt: skip
        async with self.world.db.transaction() as tx:
            await HANDLERS[event.type](tx, event)

    async def _journalled(self, release_id: str) -> set[str]:
        ids_: list[UUID] = await self.world.value("SELECT grant_ids FROM release WHERE release_id = $1", release_id)
        return {str(each) for each in ids_}


async def test_a_release_goes_out_exactly_when_grants_and_holdings_stand_by_it(world: World) -> None:
    """I1, R3, R8, R10."""
    await play(lambda loop: Reusing(loop, world), games=35, steps=35)
