"""Turns what goes wrong into answers: our own problems, what validation found, what the framework refused."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from shared import clock, idempotency, telemetry
from shared.errors import NotFound, Problem
from shared.measures import REFUSALS
from shared.problems import (
    BodyTooLarge,
    InternalError,
    MalformedForm,
    MalformedJson,
    MethodNotAllowed,
    RequestTimeout,
    invalid_request,
    problem_response,
)

Render = Callable[[Scope, Problem], Response]


def renderer(render_page: Render | None, render_at: Mapping[str, Render]) -> Render:
    """Choose how a problem is answered: as its address says, as a page for a browser, else as problem+json."""

    def render(scope: Scope, problem: Problem) -> Response:
        telemetry.count(REFUSALS, {"fault": problem.fault, "code": problem.code})
        if own := render_at.get(scope["path"]):
            return own(scope, problem)
        if render_page and _wants_page(scope):
            return render_page(scope, problem)
        return problem_response(problem)

    return render


def _wants_page(scope: Scope) -> bool:
    """Say whether somebody in a browser waits for the answer: by the route, or by the request where there is none."""
    if route := scope.get("route"):
        return bool(getattr(route, "is_page", False))
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return accept.startswith(b"text/html")


def answer_problems(app: FastAPI, render: Render) -> None:
    """Have every refusal, whoever raised it, answered by `render`, and repeats with what was answered before."""

    async def on_problem(request: Request, error: Exception) -> Response:
        return render(request.scope, cast(Problem, error))

    async def on_invalid(request: Request, error: Exception) -> Response:
        found = cast(RequestValidationError, error).errors()
        malformed = any(one["type"] == "json_invalid" for one in found)
        return render(request.scope, MalformedJson() if malformed else invalid_request(found))

    async def on_http(request: Request, error: Exception) -> Response:
        refusal = cast(HTTPException, error)
        response = render(request.scope, _problem_of(refusal, request))
        if refusal.status_code == 405 and refusal.headers:
            response.headers.update({k: v for k, v in refusal.headers.items() if k.lower() == "allow"})
        return response

    async def on_answered(request: Request, error: Exception) -> Response:
        before = cast(idempotency.Answered, error)
        headers = {"idempotency-replayed": "true"}
        return Response(before.answer, before.status, headers, media_type="application/json")

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(idempotency.Answered, on_answered)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)


def _problem_of(refusal: HTTPException, request: Request) -> Problem:
    """Say what the framework refused in our words."""
    match refusal.status_code:
        case 400:
            form = "form" in request.headers.get("content-type", "")
            return MalformedForm() if form else MalformedJson()
        case 404:
            return NotFound()
        case 405:
            return MethodNotAllowed()
        case 408:
            return RequestTimeout(retry_at=clock.now())
        case 413:
            return BodyTooLarge()
        case _:
            return InternalError()


PROBLEM_IN_OPENAPI: dict[str, Any] = {
    "description": "A problem (RFC 9457): `code` says which, `fault` whose, `retryable` whether trying again can help.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "code", "fault", "retryable", "trace_id"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                    "fault": {"enum": ["client", "citizen", "gateway", "source"]},
                    "retryable": {"type": "boolean"},
                    "retry_at": {"type": "string", "format": "date-time"},
                    "trace_id": {"type": "string"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["in", "pointer", "reason"],
                            "properties": {
                                "in": {"enum": ["body", "query", "path", "header", "cookie"]},
                                "pointer": {"type": "string"},
                                "reason": {"type": "string"},
                            },
                        },
                    },
                },
            }
        }
    },
}
