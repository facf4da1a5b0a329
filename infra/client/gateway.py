"""Speaks HTTP with the gateway, and turns its refusals into exceptions that say whose fault it is."""

from collections.abc import Mapping
from typing import cast
from uuid import uuid4

import httpx2
from pydantic import JsonValue

from infra.client.tokens import Token

Json = Mapping[str, JsonValue]


class Refused(Exception):
    """The gateway answered no: an RFC 9457 problem, or an OAuth error (RFC 6749 5.2)."""

    def __init__(self, status: int, body: Json) -> None:
        self.status, self.body = status, body
        self.code = str(body.get("code") or body.get("error") or "unknown")
        self.fault = str(body.get("fault") or "client")
        self.retryable = body.get("retryable") is True
        super().__init__(f"{status} {self.code} {body.get('detail') or body.get('error_description') or ''}".strip())


class Gateway:
    """The gateway's public origin, reached through `http`, which the caller opens, may watch, and closes."""

    def __init__(self, origin: str, http: httpx2.AsyncClient) -> None:
        self.origin, self._http = origin.rstrip("/"), http

    async def get_public(self, path: str) -> Json:
        """Read what everybody may read: metadata and key sets."""
        return _json(await self._http.get(self.origin + path))

    async def post_form(self, url: str, form: Mapping[str, str], dpop: str) -> Json:
        """Call an OAuth endpoint."""
        return _json(await self._http.post(url, data=form, headers={"DPoP": dpop, "Accept": "application/json"}))

    async def call(
        self,
        token: Token,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Call an API with a token and a fresh proof of its key; raises `Refused`. An answer without a body is {}.

        What does something says by a key that it is meant once; who tries again says the same key.
        """
        extra = {"Idempotency-Key": f'"{idempotency_key or uuid4()}"'} if method == "POST" else {}
        return _json(await self._send(token, method, path, body=body, query=query, headers=extra))

    async def read_text(self, token: Token, path: str, query: Mapping[str, str] | None = None) -> str:
        """Read what is kept or verified as it came: a signed receipt, a bundle, a proof; raises `Refused`."""
        answer = await self._send(token, "GET", path, query=query)
        if not answer.is_success:
            _json(answer)
        return answer.text

    async def _send(
        self,
        token: Token,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        url = self.origin + path
        credentials = {
            "Authorization": f"DPoP {token.access_token}",
            "DPoP": token.key.proof(method, url, token.access_token),
        }
        return await self._http.request(
            method, url, params=query, json=body, headers={**credentials, **(headers or {})}
        )


def _json(answer: httpx2.Response) -> Json:
    if answer.status_code == 204:
        return {}
    try:
        body: object = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(answer.status_code, {"detail": "the answer is not a JSON object"})
    if not answer.is_success:
        raise Refused(answer.status_code, cast(Json, body))
    return cast(Json, body)
