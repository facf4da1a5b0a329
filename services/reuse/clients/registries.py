"""Asks the registries behind the maps: one question, one answer, and whoever asks is named."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import httpx2
from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from services.reuse.domain.ids import AttributeId
from services.reuse.domain.sources import Outcome
from shared import log, spans
from shared.inside import LONGEST_CALL, TIMEOUT
from shared.tls import trusting
from shared.transport import http_client

_PATHS = {
    "population": "population",
    "civil_status": "civil-status",
    "health_births": "health-births",
    "business": "business",
}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    outcome: Literal["found", "not_found", "partial", "mismatch"]
    record_id: str | None = None
    as_of: AwareDatetime
    attributes: dict[AttributeId, JsonValue] = {}
    missing: frozenset[AttributeId] = frozenset()


@dataclass(frozen=True)
class Question:
    """What is asked about whom, for which dossier, and on whose behalf."""

    lookup_id: UUID
    source: str
    procedure: str
    dossier_uid: UUID
    actor_kind: str
    actor_ref: str
    agency_uid: str
    match: Mapping[str, JsonValue] = field(repr=False)  # values by match key
    attributes: tuple[AttributeId, ...]


@dataclass(frozen=True)
class Answer:
    """What a register said; only when it found her values, and what it says it has not."""

    outcome: Outcome
    as_of: datetime | None = None
    record_id: str | None = None
    values: Mapping[AttributeId, JsonValue] = field(repr=False, default_factory=dict[AttributeId, JsonValue])
    missing: frozenset[AttributeId] = frozenset()


class RegistriesClient:
    """Speaks to the registries; a register that fails, or answers nonsense, is `unavailable`: a source's fault."""

    def __init__(self, base_url: str, *, ca_file: Path | None = None) -> None:
        self.http = http_client(base_url=base_url, timeout=TIMEOUT, verify=trusting(ca_file))

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def ask(self, question: Question) -> Answer:
        """Ask one register; never raises for what it does."""
        try:
            with spans.calling(_PATHS[question.source], "POST") as call:
                async with asyncio.timeout(LONGEST_CALL):
                    answer = await self.http.post(f"/{_PATHS[question.source]}/queries", json=_written(question))
                call.answered(answer.status_code)
            if answer.status_code != 200:
                return self._failed(question, str(answer.status_code))
            read = _Answer.model_validate_json(answer.content)
        except (httpx2.HTTPError, TimeoutError, ValidationError) as error:
            return self._failed(question, type(error).__name__)
        if read.outcome != "found":
            return Answer(read.outcome, read.as_of)
        # What was not asked is cut here, whatever a register likes to tell.
        values = {name: value for name, value in read.attributes.items() if name in question.attributes}
        return Answer("found", read.as_of, read.record_id, values, read.missing)

    @staticmethod
    def _failed(question: Question, reason: str) -> Answer:
        log.warning("registry_unavailable", source=question.source, lookup_id=str(question.lookup_id), reason=reason)
        return Answer("unavailable")


def _written(question: Question) -> Mapping[str, JsonValue]:
    match = question.match
    return {
        "request_id": str(question.lookup_id),
        "procedure": question.procedure,
        "dossier_ref": str(question.dossier_uid),
        "on_behalf_of": {
            "kind": question.actor_kind,
            "ref": question.actor_ref,
            "agency_uid": question.agency_uid,
        },
        "match": {
            "pin": match["person.pin"],
            "full_name": match["person.full_name"],
            "birth_date": match["person.birth_date"],
        },
        "attributes": [*sorted(question.attributes)],
    }
