"""How OAuth endpoints read what they are sent, and refuse in OAuth's own words (RFC 6749 §5.2), whatever went wrong."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Scope

from services.identity.domain.oauth import Error, OAuthError
from services.identity.given import Given
from services.identity.service import client_auth
from services.identity.service.client_auth import ClientCall
from shared import telemetry
from shared.dpop import InvalidDpopProof
from shared.errors import Problem, Unavailable
from shared.guards import guard
from shared.http import Db, Now, public_url
from shared.measures import REFUSALS
from shared.problems import (
    BodyTooLarge,
    HeadersTooLarge,
    InternalError,
    MalformedForm,
    MethodNotAllowed,
    RequestTimeout,
    status_of,
)

_STATUS = {Error.INVALID_CLIENT: 401, Error.TEMPORARILY_UNAVAILABLE: 503}
MAX_FIELDS = 50

REFUSAL: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A refusal in OAuth's words (RFC 6749 §5.2); "
        "the `error_description` of `invalid_authorization_details` begins with a stable word.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["error", "error_description"],
                    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
                }
            }
        },
    }
}


class OAuthRoute(APIRoute):
    """A route that refuses by OAuthError; problems are put into the same words by `answer_problem`."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # pyright: ignore[reportIncompatibleMethodOverride] - FastAPI says Coroutine, which an async function returns
        """Wrap the route."""
        handle = super().get_route_handler()

        async def in_oauths_words(request: Request) -> Response:
            try:
                return await handle(request)
            except OAuthError as refused:
                fault = "gateway" if refused.error is Error.TEMPORARILY_UNAVAILABLE else "client"
                telemetry.count(REFUSALS, {"fault": fault, "code": refused.error.value})
                return answer(refused)

        return in_oauths_words


def answer_problem(_: Scope, problem: Problem) -> Response:
    """Write a problem in OAuth's words, whether it came as far as a route or not."""
    match problem:
        case InvalidDpopProof():
            return answer(OAuthError(Error.INVALID_DPOP_PROOF, "the DPoP proof is missing, wrong, old or used"))
        case Unavailable():
            return answer(OAuthError(Error.TEMPORARILY_UNAVAILABLE, "try again in a moment"))
        case InternalError():
            return answer(OAuthError(Error.SERVER_ERROR, "a bug of ours, which has been recorded"), 500)
        case MalformedForm() | BodyTooLarge() | HeadersTooLarge() | RequestTimeout():
            return answer(OAuthError(Error.INVALID_REQUEST, "this cannot be read"), status_of(problem))
        case MethodNotAllowed():
            return answer(OAuthError(Error.INVALID_REQUEST, "this is asked by POST"), 405)
        case _:
            return answer(OAuthError(Error.INVALID_REQUEST, "this cannot be meant"))


PATHS = {path: answer_problem for path in ("/identity/par", "/identity/token")}
"""Where every refusal is OAuth's."""


def answer(refused: OAuthError, status: int | None = None) -> Response:
    """Write a refusal."""
    body = {"error": refused.error.value, "error_description": refused.description}
    return Response(
        orjson.dumps(body), status_code=status or _STATUS.get(refused.error, 400), media_type="application/json"
    )


async def read_form(request: Request) -> Mapping[str, str]:
    """Read the parameters; one that comes twice, or is a file, is refused (RFC 6749 §3.2)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthError(Error.INVALID_REQUEST, "parameters come as application/x-www-form-urlencoded")
    async with request.form(max_fields=MAX_FIELDS, max_files=0) as form:
        items = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    fields = dict(items)
    if len(fields) != len(items):
        raise OAuthError(Error.INVALID_REQUEST, "a parameter comes twice")
    if any("\0" in value for value in fields.values()):  # no `text` column holds one
        raise OAuthError(Error.INVALID_REQUEST, "a parameter holds a NUL")
    return fields


@guard
async def client_call(request: Request, db: Db, given: Given, now: Now) -> ClientCall:
    """Know the client by its assertion, and the key by its proof."""
    return await client_auth.authenticate(
        db,
        await read_form(request),
        proofs=request.headers.getlist("dpop"),
        url=public_url(request),
        issuer=given.issuer,
        now=now,
    )


CallingClient = Annotated[ClientCall, Depends(client_call)]


def form_of(*required: str, **properties: str) -> dict[str, Any]:
    """Describe the parameters of an endpoint for its OpenAPI document."""
    client = {
        "client_assertion_type": client_auth.ASSERTION_TYPE,
        "client_assertion": "A JWT of the client (RFC 7523): iss = sub = client_id, aud = the issuer as a string.",
        "client_id": "If given, the one of the assertion.",
    }
    described = {name: {"type": "string", "description": text} for name, text in {**properties, **client}.items()}
    needed = [*required, "client_assertion_type", "client_assertion"]
    schema = {"type": "object", "required": needed, "properties": described}
    return {
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}},
        "parameters": [
            {"name": "DPoP", "in": "header", "required": True, "schema": {"type": "string"},
             "description": "A proof of the key that the token will be bound to (RFC 9449)."}
        ],
    }  # fmt: skip
