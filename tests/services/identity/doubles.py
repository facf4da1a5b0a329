"""What `reuse` and `consent` answer identity: small applications at the seam of its clients."""

from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from shared import clock, grant_states, ids
from shared.keys import ServiceKey
from tests.services.composed import Dossiers, problem
from tests.shared.credentials import ORIGIN


def make_dossier(**changes: Any) -> dict[str, Any]:
    """Make a birth registration with a mother and a father, as `reuse` tells of it."""
    mother, father = str(ids.new()), str(ids.new())
    ward = {"uid": "ag-000101", "name": "Ủy ban nhân dân phường Hồng An"}
    asked = ["person.pin", "person.full_name", "person.birth_date", "residence.permanent"]
    return {
        "dossier_uid": str(ids.new()),
        "client_id": "justice-system",
        "client_ref": "HT-1",
        "official_code": None,
        "state": "draft",
        "procedure": "1.001193",
        "procedure_name": {"vi": "Đăng ký khai sinh", "en": "Birth registration"},
        "procedure_version": 1,
        "case": "domestic",
        "channel": "online",
        "receiving": ward,
        "competent": ward,
        "supporting": None,
        "opened_at": "2026-03-02T03:04:05.000000Z",
        "parties": [
            {"party_uid": mother, "roles": ["mother", "applicant"], "represented_by": None},
            {"party_uid": father, "roles": ["father"], "represented_by": None},
        ],
        "components": [
            {"component_id": "mother-id", "party_uid": mother, "attributes": asked},
            {"component_id": "father-id", "party_uid": father, "attributes": asked[:3]},
        ],
    } | changes


class Reuse(Dossiers):
    """Plays `reuse`."""

    def knows(self, dossier: dict[str, Any]) -> dict[str, Any]:
        """Let it answer for a dossier."""
        self.dossiers[dossier["dossier_uid"]] = dossier
        return dossier


class Consent:
    """Plays `consent`: opens requests, says of each what a test decided, and which grants stand."""

    def __init__(self, key: ServiceKey) -> None:
        self.grants: list[dict[str, Any]] = []
        self.opened: list[dict[str, Any]] = []
        self.requests: dict[str, str] = {}
        self.decisions: dict[str, dict[str, Any]] = {}
        self.refuses: str | None = None
        self.down = False
        self.older = False  # of a release that tells grants to reuse alone
        self.app = FastAPI()

        @self.app.post("/internal/requests")
        async def open_request(request: Request) -> Response:
            if self.down:
                return problem(503, "database_unavailable")
            if self.refuses:
                return problem(409, self.refuses)
            told = await request.json()
            self.opened.append(told)
            request_id = self.requests.setdefault(told["flow_id"], str(ids.new()))
            ticket = f"ticket-{len(self.opened)}"
            return JSONResponse({"request_id": request_id, "ticket": ticket, "entry_url": f"{ORIGIN}/consent/entry"})

        @self.app.get("/internal/requests/{request_id}/decision")
        async def read_decision(request_id: str) -> Response:
            nothing: dict[str, Any] = {"state": "requested", "granted_attributes": [], "grant_ids": []}
            return JSONResponse({"request_id": request_id, **nothing, **self.decisions.get(request_id, {})})

        @self.app.post("/internal/grants/states")
        async def states(request: Request) -> Response:
            if self.down:
                return problem(503, "database_unavailable")
            if self.older:
                return problem(403, "caller_not_allowed")
            asked = await request.json()
            told = [each for each in self.grants if _is_asked_for(each, asked)]
            assertion = grant_states.sign(key, audience="identity", t=clock.now(), grants=told)
            return JSONResponse({"assertion": assertion})

    def decide(self, flow_id: UUID | str, *granted: str, state: str = "decided") -> str:
        """Let her answer; return the request's id."""
        request_id = self.requests[str(flow_id)]
        grants = [str(ids.new())] if granted else []
        self.decisions[request_id] = {"state": state, "granted_attributes": list(granted), "grant_ids": grants}
        return request_id


def _is_asked_for(grant: dict[str, Any], asked: dict[str, Any]) -> bool:
    return (grant["subject_id"], grant["dossier_uid"]) == (asked["subject_id"], asked["dossier_uid"])
