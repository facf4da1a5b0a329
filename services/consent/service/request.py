"""A request from its opening to the page: composed, handed over by a ticket of one use, read back, lapsed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from uuid import UUID

from services.consent import events, policy
from services.consent.catalogue import Catalogue
from services.consent.clients.reuse import ReuseClient
from services.consent.domain.asked import Asked
from services.consent.domain.dossier import Dossier, DossierClosed, check_allowed
from services.consent.domain.grant import Grant
from services.consent.domain.item import Item, Scope, compose_items
from services.consent.domain.request import TICKET_LIVES, ConsentRequest
from services.consent.domain.states import RequestState
from services.consent.store import grants, requests, uses
from shared import ids, outbox, spans
from shared.db import Database, Tx
from shared.errors import NotFound
from shared.hashes import hash_of


class TicketSpent(NotFound):
    """The ticket is unknown, too old, used, or another browser's; nobody is told which."""

    code = "ticket_spent"
    fault = "citizen"


@dataclass(frozen=True)
class Opened:
    """A request, and the ticket that leads one browser to it once."""

    request: ConsentRequest
    ticket: str


@dataclass(frozen=True)
class Decision:
    """What became of a request, as `identity` reads it: state, grants, and the attributes a token may name."""

    state: RequestState
    grants: tuple[Grant, ...]

    @property
    def granted_attributes(self) -> list[str]:
        """Return what may be released: what is only kept is not part of it."""
        return sorted({a for grant in self.grants if grant.scope is Scope.RELEASE for a in grant.attributes})


async def open_request(
    db: Database, *, reuse: ReuseClient, catalogue: Catalogue, asked: Asked, now: datetime
) -> Opened:
    """Compose what is told and asked, and give a ticket; asking again for the same flow gives another ticket.

    Raises RepresentationRequired (R12), UnknownDossier, UnknownParty, DossierClosed (R3), AttributeNotAllowed (R7),
    FlowReused, or Unavailable when `reuse` does not answer; then nothing is stored.
    """
    async with db.transaction() as tx:
        if known := await requests.find_by_flow(tx, asked.flow_id):
            return await _hand_out(tx, asked, known, now)
    policy.check_answers_herself(asked.capacity)
    dossier = await reuse.get_dossier(asked.dossier_uid)
    policy.check_may_ask(asked.client_id, asked.agency_uid, dossier)
    async with db.transaction() as tx:
        request = await _compose(tx, catalogue, asked, dossier, now)
        if await requests.insert(tx, request):
            await uses.know_dossier(tx, dossier)
            await outbox.append(tx, events.requested(request))
        else:  # the same question, asked twice at once
            request = await requests.find_by_flow(tx, asked.flow_id) or request
        return await _hand_out(tx, asked, request, now)


async def enter(tx: Tx, *, ticket: str, browser_hash: bytes, now: datetime) -> ConsentRequest:
    """Use a ticket up and return its request; raises TicketSpent.

    The cookie is looked at first, so that a thief cannot spend somebody's ticket. The same browser posting the same
    ticket again (a reload, the back button, a double click) gets to the same page: the cookie opens that anyway.
    """
    ticket_hash = hash_of(ticket)
    request_id = await requests.request_of_ticket(tx, ticket_hash)
    request = await requests.find(tx, request_id) if request_id else None
    try:
        request = policy.check_may_answer(browser_hash, request)
    except policy.UnknownRequest:
        raise TicketSpent from None
    spans.link(request.traceparent)
    if not await requests.use_ticket(tx, ticket_hash, now) and not await requests.was_used(tx, ticket_hash):
        raise TicketSpent
    return request


async def show(tx: Tx, *, browser_hash: bytes, request_id: UUID) -> ConsentRequest:
    """Return a request to the browser that logged in; raises UnknownRequest for any other."""
    request = policy.check_may_answer(browser_hash, await requests.find(tx, request_id))
    spans.link(request.traceparent)
    return request


async def read_decision(tx: Tx, *, request_id: UUID, now: datetime) -> Decision:
    """Return what became of a request, which lapses here if its time is over. Raises UnknownRequest."""
    request = await requests.find_for_update(tx, request_id)
    if request is None:
        raise policy.UnknownRequest
    request = await lapse_if_over(tx, request, now)
    return Decision(request.state, tuple(await grants.of_decision(tx, request_id)))


async def lapse_if_over(tx: Tx, request: ConsentRequest, now: datetime) -> ConsentRequest:
    """Let a locked, open request lapse once its time is over; others stay as they are."""
    if request.state is not RequestState.REQUESTED or not request.is_over(now):
        return request
    lapsed = request.lapse(now)
    await requests.update_closed(tx, lapsed)
    await outbox.append(tx, events.lapsed(lapsed, now))
    return lapsed


async def lapse_overdue(db: Database, now: datetime) -> None:
    """Let every request lapse whose time is over (timer), and forget old tickets."""
    async with db.transaction() as tx:
        for request in await requests.overdue(tx, now=now, limit=100):
            await lapse_if_over(tx, request, now)
        await requests.forget_tickets(tx, now - timedelta(hours=1))


async def _compose(tx: Tx, catalogue: Catalogue, asked: Asked, dossier: Dossier, now: datetime) -> ConsentRequest:
    if await uses.is_closed(tx, asked.dossier_uid):
        raise DossierClosed
    items = await _items(tx, catalogue, asked, dossier, now)
    agency_name = dossier.agencies[asked.agency_uid]
    notice = catalogue.compose_notice(
        items,
        dossier=dossier,
        party_uid=asked.party_uid,
        asker={"agency_uid": asked.agency_uid, "agency_name": agency_name, "client_name": asked.client_name},
        now=now,
    )
    return asked.to_request(ids.new(), agency_name=agency_name, items=items, notice=notice, now=now)


async def _items(tx: Tx, catalogue: Catalogue, asked: Asked, dossier: Dossier, now: datetime) -> tuple[Item, ...]:
    components = dossier.components_of(asked.party_uid)
    check_allowed(components, asked.attributes)
    wanted = [component for component in components if set(component.attributes) & set(asked.attributes)]
    return compose_items(
        wanted,
        asked=asked.attributes,
        purposes=catalogue.purposes,
        keep=catalogue.keep(now),
        kept=await grants.kept_attributes(tx, asked.subject_id, now=now),
    )


async def _hand_out(tx: Tx, asked: Asked, request: ConsentRequest, now: datetime) -> Opened:
    asked.check_same(request)
    ticket = token_urlsafe(32)
    await requests.insert_ticket(tx, hash_of(ticket), request.request_id, now + TICKET_LIVES)
    return Opened(request, ticket)
