"""Reads the registration file: calling systems, their public keys and addresses, and their dated mandates."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from joserfc.errors import JoseError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.identity.client_keys import UnfitKey, check_fit
from services.identity.domain.client import Client, ClientKind, DatedMandate, Registration, find_doubled
from services.identity.policy import SERVICES
from shared.reference import Reference
from shared.settings import check_secure_url
from shared.tokens import Mandate
from shared.vietnam import start_of


class InvalidRegistrations(Exception):
    """The registration file may not be used; the message says where. A service does not start with it."""


def _check_redirect_uri(uri: str) -> str:
    check_secure_url(urlsplit(uri)._replace(query="").geturl())  # compared as one string, so a query is no harm
    return uri


def _check_keys(jwks: dict[str, Any]) -> dict[str, Any]:
    try:
        check_fit(jwks)
    except (UnfitKey, JoseError) as error:
        raise ValueError(str(error)) from None
    return jwks


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Mandate(_Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")]
    kind: Literal["procedure", "audit"]
    agency_uid: str
    procedures: list[Annotated[str, Field(pattern=r"^[1-6]\.[0-9]{6}$")]]
    valid_from: Annotated[date, Field(alias="from")]
    until: date | None = None
    legal_ref: Annotated[str, Field(min_length=5, max_length=200)]

    def dated(self, client_id: str) -> DatedMandate:
        until = start_of(self.until) if self.until else None
        return DatedMandate(
            mandate=Mandate(self.id, self.kind, tuple(self.procedures), until),
            client_id=client_id,
            agency_uid=self.agency_uid,
            valid_from=start_of(self.valid_from),
            legal_ref=self.legal_ref,
        )


class _Client(_Strict):
    client_id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
    name: Annotated[str, Field(min_length=1, max_length=300)]
    kind: ClientKind = ClientKind.CITY_SYSTEM
    jwks: Annotated[dict[str, Any], AfterValidator(_check_keys)]
    redirect_uris: list[Annotated[str, Field(max_length=2000), AfterValidator(_check_redirect_uri)]]
    mandates: list[_Mandate]

    def registration(self) -> Registration:
        client = Client(self.client_id, self.name, self.kind, self.jwks, tuple(self.redirect_uris))
        return Registration(client, tuple(each.dated(self.client_id) for each in self.mandates))


class _File(_Strict):
    clients: list[_Client]


def load(path: Path, reference: Reference) -> tuple[Registration, ...]:
    """Read and check the file. Days are days in Vietnam, periods half-open. Raises InvalidRegistrations."""
    try:
        read = _File.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise InvalidRegistrations(f"{path.name}: {error}") from error
    found = tuple(each.registration() for each in read.clients)
    _check_together(found, reference.agencies)
    return found


def _check_together(found: tuple[Registration, ...], agencies: Mapping[str, object]) -> None:
    mandates = [dated for each in found for dated in each.mandates]
    _check_unique("client_id", [each.client.client_id for each in found])
    _check_unique("mandate id", [dated.mandate.id for dated in mandates])
    if unknown := [dated.mandate.id for dated in mandates if dated.agency_uid not in agencies]:
        raise InvalidRegistrations(f"mandates of unknown agencies: {', '.join(unknown)}")
    if wrong := [dated.mandate.id for dated in mandates if not _has_time(dated)]:
        raise InvalidRegistrations(f"mandates that end before they begin: {', '.join(wrong)}")
    if doubled := find_doubled(mandates):
        raise InvalidRegistrations(f"{doubled.mandate.id} overlaps another of its client, agency and kind")
    for each in found:
        own = each.client
        if own.is_first_party and (own.client_id not in SERVICES or each.mandates):
            raise InvalidRegistrations(f"{own.client_id}: a first party is one of our services and has no mandates")


def _check_unique(what: str, values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise InvalidRegistrations(f"a {what} is given twice")


def _has_time(dated: DatedMandate) -> bool:
    return dated.mandate.until is None or dated.valid_from < dated.mandate.until
