"""Calls between services: who is calling is signed, for one callee, for a minute, for one use (architecture §4.2)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any, cast

import httpx2
from fastapi import Request
from pydantic import JsonValue

from shared import clock, jws, log, replay, spans, telemetry
from shared.db import Tx
from shared.errors import Conflict, Fault, Forbidden, Invalid, NotFound, Problem, Unauthenticated, Unavailable
from shared.guards import guard
from shared.http import Db, Now, service_of
from shared.keys import ServiceKey, Trust, sign_jws
from shared.transport import http_client

TYP = "service+jwt"
LIFE = timedelta(seconds=60)
SKEW = timedelta(seconds=10)
TIMEOUT = httpx2.Timeout(3.0, connect=1.0)  # of each step
LONGEST_CALL = 4.0  # seconds, all steps together


class InvalidAssertion(Unauthenticated):
    """The assertion is not by a service we trust, not for us, over, or used."""

    code = "invalid_assertion"
    challenge = "Bearer"


class CallerNotAllowed(Forbidden):
    """This service has no business with this route."""

    code = "caller_not_allowed"


class CalleeUnavailable(Unavailable):
    """The service that is asked does not answer, or not now."""


class CallRefused(Exception):
    """A service refuses how we called it or answers nonsense: our bug or a wrong key, nothing a caller could mend."""


class CallerRefused(CallRefused):
    """It does not take this call from us: a bug, or a release in which it was not ours to make yet (I12)."""


class RemoteProblem(Problem):
    """A refusal of another service, passed on under its own code, fault and advice to retry."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.code = str(told["code"])
        self.fault = cast(Fault, told["fault"]) if told.get("fault") in ("client", "citizen", "source") else "gateway"
        self.retryable = told.get("retryable") is True
        retry_at = told.get("retry_at")
        super().__init__(
            str(told.get("detail", "")),
            retry_at=datetime.fromisoformat(retry_at) if isinstance(retry_at, str) else None,
        )


class RemoteInvalid(RemoteProblem, Invalid): ...


class RemoteForbidden(RemoteProblem, Forbidden): ...


class RemoteNotFound(RemoteProblem, NotFound): ...


class RemoteConflict(RemoteProblem, Conflict): ...


class RemoteUnavailable(RemoteProblem, CalleeUnavailable): ...


_REMOTE: Mapping[int, type[RemoteProblem]] = {
    403: RemoteForbidden,
    404: RemoteNotFound,
    409: RemoteConflict,
    422: RemoteInvalid,
    503: RemoteUnavailable,
}
# These say that we called wrongly; whoever asked us can do nothing about it.
_OUR_BUGS = {"invalid_request", "malformed_json", "caller_not_allowed"}


def assertion(caller: str, callee: str, key: ServiceKey, now: datetime) -> str:
    """Sign who is calling whom."""
    issued = int(now.timestamp())
    claims = {"iss": caller, "sub": caller, "aud": callee, "iat": issued, "exp": issued + int(LIFE.total_seconds())}
    return sign_jws(key, TYP, claims | {"jti": token_urlsafe(16)})


class ServiceClient:
    """Calls one other service. Use it within `async with`, or close it.

    An attempt ends within four seconds. Raises a RemoteProblem of the callee's kind (RemoteNotFound is a NotFound),
    CalleeUnavailable when it cannot be reached, and CallRefused for what is a bug between the two.
    """

    def __init__(self, caller_name: str, callee_name: str, base_url: str, key: ServiceKey) -> None:
        self._caller = caller_name
        self._callee = callee_name
        self._key = key
        limits = httpx2.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=4.0)
        self.http = http_client(base_url=base_url, timeout=TIMEOUT, limits=limits)

    async def __aenter__(self) -> "ServiceClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, JsonValue]:
        """Ask; asks once more when the connection failed."""
        return await self._call("GET", path, again=True, params=params)

    async def post(
        self,
        path: str,
        json: Mapping[str, JsonValue] | None = None,
        *,
        idempotent: bool = False,
        within: float = LONGEST_CALL,
    ) -> dict[str, JsonValue]:
        """Ask for something to be done, `within` seconds; only with `idempotent` again when the connection failed."""
        return await self._call("POST", path, again=idempotent, within=within, json=json if json is not None else {})

    async def _call(
        self, method: str, path: str, *, again: bool, within: float = LONGEST_CALL, **what: object
    ) -> dict[str, JsonValue]:
        try:
            try:
                answer = await self._send(method, path, within, what)
            except httpx2.NetworkError:
                if not again:
                    raise
                await asyncio.sleep(0.05)
                answer = await self._send(method, path, within, what)
        except (httpx2.TransportError, TimeoutError) as error:
            log.warning("callee_unavailable", callee=self._callee, reason=type(error).__name__)
            raise CalleeUnavailable from error
        return self._read(answer)

    async def _send(self, method: str, path: str, within: float, what: Mapping[str, Any]) -> httpx2.Response:
        with spans.calling(self._callee, method) as call:
            # Signed anew each time: an assertion is good for one use.
            headers = {"authorization": f"Bearer {assertion(self._caller, self._callee, self._key, clock.now())}"}
            if traceparent := telemetry.traceparent():
                headers["traceparent"] = traceparent
            async with asyncio.timeout(within):
                answer = await self.http.request(method, path, headers=headers, **what)
            call.answered(answer.status_code)
            return answer

    def _read(self, answer: httpx2.Response) -> dict[str, JsonValue]:
        if answer.status_code == 204:
            return {}
        told = _object(answer)
        if answer.is_success and told is not None:
            return told
        kind = _REMOTE.get(answer.status_code)
        if kind and told and isinstance(told.get("code"), str) and told["code"] not in _OUR_BUGS:
            raise kind(told)
        if answer.status_code == 401:  # clocks are apart, or a key of ours is not known there yet: both pass
            log.error("callee_does_not_know_us", callee=self._callee, code=told and told.get("code"))
            raise CalleeUnavailable
        if answer.status_code >= 500:
            raise CalleeUnavailable
        code = told and told.get("code")
        refused = CallerRefused if code == CallerNotAllowed.code else CallRefused
        raise refused(f"{self._callee} answered {answer.status_code} {code}")


def _object(answer: httpx2.Response) -> dict[str, JsonValue] | None:
    try:
        told = answer.json()
    except ValueError:
        return None
    return cast(dict[str, JsonValue], told) if isinstance(told, dict) else None


@dataclass(frozen=True, slots=True)
class InsideCaller:
    """A service whose assertion has been verified and used up."""

    service: str


def inside_caller(*allowed: str) -> Callable[..., Awaitable[InsideCaller]]:
    """Make the dependency of a route under `/internal/` that only these services may call."""

    @guard
    async def inside(request: Request, db: Db, now: Now) -> InsideCaller:
        service = service_of(request)
        headers = request.headers.getlist("authorization")
        claims = verify_assertion(headers, service.settings.service, service.trust, now)
        async with db.transaction() as tx:
            await use_up(tx, claims)
        if claims["iss"] not in allowed:
            raise CallerNotAllowed
        return InsideCaller(str(claims["iss"]))

    return inside


def verify_assertion(headers: list[str], me: str, trust: Trust, now: datetime) -> jws.Claims:
    """Verify the one `Authorization: Bearer` header of an inside call. Raises InvalidAssertion."""
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise InvalidAssertion
    try:
        said = jws.parse(token, typ=TYP, algorithms={"EdDSA"}, header={"alg", "kid", "typ"}).claims
        claims = jws.verify_by_service(token, typ=TYP, service=str(said.get("iss")), trust=trust)
        issued, expires = jws.instant(claims, "iat"), jws.instant(claims, "exp")
    except jws.BadJws:
        raise InvalidAssertion from None
    if claims.get("sub") != claims["iss"] or claims.get("aud") != me or not _is_jti(claims.get("jti")):
        raise InvalidAssertion
    if issued > now + SKEW or now >= expires + SKEW or not timedelta() < expires - issued <= LIFE:
        raise InvalidAssertion
    return claims


def _is_jti(value: JsonValue) -> bool:
    return isinstance(value, str) and 16 <= len(value) <= 64


async def use_up(tx: Tx, claims: jws.Claims) -> None:
    """Use a verified assertion up; raises InvalidAssertion for all but the first."""
    until = jws.instant(claims, "exp") + LIFE  # longer than any replica's clock would still accept it
    try:
        await replay.use_once(tx, "inside", f"{claims['iss']}.{claims['jti']}", until)
    except replay.Replayed:
        raise InvalidAssertion from None
