"""What others answer consent: small applications at the seam of its clients, told by each test what they know."""

from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from services.consent.domain.dossier import Dossier
from shared import clock, ids
from tests.services.composed import Dossiers, problem
from tests.shared.credentials import AUDIENCE, Issuer


class Reuse(Dossiers):
    """Plays `reuse`."""

    def knows(self, dossier: Dossier, *, state: str = "draft") -> None:
        """Let it answer for a dossier, as the inside contract writes it."""
        self.dossiers[str(dossier.dossier_uid)] = dossier_json(dossier, state)


class Identity:
    """Plays `identity`: knows parties, and logs a citizen in to her own pages."""

    def __init__(self, issuer: Issuer) -> None:
        self.parties: dict[tuple[str, str], dict[str, Any]] = {}
        self.pushed: list[dict[str, Any]] = []
        self.who: UUID = ids.new()
        self.jkt = ""
        self.refuses = False
        self.claims: dict[str, Any] = {}
        self.app = FastAPI()

        @self.app.get("/internal/dossiers/{dossier_uid}/parties/{party_uid}")
        async def get_party(dossier_uid: str, party_uid: str) -> Response:
            told = self.parties.get((dossier_uid, party_uid))
            return JSONResponse(told) if told else problem(404, "party_not_found")

        @self.app.post("/identity/par")
        async def push(request: Request) -> Response:
            self.pushed.append({**(await request.form()), "dpop": request.headers["dpop"]})
            return JSONResponse({"request_uri": "urn:ietf:params:oauth:request_uri:1", "expires_in": 60}, 201)

        @self.app.post("/identity/token")
        async def give_token(request: Request) -> Response:
            self.pushed.append({**(await request.form()), "dpop": request.headers["dpop"]})
            if self.refuses:
                return JSONResponse({"error": "invalid_grant"}, 400)
            token = issuer.issue(_HolderOf(self.jkt), at=clock.now(), **(self._own_claims() | self.claims))  # pyright: ignore[reportArgumentType] - only its thumbprint is read
            return JSONResponse({"access_token": token, "token_type": "DPoP", "expires_in": 300})

    def knows_party(self, dossier: Dossier, party_uid: UUID, **changes: Any) -> UUID:
        """Let it answer for a party and return her subject id."""
        subject_id = ids.new()
        nothing: list[str] = []
        told: dict[str, Any] = {
            "state": "bound",
            "subject_id": str(subject_id),
            "sub": f"pairwise-{subject_id.hex[-12:]}",
            "sector": "justice",
            "identified_by": "officer_check",
            "provisional": False,
            "capacity": "self",
            "claims": nothing,
        } | changes
        self.parties[str(dossier.dossier_uid), str(party_uid)] = told
        return subject_id

    def _own_claims(self) -> dict[str, Any]:
        return {
            "aud": AUDIENCE,
            "client_id": "consent",
            "sub": "pairwise-self-0001",
            "subject_id": str(self.who),
            "agency": None,
            "mandate": {"id": "m-self", "kind": "first_party", "procedures": [], "until": None},
            "actor": {"kind": "citizen", "ref": None, "position": None},
        }


class _HolderOf:
    """A key of which the issuer knows the thumbprint only."""

    def __init__(self, jkt: str) -> None:
        self.jkt = jkt


def dossier_json(dossier: Dossier, state: str) -> dict[str, Any]:
    """Write a dossier as `GET /internal/dossiers/{uid}` does."""
    agencies = [{"uid": uid, "name": name} for uid, name in dossier.agencies.items()]
    return {
        "dossier_uid": str(dossier.dossier_uid),
        "client_id": dossier.client_id,
        "client_ref": dossier.reference,
        "official_code": None,
        "state": state,
        "procedure": dossier.procedure,
        "procedure_name": dossier.procedure_name.as_json(),
        "procedure_version": 1,
        "case": "domestic",
        "channel": "online",
        "receiving": agencies[0],
        "competent": agencies[-1],
        "supporting": None,
        "opened_at": "2026-03-02T03:04:05.000000Z",
        "parties": [
            {
                "party_uid": str(each.party_uid),
                "roles": list(each.roles),
                "represented_by": str(each.represented_by) if each.represented_by else None,
            }
            for each in dossier.parties
        ],
        "components": [
            {
                "component_id": each.component_id,
                "party_uid": str(each.party_uid),
                "document": {"code": "KQ.1", **each.document.as_json()},
                "attributes": list(each.attributes),
                "sources": list(each.sources),
                "basis": each.basis.value,
                "rule": {
                    "id": each.rule.id,
                    "version": each.rule.version,
                    "letter": each.rule.letter,
                    "legal_refs": list(each.rule.legal_refs),
                    "ends_on": each.rule.ends_on.isoformat() if each.rule.ends_on else None,
                }
                if each.rule
                else None,
                "purpose": {"id": each.purpose[0], "version": each.purpose[1]} if each.purpose else None,
                "data_class": "basic",
                "max_age_days": 90,
            }
            for each in dossier.components
        ],
    }
