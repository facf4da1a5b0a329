"""Audit's HTTP interface: what an auditor reads, each reading under a case number; and what anybody may know."""

import base64
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from services.audit.domain.bundle import Opened
from services.audit.domain.note import VerifierKey
from services.audit.domain.reading import Filter, Purpose, Reason
from services.audit.service import reading
from shared.bodies import LARGEST_NUMBER, Instant, NoPersonsNumber
from shared.http import Caller, Db, Now, View, public

router = APIRouter(prefix="/audit", tags=["audit"])


async def _reason(
    case_no: Annotated[
        str,
        Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9./-]{0,63}$", description="The case you work on."),
        NoPersonsNumber,
    ],
    purpose: Annotated[
        Purpose, Query(description="What you look for, as a code: it enters the log for good. The case file says more.")
    ],
) -> Reason:
    return Reason(case_no, purpose)


async def _filter(
    from_: Annotated[Instant | None, Query(alias="from")] = None,
    until: Instant | None = None,
    type: Annotated[str | None, Query(pattern=r"^[a-z0-9.-]+$", max_length=100, examples=["reuse.released.v1"])] = None,
    dossier_uid: UUID | None = None,
) -> Filter:
    return Filter(from_, until, type, dossier_uid)


Why = Annotated[Reason, Depends(_reason)]
Which = Annotated[Filter, Depends(_filter)]


class OpenedEvent(View):
    """One event in clear, and where its leaf lies."""

    leaf_index: int
    event: dict[str, Any]
    signature: str
    kid: str
    salt: str

    @classmethod
    def of(cls, opened: Opened) -> "OpenedEvent":
        """Show an opened event; `signature` and `salt` are base64."""
        signed = opened.event
        return cls(
            leaf_index=opened.index,
            event=orjson.loads(signed.canonical),
            signature=base64.b64encode(signed.signature).decode(),
            kid=signed.kid,
            salt=base64.b64encode(opened.salt).decode(),
        )


class EventsPage(View):
    """Events in the order in which the log received them; ask again with `after` for the next page."""

    events: list[OpenedEvent]
    next_after: int | None


@router.get("/events")
async def read_events(
    caller: Caller,
    db: Db,
    now: Now,
    why: Why,
    which: Which,
    after: Annotated[int, Query(ge=0, le=LARGEST_NUMBER)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EventsPage:
    """Read events by time, type or dossier. The reading is an event itself (I10)."""
    async with db.transaction() as tx:
        page = await reading.read_events(
            tx, caller=caller, reason=why, filter_=which, after=after, limit=limit, now=now
        )
    return EventsPage(events=[OpenedEvent.of(event) for event in page.events], next_after=page.next_after)


@router.get("/bundle", response_class=StreamingResponse, responses={200: {"content": {"application/json": {}}}})
async def make_bundle(
    caller: Caller,
    db: Db,
    now: Now,
    why: Why,
    which: Which,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> StreamingResponse:
    """Carry the log away for checking offline: all leaves, the newest checkpoint, and the matching events opened.

    Of these the first `limit`, oldest first; `more` says whether others match.
    """
    async with db.transaction() as tx:
        contents = await reading.open_bundle(tx, caller=caller, reason=why, filter_=which, limit=limit, now=now)
    return StreamingResponse(reading.carry_away(db, contents), media_type="application/json")


@router.get("/proofs/inclusion", response_class=PlainTextResponse)
async def prove_inclusion(
    caller: Caller,
    db: Db,
    now: Now,
    why: Why,
    source: Annotated[str, Query(pattern="^[a-z]{1,40}$")],
    sequence: Annotated[int, Query(ge=1, le=LARGEST_NUMBER)],
) -> PlainTextResponse:
    """Return a C2SP tlog-proof that this event is in the log."""
    async with db.transaction() as tx:
        proof = await reading.prove_inclusion(tx, caller=caller, reason=why, source=source, sequence=sequence, now=now)
    return PlainTextResponse(proof)


@router.get("/checkpoint", response_class=PlainTextResponse)
@public
async def get_checkpoint(db: Db) -> PlainTextResponse:
    """Return the newest signed checkpoint (C2SP tlog-checkpoint): kept, no cut below it goes unseen."""
    async with db.read() as tx:
        note = await reading.get_checkpoint(tx)
    return PlainTextResponse(note)


@router.get("/key", response_class=PlainTextResponse)
@public
async def get_key(request: Request) -> PlainTextResponse:
    """Return the log's verifier key. Compare it with what you were given on paper: a key from here proves nothing."""
    key: VerifierKey = request.app.state.log_key
    return PlainTextResponse(f"{key}\n")
