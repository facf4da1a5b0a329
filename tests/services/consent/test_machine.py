"""Requests and grants, played against a model: whatever she, officers and time do, each right is what the words say."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from services.consent.domain.asked import Asked
from services.consent.domain.dossier import Basis, Capacity, Dossier, DossierClosed
from services.consent.domain.grant import Grant, StandsOnConsent, StandsOnLaw
from services.consent.domain.ids import SubjectId
from services.consent.domain.item import Answer, Item
from services.consent.domain.request import Login, Way
from services.consent.policy import UnknownGrant, UnknownRequest
from services.consent.service import decide, end, request, withdraw
from services.consent.store import grants
from shared import ids
from shared.errors import Problem
from shared.idempotency import Once
from shared.tokens import Actor, AgencyRef, Caller, Mandate
from shared.transitions import IllegalTransition
from tests.services.consent.conftest import World
from tests.services.consent.factories import attributes, make_component, make_dossier
from tests.services.consent.model import Model, Question, Right
from tests.shared.machines import Machine, play

pytestmark = pytest.mark.stack

# Earlier than whatever other tests leave in the database, so that time running out here touches nothing of theirs.
BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
BROWSER, OTHER_BROWSER = bytes(32), bytes([1] * 32)
NAMES = ("person.full_name", "person.pin", "person.birth_date", "person.phone", "residence.permanent")


class Consenting(Machine):
    """One citizen, two dossiers."""

    def __init__(self, loop: Any, world: World) -> None:
        super().__init__(loop)
        self.world = world
        self.model = Model()
        self.now = BEGIN
        self.subject = SubjectId(ids.new())
        self.dossiers: list[Dossier] = []

    @initialize(shapes=st.lists(st.sets(st.sampled_from(NAMES[:4]), min_size=1), min_size=2, max_size=4))
    def open_dossiers(self, shapes: list[set[str]]) -> None:
        """Open two dossiers that ask by law for these, and with her consent for the phone."""
        for part in (shapes[:2], shapes[1:]):
            dossier = make_dossier()
            party = dossier.parties[0].party_uid
            by_law = [make_component(party, *sorted(names)) for names in part]
            phone: dict[str, Any] = {"basis": Basis.CONSENT, "rule": None, "purpose": ("contact_by_phone", 1)}
            asked = make_component(party, "person.phone", **phone)
            dossier = make_dossier(
                dossier_uid=dossier.dossier_uid, parties=dossier.parties, components=(*by_law, asked)
            )
            self.world.reuse.knows(dossier)
            self.dossiers.append(dossier)

    @rule(dossier=st.integers(0, 1), some=st.sets(st.sampled_from(NAMES), min_size=1))
    def ask(self, dossier: int, some: set[str]) -> None:
        asked = self._login(self.dossiers[dossier], some)
        opening = request.open_request(
            self.world.db,
            reuse=self.world.parts.reuse,
            catalogue=self.world.parts.catalogue,
            asked=asked,
            now=self.now,
        )
        if dossier in self.model.closed:
            with pytest.raises(DossierClosed):
                self.do(opening)
            return
        opened = self.do(opening).request
        to_keep = {name for item in opened.items if item.scope == "retention" for name in item.attributes}
        assert not to_keep & self.model.kept(self.now), "asked for what she lets us keep already"
        self.model.questions[opened.request_id] = Question(dossier, opened.items, opened.lapses_at)

    @precondition(lambda self: self.model.questions)
    @rule(which=st.integers(0, 9), yes=st.lists(st.booleans(), min_size=12, max_size=12), mine=st.integers(0, 4))
    def decide(self, which: int, yes: list[bool], mine: int) -> None:
        request_id, question = self._question(which)
        answers = {item.item_id: _word(item, said) for item, said in zip(question.items, yes, strict=False)}
        deciding = self._in_transaction(
            decide.decide, request_id, mine, answers=answers, signer=self.world.parts.signer
        )
        if not mine:
            with pytest.raises(UnknownRequest):
                self.do(deciding)
        elif question.state == "requested" and self.now < question.lapses_at and question.dossier in self.model.closed:
            with pytest.raises(DossierClosed):
                self.do(deciding)
        else:
            self.do(deciding)
            if self._is_open(question):
                question.state = "decided"
                self._learn(self.model.decided(question, answers, self.now))

    @precondition(lambda self: self.model.questions)
    @rule(which=st.integers(0, 9), mine=st.integers(0, 4))
    def abandon(self, which: int, mine: int) -> None:
        request_id, question = self._question(which)
        abandoning = self._in_transaction(decide.abandon, request_id, mine)
        if not mine:
            with pytest.raises(UnknownRequest):
                self.do(abandoning)
        else:
            self.do(abandoning)
            if self._is_open(question):
                question.state = "abandoned"

    @precondition(lambda self: self.model.questions)
    @rule(which=st.integers(0, 9))
    def read_back(self, which: int) -> None:
        request_id, question = self._question(which)
        self._is_open(question)
        assert self.do(self._read(request_id)).state == question.state

    @rule(minutes=st.sampled_from([1, 5, 13, 60 * 24 * 91, 60 * 24 * 366]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([0, 13, 60 * 24 * 91]))
    def let_time_run_out(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.do(self._sweep())
        for question in self.model.questions.values():
            self._is_open(question)
        for right in self.model.rights.values():
            if right.state == "granted" and right.until and right.until <= self.now:
                right.becomes("expired")

    @precondition(lambda self: self.model.rights)
    @rule(which=st.integers(0, 9), hers=st.integers(0, 4))
    def withdraw(self, which: int, hers: int) -> None:
        grant_id, right = self._right(which)
        withdrawing = withdraw.withdraw(
            self.world.db,
            confirming=self.world.parts.confirming,
            subject_id=self.subject if hers else SubjectId(ids.new()),
            grant_id=grant_id,
            now=self.now,
        )
        if refusal := self._may_not_withdraw(right, hers=bool(hers)):
            with pytest.raises(refusal):
                self.do(withdrawing)
            return
        self.do(withdrawing)
        if right.state == "granted":
            right.becomes("withdrawn", moves=2)  # withdrawn, and its moment named

    @precondition(lambda self: self.model.rights)
    @rule(which=st.integers(0, 9), theirs=st.integers(0, 4))
    def end_by_officer(self, which: int, theirs: int) -> None:
        grant_id, right = self._right(which)
        ending = end.end_by_officer(
            self.world.db,
            once=Once(self.world.db, None, _unshown, 200),
            reuse=self.world.parts.reuse,
            caller=make_officer("justice-system" if theirs else "business-system"),
            grant_id=grant_id,
            reason="Nhập nhầm hồ sơ",
            now=self.now,
        )
        if refusal := self._may_not_end(right, theirs=bool(theirs)):
            with pytest.raises(refusal):
                self.do(ending)
            return
        self.do(ending)
        right.becomes("ended")

    @rule(dossier=st.integers(0, 1))
    def close_dossier(self, dossier: int) -> None:
        self.do(self._close(dossier))
        self.model.closed.add(dossier)
        if law := self.model.law_of(dossier):
            law.becomes("ended")

    @invariant()
    def each_right_is_what_the_words_say(self) -> None:
        stored = {grant.grant_id: self._words(grant) for grant in self.do(self._grants())}
        assert stored == {grant_id: right.words for grant_id, right in self.model.rights.items()}

    @invariant()
    def each_request_stands_where_it_should(self) -> None:
        found = self.do(self._states())
        assert found == {request_id: question.state for request_id, question in self.model.questions.items()}

    def teardown(self) -> None:
        """R16: every change was told, once, with the version it made; and every right has its receipts."""
        told: dict[UUID, list[tuple[int, str]]] = {}
        for _, data in self.do(self.world.events(self.subject)):
            if grant := data.get("grant"):
                told.setdefault(UUID(grant["grant_id"]), []).append((grant["version"], grant["state"]))
        assert told.keys() == self.model.rights.keys()
        for grant_id, right in self.model.rights.items():
            assert [version for version, _ in told[grant_id]] == list(range(1, right.moves + 1))
            assert told[grant_id][-1][1] == right.state
            assert all(before == "granted" or before == after for (_, before), (_, after) in pairwise(told[grant_id]))
        signed = sum(1 + (right.state == "withdrawn") for right in self.model.rights.values())
        counted = self.world.value("SELECT count(*) FROM receipt WHERE subject_id = $1", self.subject)
        assert self.do(counted) == signed

    def _question(self, which: int) -> tuple[UUID, Question]:
        return list(self.model.questions.items())[which % len(self.model.questions)]

    def _right(self, which: int) -> tuple[UUID, Right]:
        return list(self.model.rights.items())[which % len(self.model.rights)]

    def _is_open(self, question: Question) -> bool:
        """Let a question lapse whose time is over; say whether it may still be answered."""
        if question.state == "requested" and self.now >= question.lapses_at:
            question.state = "lapsed"
        return question.state == "requested"

    def _learn(self, expected: list[Right]) -> None:
        """Find the rights that began, by what they say."""
        new = [grant for grant in self.do(self._grants()) if grant.grant_id not in self.model.rights]
        for right in expected:
            (grant,) = [each for each in new if self._words(each) == right.words]
            self.model.rights[grant.grant_id] = right

    def _may_not_withdraw(self, right: Right, *, hers: bool) -> type[Problem] | None:
        if not hers:
            return UnknownGrant
        if right.state == "withdrawn":
            return None
        if right.law:
            return StandsOnLaw
        return None if right.state == "granted" else IllegalTransition

    def _may_not_end(self, right: Right, *, theirs: bool) -> type[Problem] | None:
        if right.dossier is None or not theirs:
            return UnknownGrant
        if not right.law:
            return StandsOnConsent
        return None if right.state == "granted" else IllegalTransition

    def _words(self, grant: Grant) -> tuple[Any, ...]:
        uids = [dossier.dossier_uid for dossier in self.dossiers]
        place = uids.index(grant.recipient.dossier_uid) if grant.recipient else None
        law = grant.kind is Basis.LEGAL_BASIS
        names = frozenset(grant.attributes), frozenset(grant.opted_out)
        return law, place, *names, grant.valid_until, grant.state.value

    def _login(self, dossier: Dossier, some: set[str]) -> Asked:
        """Ask for some of what the dossier may ask, or for all if it may ask for none of these."""
        known = {name for each in dossier.components for name in each.attributes}
        party = dossier.parties[0].party_uid
        return Asked(
            flow_id=str(ids.new()),
            client_id=dossier.client_id,
            client_name="Hệ thống hộ tịch",
            agency_uid="ag-000101",
            subject_id=self.subject,
            sub="pairwise-mother-01",
            sector="justice",
            dossier_uid=dossier.dossier_uid,
            party_uid=party,
            capacity=Capacity.SELF,
            login=Login(str(ids.new()), self.now, "vneid:2", 2),
            way=Way(BROWSER, "https://city.invalid", "http://localhost:8080/identity/return?flow=x"),
            attributes=attributes(*sorted(known & some or known)),
        )

    async def _in_transaction(self, work: Any, request_id: UUID, mine: int, **told: Any) -> Any:
        browser = BROWSER if mine else OTHER_BROWSER
        async with self.world.db.transaction() as tx:
            return await work(tx, browser_hash=browser, request_id=request_id, now=self.now, **told)

    async def _read(self, request_id: UUID) -> request.Decision:
        async with self.world.db.transaction() as tx:
            return await request.read_decision(tx, request_id=request_id, now=self.now)

    async def _sweep(self) -> None:
        """Run the timers until nothing is due, whichever game it is of."""
        due = """SELECT (SELECT count(*) FROM consent_grant WHERE state = 'granted' AND valid_until <= $1)
                      + (SELECT count(*) FROM consent_request WHERE state = 'requested' AND lapses_at <= $1)"""
        while await self.world.value(due, self.now):
            await request.lapse_overdue(self.world.db, self.now)
            await end.end_run_out(self.world.db, self.now)

    async def _close(self, dossier: int) -> None:
        async with self.world.db.transaction() as tx:
            await end.end_with_dossier(tx, dossier_uid=self.dossiers[dossier].dossier_uid, now=self.now)

    async def _grants(self) -> list[Grant]:
        async with self.world.db.read() as tx:
            return await grants.page_of_subject(tx, self.subject, after=None, limit=1000)

    async def _states(self) -> dict[UUID, str]:
        async with self.world.db.read() as tx:
            rows = await tx.fetch("SELECT request_id, state FROM consent_request WHERE subject_id = $1", self.subject)
        return {row["request_id"]: row["state"] for row in rows}


def make_officer(client_id: str) -> Caller:
    """Make an officer of Hồng An ward at some client."""
    return Caller(
        client_id=client_id,
        sub=client_id,
        subject_id=None,
        agency=AgencyRef("ag-000101", "Ủy ban nhân dân phường Hồng An", "justice"),
        mandate=Mandate("m-000101", "procedure", ("1.001193",), None),
        actor=Actor("officer", "off-7", "Công chức tư pháp - hộ tịch"),
        dossier_uid=None,
        party_uid=None,
        attributes=(),
        token_id="t-1",
        expires_at=BEGIN,
        acr=None,
        auth_time=None,
    )


def _word(item: Item, said: bool) -> Answer:
    if item.rule:
        return Answer.CONTINUE if said else Answer.SELF_SUBMIT
    return Answer.AGREED if said else Answer.REFUSED


def _unshown(_: Grant) -> Any:
    raise AssertionError("without a key nothing is kept")


async def test_whatever_happens_each_right_is_what_the_words_say(world: World) -> None:
    await play(lambda loop: Consenting(loop, world), games=40, steps=35)
