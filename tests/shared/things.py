"""A small application of ours, whose routes take, refuse and break."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query
from pydantic import Field

from shared import errors
from shared.bodies import Json
from shared.http import Body, View, public

router = APIRouter(prefix="/consent")


SECRET = "032099000123"


class Person(Body):
    full_name: Annotated[str, Field(max_length=5)]


class Sent(Body):
    request_id: UUID
    at: datetime
    state: Literal["granted", "withdrawn"]
    days: int
    people: tuple[Person, ...] = ()
    named: dict[str, int] = Field(default={})
    free: Json = None


class Told(View):
    request_id: UUID
    at: datetime
    people: int


class GrantMissing(errors.NotFound):
    code = "not_found"


class Withdrawn(errors.Conflict):
    code = "grant_withdrawn"
    fault = "citizen"


class SourceDown(errors.Unavailable):
    code = "source_fault"
    fault = "source"


@router.post("/things")
@public
async def post_thing(sent: Sent) -> Told:
    return Told(request_id=sent.request_id, at=sent.at, people=len(sent.people))


@router.post("/forms")
@public
async def post_form(answer: Annotated[str, Form(max_length=10)]) -> Told:
    raise AssertionError(answer)


Which = Literal["missing", "foreign", "conflict", "source", "bug"]


@router.get("/refusals/{which}")
@public
async def get_refusal(which: Which, days: Annotated[int, Query(ge=1)] = 1) -> Told:
    match which:
        case "missing":
            raise GrantMissing
        case "foreign":
            raise GrantMissing("it is somebody else's")
        case "conflict":
            raise Withdrawn("the grant was withdrawn")
        case "source":
            raise SourceDown(retry_at=datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC))
        case "bug":
            raise ValueError(f"no such person: '{SECRET}', born {days}")


GOOD = {
    "request_id": "01902c8e-3c5d-7000-8000-000000000000",
    "at": "2026-03-02T03:04:05Z",
    "state": "granted",
    "days": 3,
    "people": [{"full_name": "An"}],
}
