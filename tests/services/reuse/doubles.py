"""What others answer reuse: small applications at the seam of its clients, told by each test what they know."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from services.reuse.domain.grant import Grant
from shared import clock, ids
from shared.events import written
from shared.keys import ServiceKey, sign_jws
from tests.services.composed import problem

PERSON = {
    "person.pin": "032194004217",
    "person.full_name": "Phạm Thu Hòa",
    "person.birth_date": "1994-03-12",
    "person.sex": "female",
    "person.nationality": ["VN"],
    "residence.permanent": {"formatted": "Số 12 đường Ví Dụ, phường Hồng An", "country": "VN"},
    "residence.current": {"formatted": "Số 12 đường Ví Dụ, phường Hồng An", "country": "VN"},
    "person.phone": "+84900000011",
}
RECORDS: dict[str, dict[str, Any]] = {
    "population": {k: v for k, v in PERSON.items() if k != "person.phone"},
    "civil-status": {
        "marriage.record": {
            "record_no": "12/2020",
            "registered_on": "2020-05-04",
            "registered_by": "UBND phường",
            "status": "in_force",
        }
    },
    "health-births": {
        "birth.notification": {
            "notification_no": "CS-7",
            "born_on": "2026-11-02",
            "child_sex": "female",
            "facility": "Bệnh viện Mẫu",
        }
    },
    "business": {"business.registrations": []},
}


class Identity:
    """Plays `identity`: knows parties, and gives claims out until they are confirmed."""

    def __init__(self) -> None:
        self.parties: dict[str, dict[str, Any]] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.down = False
        self.refuses = "claims_not_collectable"
        self.silent_about = ""
        self.app = FastAPI()

        @self.app.get("/internal/dossiers/{dossier_uid}/parties/{party_uid}")
        async def get_party(dossier_uid: str, party_uid: str) -> Response:
            self.calls["party"] += 1
            if self.down:
                return problem(503, "database_unavailable")
            nobody = {"state": "none", "subject_id": None, "sub": None, "sector": "justice"}
            return JSONResponse(self.parties.get(party_uid, nobody))

        @self.app.post("/internal/claims/{claims_id}/collection")
        async def collect(claims_id: str) -> Response:
            self.calls["collection"] += 1
            if claims_id == self.silent_about:
                return problem(503, "service_unavailable")
            told = self.values.get(claims_id)
            return JSONResponse(told) if told else problem(409, self.refuses)

        @self.app.post("/internal/claims/{claims_id}/confirmation")
        async def confirm(claims_id: str) -> Response:
            self.calls["confirmation"] += 1
            if self.values.pop(claims_id, None) is None:
                return problem(404, "claims_not_found")
            for party in self.parties.values():
                party["claims"] = [c for c in party.get("claims", []) if c["claims_id"] != claims_id]
            return Response(status_code=204)

    def knows(self, party_uid: str, **changes: Any) -> UUID:
        """Let a party be somebody who has logged in; returns her subject id."""
        subject_id = changes.pop("subject_id", None) or ids.new()
        told: dict[str, Any] = {
            "state": "bound",
            "subject_id": str(subject_id),
            "sub": f"pairwise-{subject_id.hex[-12:]}",
            "sector": "justice",
            "identified_by": "login",
            "provisional": False,
            "capacity": "self",
            "claims": [],
        }
        self.parties[party_uid] = told | changes
        return subject_id

    def holds_claims(self, party_uid: str, values: dict[str, Any], *, source: str = "vneid", level: int = 2) -> str:
        """Let claims of a party wait to be collected."""
        claims_id, party = str(ids.new()), self.parties[party_uid]
        party["claims"].append(
            {
                "claims_id": claims_id,
                "source": source,
                "state": "collectable",
                "attributes": list(values),
                "digest": "0" * 64,
                "verified_at": written(clock.now()),
            }
        )
        self.values[claims_id] = {
            "claims_id": claims_id,
            "subject_id": party["subject_id"],
            "source": source,
            "verified_at": written(clock.now()),
            "acr": "vneid:2",
            "account_level": level if source == "vneid" else None,
            "digest": "0" * 64,
            "attributes": values,
        }
        return claims_id


class Consent:
    """Plays `consent`: asserts how grants stand, and tells its clock."""

    def __init__(self, key: ServiceKey) -> None:
        self.grants: dict[UUID, Grant] = {}
        self.key = key
        self.calls: Counter[str] = Counter()
        self.down = False
        self.named: list[str] = []  # in the newest question
        self.ahead = 0.0  # seconds by which its clock is ahead of ours
        self.slow = 0.0  # seconds it takes to tell its clock
        self.answering = asyncio.Event()  # while it is not set nobody is told how grants stand
        self.answering.set()
        self.app = FastAPI()

        @self.app.post("/internal/grants/states")
        async def states(request: Request) -> Response:
            self.calls["states"] += 1
            await self.answering.wait()
            if self.down:
                return problem(503, "database_unavailable")
            asked = await request.json()
            self.named = asked["grant_ids"]
            told = [g for g in self.grants.values() if self._is_asked_for(g, asked)]
            claims = {
                "iss": "consent",
                "aud": "reuse",
                "t": written(clock.now()),
                "grants": [grant_json(g) for g in told],
            }
            return JSONResponse({"assertion": sign_jws(self.key, "grant-states+jwt", claims)})

        @self.app.get("/internal/clock")
        async def tell_clock() -> Response:
            await asyncio.sleep(self.slow)
            return JSONResponse({"now": written(clock.now() + timedelta(seconds=self.ahead))})

    @staticmethod
    def _is_asked_for(grant: Grant, asked: dict[str, Any]) -> bool:
        hers = str(grant.subject_id) == asked["subject_id"]
        of_this = grant.dossier_uid is None or str(grant.dossier_uid) == asked["dossier_uid"]
        return hers and (str(grant.grant_id) in asked["grant_ids"] or (grant.state == "granted" and of_this))


class Registries:
    """Plays the registries: answers what it is told, and counts."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}  # by registry; `found` where nothing is said
        self.records = RECORDS
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.app = FastAPI()

        @self.app.post("/{registry}/queries")
        async def query(registry: str, request: Request) -> Response:
            asked = await request.json()
            self.asked.append((registry, asked))
            outcome = self.outcomes.get(registry, "found")
            if outcome == "unavailable":
                return JSONResponse({"outcome": outcome, "retry_after": 30}, 503)
            record = self.records[registry]
            told = {a: record[a] for a in asked["attributes"] if a in record} if outcome == "found" else {}
            # One that tells more than it was asked, as the population register does.
            extra = {"person.religion": "Không"} if registry == "population" and told else {}
            answer = {
                "outcome": outcome,
                "record_id": f"{registry}:7",
                "as_of": written(clock.now()),
                "attributes": told | extra,
                "missing": [a for a in asked["attributes"] if a not in told],
            }
            return JSONResponse(answer)

    def times_asked(self, registry: str) -> int:
        """Count the questions to one register."""
        return sum(name == registry for name, _ in self.asked)


def grant_json(grant: Grant) -> dict[str, Any]:
    """Write a grant as consent does."""
    return {
        "grant_id": str(grant.grant_id),
        "version": grant.version,
        "state": grant.state,
        "kind": grant.kind,
        "scope": grant.scope,
        "subject_id": str(grant.subject_id),
        "sub": grant.sub,
        "sector": "justice" if grant.sub else None,
        "client_id": grant.client_id,
        "agency_uid": grant.agency_uid,
        "agency_name": "Ủy ban nhân dân phường Hồng An" if grant.agency_uid else None,
        "dossier_uid": str(grant.dossier_uid) if grant.dossier_uid else None,
        "party_uid": str(grant.party_uid) if grant.party_uid else None,
        "attributes": list(grant.attributes),
        "opted_out": list(grant.opted_out),
        "purpose_id": grant.purpose_id,
        "purpose_version": grant.purpose_version,
        "rule_id": grant.rule_id,
        "rule_version": grant.rule_version,
        "letter": grant.letter,
        "legal_refs": list(grant.legal_refs),
        "origin": "citizen_page",
        "given_by": "self",
        "represented_by": None,
        "request_id": None,
        "valid_from": written(grant.valid_from),
        "valid_until": written(grant.valid_until) if grant.valid_until else None,
        "use_budget": grant.use_budget,
        "withdrawn_at": None,
        "effective_by": None,
        "ended_at": None,
        "end_reason": None,
        "receipt_id": str(ids.new()),
    }
