"""Whatever a register does, it is the register's fault: nothing raises, and nothing is believed that was not said."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from infra.simulators import hostile
from infra.simulators.faults import Kind
from infra.simulators.personas import load_personas
from infra.simulators.registries.app import make_registries
from infra.simulators.registries.registers import load_registers
from services.reuse.clients import registries
from services.reuse.clients.registries import Answer, Question, RegistriesClient
from services.reuse.domain.ids import AttributeId
from services.reuse.service.looking_up import outcome_of
from tests.infra.befalling import Befalling, HostileTransport

PEOPLE = load_personas()
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ASKED = tuple(AttributeId(name) for name in ("person.ethnicity", "person.nationality", "person.sex"))
CALM = Starlette(routes=[Mount("/registries", make_registries(load_registers(PEOPLE), lambda: NOW))])


def make_question() -> Question:
    mother = PEOPLE["mother"]
    return Question(
        lookup_id=uuid4(), source="population", procedure="1.001193", dossier_uid=uuid4(), actor_kind="officer",
        actor_ref="o-1", agency_uid="ag-000101", attributes=ASKED,
        match={"person.pin": mother.pin, "person.full_name": mother.full_name, "person.birth_date": mother.birth_date},
    )  # fmt: skip


async def ask(transport: httpx2.AsyncBaseTransport) -> Answer:
    client = RegistriesClient("http://simulators/registries")
    await client.close()
    client.http = httpx2.AsyncClient(transport=transport, base_url="http://simulators/registries")
    return await client.ask(make_question())


async def ask_hostile(kind: Kind, luck: int) -> Answer:
    return await ask(HostileTransport(CALM, Befalling({"registries.population": [kind]}, luck)))


@pytest.mark.parametrize("kind", [Kind.LATE, Kind.ERROR, Kind.RESET, Kind.CUT, Kind.GARBLED, Kind.WRONG_TYPE])
async def test_a_register_that_fails_is_unavailable_in_whatever_way(
    kind: Kind, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hostile, "LATE_SECONDS", 0.001)
    for luck in range(12):
        assert await ask_hostile(kind, luck) == Answer("unavailable")
    assert PEOPLE["mother"].pin not in capsys.readouterr().out


@pytest.mark.parametrize("kind", [Kind.SLOW, Kind.REWORDED])
async def test_odd_but_legal_answers_are_answers(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "SLOW_SECONDS", 0.001)
    for luck in range(10):
        answer = await ask_hostile(kind, luck)
        assert (answer.outcome, answer.as_of, set(answer.values)) == ("found", NOW, set(ASKED))


async def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "LONGEST_CALL", 0.01)
    monkeypatch.setattr(hostile, "LATE_SECONDS", 3600)
    async with asyncio.timeout(5):
        assert (await ask_hostile(Kind.LATE, 1)).outcome == "unavailable"


async def test_what_half_an_answer_is_silent_about_counts_as_not_answered_never_as_not_there() -> None:
    for luck in range(10):
        answer = await ask_hostile(Kind.HALF, luck)
        outcomes = {each: outcome_of(cast(Any, None), each, answer) for each in ASKED if each not in answer.values}
        assert outcomes
        assert set(outcomes.values()) == {"unavailable"}


async def test_what_a_register_says_it_has_not_is_not_there() -> None:
    told: dict[str, Any] = {"outcome": "found", "as_of": NOW.isoformat(), "attributes": {}, "missing": list(ASKED)}

    async def tell(request: Request) -> Response:
        return JSONResponse(told)

    answer = await ask(httpx2.ASGITransport(app=Starlette(routes=[Route("/{path:path}", tell, methods=["POST"])])))
    assert {outcome_of(cast(Any, None), each, answer) for each in ASKED} == {"not_found"}


def test_a_question_and_an_answer_do_not_show_what_is_in_them() -> None:
    mother = PEOPLE["mother"]
    shown = repr(make_question()) + repr(Answer("found", NOW, "r", {AttributeId("person.pin"): mother.pin}))
    assert mother.pin not in shown
    assert mother.full_name not in shown
