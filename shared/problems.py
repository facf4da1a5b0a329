"""The one table that turns problems into HTTP answers (RFC 9457)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from shared import clock, telemetry
from shared.details import DETAILS
from shared.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
    pointer,
)
from shared.idempotency import IdempotencyKeyInvalid


class MalformedJson(Invalid):
    """The body is not JSON."""

    code = "malformed_json"


class MalformedForm(Invalid):
    """The body is not the form it says it is."""

    code = "malformed_form"


class UnsupportedMediaType(Invalid):
    """The body is of a type that this route does not read."""

    code = "unsupported_media_type"


class RequestTimeout(Invalid):
    """The body came too slowly: whoever sends it holds a connection that others need."""

    code = "request_timeout"
    retryable = True


class HeadersTooLarge(Invalid):
    """More, or longer, header fields than any client of ours sends."""

    code = "headers_too_large"


class BodyTooLarge(Invalid):
    """The body is larger than this route takes."""

    code = "body_too_large"


class MethodNotAllowed(Invalid):
    """There is such an address, but nothing is done there by this method."""

    code = "method_not_allowed"


class InternalError(Problem):
    """A bug of ours: logged in full, told to nobody."""

    code = "internal_error"
    fault = "gateway"


# The first kind that fits decides, so the narrow ones come first.
STATUS: Mapping[type[Problem], int] = {
    MalformedJson: 400,
    MalformedForm: 400,
    UnsupportedMediaType: 415,
    RequestTimeout: 408,
    HeadersTooLarge: 431,
    BodyTooLarge: 413,
    MethodNotAllowed: 405,
    IdempotencyKeyInvalid: 400,
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Unavailable: 503,
}


def status_of(problem: Problem) -> int:
    """Return the HTTP status of a problem's kind; what has no kind is a bug of ours."""
    return next((status for kind, status in STATUS.items() if isinstance(problem, kind)), 500)


def problem_members(problem: Problem) -> dict[str, Any]:
    """Say a problem in the members of RFC 9457 and our own: code, fault, retryable, retry_at, trace_id, errors."""
    members: dict[str, Any] = {
        "type": f"urn:motlan:problem:{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": status_of(problem),
        "code": problem.code,
        "fault": problem.fault,
        "retryable": problem.retryable,
        "trace_id": telemetry.trace_id(),
    }
    # A foreign thing and a missing one are answered alike, whatever the code that refused had to say.
    own = "" if isinstance(problem, NotFound) else problem.detail
    if detail := own or DETAILS.get(problem.code):
        members["detail"] = detail
    if problem.retry_at:
        members["retry_at"] = problem.retry_at
    if problem.errors:
        members["errors"] = [
            {"in": error.within, "pointer": error.pointer, "reason": error.reason} for error in problem.errors
        ]
    return members


def problem_headers(problem: Problem) -> dict[str, str]:
    """Return the headers a problem comes with: the challenge of a 401, the pause of a 503."""
    headers: dict[str, str] = {}
    if isinstance(problem, Unauthenticated):
        headers["www-authenticate"] = _challenge(problem)
    if problem.retry_at:
        headers["retry-after"] = str(max(1, math.ceil((problem.retry_at - clock.now()).total_seconds())))
    return headers


def problem_response(problem: Problem) -> Response:
    """Answer a problem as `application/problem+json`."""
    return Response(
        orjson.dumps(problem_members(problem), option=orjson.OPT_UTC_Z),
        status_code=status_of(problem),
        headers=problem_headers(problem),
        media_type="application/problem+json",
    )


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> Invalid:
    """Turn pydantic's errors into ours: where and why, never what was sent; of names only what looks like one."""
    return Invalid(errors=[_field_error(error) for error in errors])


def _challenge(problem: Unauthenticated) -> str:
    # RFC 9110 §11.6.1, RFC 6750 §3.1 (no error code where no credentials came), RFC 9449 §7.1.
    error = f'error="{problem.code}"' if type(problem) is not Unauthenticated else ""
    algorithms = 'algs="ES256"' if problem.challenge == "DPoP" else ""
    return f"{problem.challenge} {', '.join(filter(None, (error, algorithms)))}".strip()


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where, *path = error["loc"] or ("body",)
    if where == "body":
        return FieldError(pointer(*path), error["type"], "body")
    return FieldError(pointer(*path[:1])[1:], error["type"], where)
