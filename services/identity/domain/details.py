"""`authorization_details` (RFC 9396) of our one type: for which agency, by whom, for whose part of which dossier."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from services.identity.domain.oauth import Error, OAuthError
from shared.bodies import NoPersonsNumber
from shared.tokens import Actor

TYPE = "reuse_dossier"

Attribute = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$", max_length=60)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class _Actor(_Strict):
    kind: Literal["citizen", "officer", "automated"]
    ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$"), NoPersonsNumber] | None = None
    position: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$"), NoPersonsNumber] | None = None


class Details(_Strict):
    """What one token is for. Which members belong together is for `as_login`, `as_self_service` and `as_work`."""

    type: Literal["reuse_dossier"]
    purpose: Literal["procedure", "self_service"] = "procedure"
    agency_uid: Annotated[str, Field(pattern=r"^ag-[0-9]{6}$")] | None = None
    actor: _Actor | None = None
    dossier_uid: Annotated[UUID, Field(strict=False)] | None = None
    party_uid: Annotated[UUID, Field(strict=False)] | None = None
    attributes: Annotated[list[Attribute], Field(min_length=1, max_length=100)] | None = None


class Login(_Strict):
    """A login for one party of one dossier."""

    agency_uid: str
    dossier_uid: UUID
    party_uid: UUID
    attributes: tuple[str, ...]

    def granted(self, attributes: tuple[str, ...]) -> list[JsonValue]:
        """Echo the details with the attributes that were granted (RFC 9396 §7)."""
        return [
            {
                "type": TYPE,
                "agency_uid": self.agency_uid,
                "actor": {"kind": "citizen"},
                "dossier_uid": str(self.dossier_uid),
                "party_uid": str(self.party_uid),
                "attributes": list(attributes),
            }
        ]


class Work(_Strict):
    """Work without the citizen: an officer's or a machine's, for one agency."""

    agency_uid: str
    actor: Actor

    def granted(self) -> list[JsonValue]:
        """Echo the details (RFC 9396 §7)."""
        told = {"kind": self.actor.kind, "ref": self.actor.ref, "position": self.actor.position}
        actor: dict[str, JsonValue] = {name: value for name, value in told.items() if value is not None}
        return [{"type": TYPE, "agency_uid": self.agency_uid, "actor": actor}]


SELF_SERVICE: list[JsonValue] = [{"type": TYPE, "purpose": "self_service"}]

_ONE = TypeAdapter(Annotated[list[Details], Field(min_length=1, max_length=1)])


def parse(text: str) -> Details:
    """Read the parameter: a JSON array of exactly one object of our type. Raises OAuthError."""
    try:
        return _ONE.validate_json(text)[0]
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"] if step in Details.model_fields)
        raise refused(f"malformed: {where or 'one object of type ' + TYPE}") from None


def as_self_service(details: Details) -> None:
    """Accept a login to our own page: nothing else may be named. Raises OAuthError."""
    if details.model_fields_set != {"type", "purpose"} or details.purpose != "self_service":
        raise refused("malformed: this client logs citizens in to their own page only")


def as_login(details: Details) -> Login:
    """Accept a login for a party of a dossier. Raises OAuthError."""
    d = details
    if d.purpose != "procedure" or d.actor != _Actor(kind="citizen"):
        raise refused("malformed: a login has the actor citizen, without reference or position")
    if d.agency_uid is None or d.dossier_uid is None or d.party_uid is None or d.attributes is None:
        raise refused("malformed: a login names agency_uid, dossier_uid, party_uid and attributes")
    if len(set(d.attributes)) != len(d.attributes):
        raise refused("malformed: an attribute is named twice")
    return Login(
        agency_uid=d.agency_uid, dossier_uid=d.dossier_uid, party_uid=d.party_uid, attributes=tuple(d.attributes)
    )


def as_work(details: Details) -> Work:
    """Accept work of an officer, who is named by reference and position, or of a machine. Raises OAuthError."""
    d = details
    if d.purpose != "procedure" or d.agency_uid is None or d.actor is None or d.actor.kind == "citizen":
        raise refused("malformed: work names agency_uid and an actor that is officer or automated")
    if d.dossier_uid or d.party_uid or d.attributes:
        raise refused("malformed: work is for no single dossier")
    named = (d.actor.ref, d.actor.position)
    if not (all(named) if d.actor.kind == "officer" else named == (None, None)):
        raise refused("malformed: an officer, and only an officer, has a ref and a position")
    return Work(agency_uid=d.agency_uid, actor=Actor(d.actor.kind, d.actor.ref, d.actor.position))


def refused(description: str) -> OAuthError:
    """Make the refusal of authorization details (RFC 9396 §5)."""
    return OAuthError(Error.INVALID_DETAILS, description)
