"""The registers' endpoints: one query per register, the switch that makes one unavailable, and the journal."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from infra.simulators.personas import BirthDate, Pin
from infra.simulators.registries.journal import Journal, Line
from infra.simulators.registries.matching import Likeness, compare
from infra.simulators.registries.registers import OFFERED, Person, Registry

RETRY_AFTER_SECONDS = 30
_Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OnBehalfOf(_Body):
    """Who asks: the officer or the citizen's own request is named in each call."""

    kind: Literal["officer", "citizen", "automated"]
    ref: _Text
    agency_uid: _Text


class Match(_Body):
    """The three keys that must belong together."""

    pin: Pin
    full_name: _Text
    birth_date: BirthDate


class Query(_Body):
    """One question about one person; `attributes` are the only ones told."""

    request_id: _Text
    procedure: _Text
    dossier_ref: _Text
    on_behalf_of: OnBehalfOf
    match: Match
    attributes: Annotated[list[str], Field(min_length=1, max_length=20)]


class Answer(BaseModel):
    """What the register says; only `found` tells attributes, `missing` names those asked for that it does not hold."""

    outcome: Literal["found", "not_found", "partial", "mismatch"]
    record_id: str | None = None
    as_of: datetime
    attributes: dict[str, JsonValue] = {}
    missing: list[str] = []


class Switch(_Body):
    """Whether a register answers at all."""

    registry: Registry
    unavailable: bool


class JournalView(BaseModel):
    """The counts of all calls since the start."""

    lines: list[Line]


def make_registries(registers: Mapping[str, Person], now: Callable[[], datetime]) -> FastAPI:
    """Return the registers as an app; `registers` is keyed by personal number."""
    app = FastAPI(title="Registries (simulated)")
    journal, switched_off = Journal(), set[Registry]()

    @app.post("/{registry}/queries", response_model=Answer)
    async def query(registry: Registry, asked: Query) -> Answer | Response:
        if unknown := set(asked.attributes) - OFFERED[registry]:
            raise HTTPException(422, f"not offered by {registry}: {sorted(unknown)}")
        if registry in switched_off:
            journal.note(registry, "unavailable", asked.match.pin, frozenset())
            return _unavailable()
        answer = look_up(registers.get(asked.match.pin), registry, asked, now())
        journal.note(registry, answer.outcome, asked.match.pin, frozenset(answer.attributes))
        return answer

    @app.post("/switches")
    async def switch(switch: Switch) -> list[Switch]:
        (switched_off.add if switch.unavailable else switched_off.discard)(switch.registry)
        return [Switch(registry=registry, unavailable=registry in switched_off) for registry in Registry]

    @app.get("/journal")
    async def read_journal() -> JournalView:
        return JournalView(lines=journal.lines())

    return app


def look_up(person: Person | None, registry: Registry, asked: Query, now: datetime) -> Answer:
    """Answer about the person the number belongs to.

    A number with another name or date is `mismatch`, one that fits only nearly is `partial`; neither tells anything.
    An unknown number, or nothing on record of what was asked, is `not_found`.
    """
    if person is None:
        return Answer(outcome="not_found", as_of=now, missing=asked.attributes)
    match, persona = asked.match, person.persona
    likeness = compare(match.full_name, match.birth_date, persona.full_name, persona.birth_date)
    record_id = f"{registry}:{person.name}"
    if likeness is not Likeness.SAME:
        outcome = "mismatch" if likeness is Likeness.DIFFERENT else "partial"
        return Answer(outcome=outcome, record_id=record_id, as_of=now, missing=asked.attributes)
    entries = person.entries[registry]
    told = {attribute: entries[attribute] for attribute in asked.attributes if attribute in entries}
    missing = [attribute for attribute in asked.attributes if attribute not in entries]
    if not told:
        return Answer(outcome="not_found", as_of=now, missing=missing)
    return Answer(outcome="found", record_id=record_id, as_of=now, attributes=told, missing=missing)


def _unavailable() -> Response:
    body = {"outcome": "unavailable", "retry_after": RETRY_AFTER_SECONDS}
    return JSONResponse(body, 503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
