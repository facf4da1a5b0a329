"""Where a process may be told to die: one table, every use case that writes and what lies between their commits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from infra.embedded.keyring import SERVICES

Moment = Literal["before", "after", "before_commit", "after_commit"]
"""Of a call: at its entry or its end. Of the transaction in which it was made: before or after its commit."""


@dataclass(frozen=True)
class UseCase:
    """Something that writes: `where` is a call made in its transaction, `module:name`."""

    service: str
    name: str
    where: str
    routes: tuple[str, ...] = ()
    """`METHOD /path` of what leads here; none for what a timer or the relay does."""
    event: str | None = None
    """For what an event has done at a reader: its type."""


@dataclass(frozen=True)
class Point:
    """A place in a process, and what a crash there leaves; `event` narrows it to one type."""

    name: str
    service: str
    where: str
    moment: Moment
    meaning: str
    event: str | None = None


def _handled(service: str, *types: str) -> tuple[UseCase, ...]:
    return tuple(UseCase(service, f"on {type_}", "shared.inbox:Intake.take", event=type_) for type_ in types)


_I, _C, _R, _A = "services.identity.", "services.consent.", "services.reuse.", "services.audit."
_DOSSIER = "POST /reuse/dossiers/{dossier_uid}"

USE_CASES: tuple[UseCase, ...] = (
    UseCase("identity", "push a request", _I + "store.flows:insert_request", ("POST /identity/par",)),
    UseCase("identity", "begin a login", _I + "store.flows:insert_flow", ("GET /identity/authorize",)),
    UseCase("identity", "take VNeID's answer", _I + "store.flows:mark_returned", ("GET /identity/vneid/callback",)),
    UseCase("identity", "log in", _I + "events:login_succeeded", ("GET /identity/vneid/callback",)),
    UseCase("identity", "end a failed login", _I + "events:login_failed", ("GET /identity/vneid/callback",)),
    UseCase(
        "identity", "lead to the consent page", _I + "store.flows:set_consent_request",
        ("GET /identity/vneid/callback", "GET /identity/flows/{flow_id}/return"),
    ),
    UseCase("identity", "settle a decision", _I + "service.settle:grant", ("GET /identity/flows/{flow_id}/return",)),
    UseCase("identity", "give a code", _I + "store.codes:insert", ("GET /identity/flows/{flow_id}/return",)),
    UseCase("identity", "give up a login", _I + "service.settle:give_up", ("GET /identity/flows/{flow_id}/return",)),
    UseCase("identity", "use up a client's assertion", "shared.replay:use_once", ("POST /identity/token",)),
    UseCase("identity", "trade a code", _I + "store.codes:use", ("POST /identity/token",)),
    UseCase("identity", "look at a card", _I + "store.parties:insert_check", ("POST /identity/checks",)),
    UseCase("identity", "tell of a card that leads to nobody", _I + "events:check_failed", ("POST /identity/checks",)),
    UseCase(
        "identity", "say who a party is", _I + "service.who:who_is",
        ("GET /internal/dossiers/{dossier_uid}/parties/{party_uid}",),
    ),
    UseCase(
        "identity", "give out claims", _I + "service.claims:collect", ("POST /internal/claims/{claims_id}/collection",)
    ),
    UseCase(
        "identity", "delete collected claims", _I + "service.claims:confirm",
        ("POST /internal/claims/{claims_id}/confirmation",),
    ),
    UseCase("consent", "open a request", _C + "events:requested", ("POST /internal/requests",)),
    UseCase("consent", "let a request lapse", _C + "events:lapsed", ("GET /internal/requests/{request_id}/decision",)),
    UseCase("consent", "enter by a ticket", _C + "store.requests:use_ticket", ("POST /consent/entry",)),
    UseCase("consent", "decide", _C + "events:decided", ("POST /consent/requests/{request_id}/decision",)),
    UseCase("consent", "abandon", _C + "events:abandoned", ("POST /consent/requests/{request_id}/abandonment",)),
    UseCase(
        "consent", "decide on a legal basis", _C + "service.legal_basis:_outcome",
        ("POST /consent/legal-basis-decisions",),
    ),
    UseCase(
        "consent", "end a legal basis", _C + "events:legal_basis_ended", ("POST /consent/grants/{grant_id}/ending",)
    ),
    UseCase("consent", "withdraw", _C + "events:withdrawn", ("POST /consent/grants/{grant_id}/withdrawal",)),
    UseCase(
        "consent", "confirm a withdrawal", _C + "events:withdrawal_confirmed",
        ("POST /consent/grants/{grant_id}/withdrawal",),
    ),
    UseCase("consent", "begin her own login", _C + "store.sessions:insert_flow", ("GET /consent/login",)),
    UseCase("consent", "open her session", _C + "store.sessions:insert", ("GET /consent/callback",)),
    UseCase("consent", "log out", _C + "store.sessions:delete", ("POST /consent/logout",)),
    UseCase("consent", "let a grant run out", _C + "events:expired"),
    UseCase("reuse", "open a dossier", _R + "events:dossier_opened", ("POST /reuse/dossiers",)),
    UseCase("reuse", "receive a dossier", _R + "events:dossier_received", (_DOSSIER + "/receipt",)),
    UseCase("reuse", "close a dossier", _R + "events:dossier_closed", (_DOSSIER + "/closure",)),
    UseCase("reuse", "claim a key for collecting", "shared.idempotency:_claim", (_DOSSIER + "/collection",)),
    UseCase("reuse", "begin a look-up", _R + "store.lookups:begin", (_DOSSIER + "/collection",)),
    UseCase("reuse", "record a look-up", _R + "store.lookups:finish", (_DOSSIER + "/collection",)),
    UseCase("reuse", "settle a collection", "shared.idempotency:_settle", (_DOSSIER + "/collection",)),
    UseCase(
        "reuse", "bind a party", _R + "store.dossiers:bind",
        (_DOSSIER + "/collection", _DOSSIER + "/releases", "GET /reuse/dossiers/{dossier_uid}/plan"),
    ),
    UseCase("reuse", "learn of a grant by asking", _R + "service.grants:learn", (_DOSSIER + "/releases",)),
    UseCase("reuse", "judge a component", _R + "events:judged",
            (_DOSSIER + "/components/{component_id}/acceptance", _DOSSIER + "/components/{component_id}/rejection")),
    UseCase("reuse", "deposit a result", _R + "events:deposited", (_DOSSIER + "/results",)),
    UseCase(
        "audit", "note a reading", _A + "events:read",
        ("GET /audit/events", "GET /audit/bundle", "GET /audit/proofs/inclusion"),
    ),
    UseCase("audit", "sequence", _A + "store:put_checkpoint"),
    *(UseCase(service, "number events", "shared.numbering:_store") for service in SERVICES),
    *(UseCase(service, "mark events", "shared.numbering:mark_published") for service in SERVICES),
    *_handled(
        "identity", "consent.decided.v1", "consent.abandoned.v1", "consent.lapsed.v1", "consent.granted.v1",
        "consent.withdrawn.v1", "consent.withdrawal-confirmed.v1", "consent.expired.v1", "consent.legal-basis-ended.v1",
        "reuse.looked-up.v1",
    ),
    *_handled(
        "consent", "identity.login-succeeded.v1", "identity.party-identified.v1", "reuse.dossier-closed.v1",
        "reuse.looked-up.v1", "reuse.released.v1", "reuse.release-withheld.v1", "reuse.deposited.v1",
        "reuse.evidence-deleted.v1", "reuse.accepted.v1", "reuse.rejected.v1",
    ),
    *_handled(
        "reuse", "identity.party-identified.v1", "consent.granted.v1", "consent.withdrawn.v1",
        "consent.withdrawal-confirmed.v1", "consent.expired.v1", "consent.legal-basis-ended.v1",
    ),
    UseCase("audit", "keep an event", "shared.inbox:Intake.take", event="*"),
)  # fmt: skip

_RELEASE = (_DOSSIER + "/releases",)
ONE_STATEMENT: tuple[UseCase, ...] = (
    UseCase("reuse", "authorise a release", _R + "store.release:authorise", _RELEASE),
)
"""What commits with its one statement: it dies before it or after it."""

READING: Mapping[str, tuple[str, ...]] = {
    "identity": (
        "GET /.well-known/oauth-authorization-server/identity", "GET /identity/jwks",
    ),
    "consent": (
        "GET /consent/jwks", "GET /consent/receipts/{receipt_id}", "GET /internal/clock",
        "POST /internal/grants/states", "GET /consent/requests/{request_id}", "GET /consent/me",
        "GET /consent/grants/{grant_id}/withdrawal", "GET /consent/me/receipts/{receipt_id}",
        "GET /consent/me/grants", "GET /consent/me/uses",
    ),
    "reuse": ("GET /reuse/dossiers/{dossier_uid}", "GET /reuse/jwks", "GET /internal/dossiers/{dossier_uid}"),
    "audit": ("GET /audit/checkpoint", "GET /audit/key"),
}  # fmt: skip
"""Routes that write nothing but the record of a used-up proof or assertion."""


def _of(use_case: UseCase) -> tuple[Point, Point]:
    before, after = "nothing of it has happened", "it has happened and nobody was told"
    if use_case.event:
        after = "the effect is there, the offset is not: it is delivered again"
    name, service, where = f"{use_case.service}: {use_case.name}", use_case.service, use_case.where
    return (
        Point(f"{name}, before its commit", service, where, "before_commit", before, use_case.event),
        Point(f"{name}, after its commit", service, where, "after_commit", after, use_case.event),
    )


_BETWEEN: tuple[Point, ...] = (
    *(
        point
        for service in SERVICES
        for point in (
            Point(f"{service}: numbered, not published", service, "shared.relay:Relay._publish", "before",
                  "numbers are committed, nobody has heard of them"),
            Point(f"{service}: published, not marked", service, "shared.numbering:mark_published", "before",
                  "the broker has them, the outbox does not know: the same bytes go out again"),
            Point(f"{service}: before a watermark", service, "shared.relay:Relay._send_watermarks", "before",
                  "everything is out, and nobody has said so"),
            Point(f"{service}: offset committed", service, "shared.kafka:Subscription.commit", "after",
                  "effect and offset are there"),
        )
    ),
    Point("identity: VNeID asked, login not kept", "identity", _I + "clients.vneid.client:VneidClient.log_in", "after",
          "her login is lost, VNeID's answer used up: she begins again"),
    Point("identity: consent asked, ticket not handed over", "identity",
          _I + "clients.consent:ConsentClient.open_request", "after", "a reload asks again for the same flow"),
    Point("identity: decision read, not settled", "identity",
          _I + "clients.consent:ConsentClient.read_decision", "after", "the event settles it, or the next return"),
    Point("consent: withdrawn, clock read, not confirmed", "consent", _C + "store.grants:confirm", "before",
          "the withdrawal works already; its moment is named at the start"),
    Point("reuse: register asked, answer not recorded", "reuse",
          _R + "clients.registries:RegistriesClient.ask", "after", "a look-up in flight is given up after a minute"),
    Point("reuse: register not asked yet", "reuse", _R + "clients.registries:RegistriesClient.ask", "before",
          "a look-up in flight that nobody was asked for"),
    Point("reuse: claims got, not kept", "reuse", _R + "clients.identity:IdentityClient.collect", "after",
          "identity still has them: they are asked for again"),
    Point("reuse: claims kept, not confirmed", "reuse", _R + "clients.identity:IdentityClient.confirm", "before",
          "identity still has them: the next collection has them deleted"),
    Point("reuse: claims deleted at identity, collection not settled", "reuse",
          _R + "clients.identity:IdentityClient.confirm", "after", "the claim of the key runs out"),
    Point("reuse: release not authorised", "reuse", _R + "store.release:authorise", "before", "nothing has happened"),
    Point("reuse: authorised, not signed", "reuse", _R + "store.release:authorise", "after",
          "journalled as authorised, possibly not sent"),
    Point("reuse: signed, not sent", "reuse", _R + "signing:ReleaseSigner.sign", "after",
          "journalled as authorised, possibly not sent"),
    Point("audit: leaf rows written, no checkpoint", "audit", _A + "store:add_leaves", "after",
          "leaves are there together with their checkpoint or not at all"),
    Point("audit: checkpoint signed, not committed", "audit", _A + "store:put_checkpoint", "after",
          "another checkpoint of the same size may be signed: the same root"),
    Point("audit: sealed, not announced", "audit", _A + "service.sealing:announce", "before",
          "it is announced again a minute later, or with the next"),
)  # fmt: skip

POINTS: Mapping[str, Point] = {
    point.name: point for point in (*(point for each in USE_CASES for point in _of(each)), *_BETWEEN)
}

UNREACHED: Mapping[str, str] = {
    "consent: on reuse.release-withheld.v1": "needs a commit slower than the lease: raced in tests/faults/race",
}
"""What the main job does not lead to, and why; by the beginning of the name."""


def reachable(point: Point) -> bool:
    """Say whether the main job passes here."""
    return not any(point.name.startswith(name) for name in UNREACHED)
