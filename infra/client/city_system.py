"""A city system towards the gateway: everything it can do, one method for each step of a dossier."""

from collections.abc import Mapping, Sequence
from typing import cast

import httpx2
from joserfc.jwk import ECKey, KeySet, KeySetSerialization
from pydantic import JsonValue

from infra.client.gateway import Gateway, Json
from infra.client.keys import ClientKey
from infra.client.oauth import AuthorizationServer, Service
from infra.client.releases import NotTrusted, Release, verify_release
from infra.client.tokens import Flow, Token

_DETAILS_TYPE = "reuse_dossier"
Actor = Mapping[str, JsonValue]


def officer(ref: str, position: str) -> Actor:
    """Name the officer who acts: by a reference only the agency can resolve, and the position the citizen sees."""
    return {"kind": "officer", "ref": ref, "position": position}


AUTOMATED: Actor = {"kind": "automated"}


class CitySystem:
    """One registered client. `http` is opened and closed by the caller, who may watch it (event hooks)."""

    def __init__(
        self, client_id: str, key: ECKey, gateway_origin: str, redirect_uri: str, *, http: httpx2.AsyncClient
    ) -> None:
        self._client_id = client_id
        self._gateway = Gateway(gateway_origin, http)
        self._server = AuthorizationServer(self._gateway, ClientKey(client_id, key), redirect_uri)

    # --- tokens

    async def officer_token(self, agency_uid: str, actor: Actor, service: Service = "reuse") -> Token:
        """Get a token for work without the citizen: opening, planning, the counter, the officer's verdict."""
        details: Json = {"type": _DETAILS_TYPE, "agency_uid": agency_uid, "actor": dict(actor)}
        return await self._server.client_token(details, service)

    async def begin_login(
        self,
        *,
        agency_uid: str,
        dossier_uid: str,
        party_uid: str,
        attributes: Sequence[str],
        service: Service = "reuse",
        ui_locales: str | None = None,
    ) -> Flow:
        """Ask for the citizen's login as one party of a dossier; send her browser to `flow.authorize_url`.

        `attributes` are all that will be asked of her; more than the pinned procedure allows is `Refused` (R7).
        `ui_locales` says in which language she reads pages (`vi`, `en`).
        """
        details: Json = {
            "type": _DETAILS_TYPE,
            "agency_uid": agency_uid,
            "actor": {"kind": "citizen"},
            "dossier_uid": dossier_uid,
            "party_uid": party_uid,
            "attributes": list(attributes),
        }
        return await self._server.begin_login(details, service, ui_locales=ui_locales)

    async def finish_login(self, flow: Flow, callback_url: str) -> Token:
        """Exchange what her browser brought back; raises `LoginFailed` when she gave up or could not log in."""
        return await self._server.finish_login(flow, callback_url)

    # --- the dossier

    async def open_dossier(self, token: Token, application: Json) -> Json:
        """Open a dossier; the answer names its uid, its parties and its components."""
        return await self._gateway.call(token, "POST", "/reuse/dossiers", body=application)

    async def dossier(self, token: Token, dossier_uid: str) -> Json:
        """Read a dossier with the officer's verdicts, and how many papers were not asked for."""
        return await self._gateway.call(token, "GET", f"/reuse/dossiers/{dossier_uid}")

    async def plan(self, token: Token, dossier_uid: str) -> Json:
        """Read, component by component, what can be reused, what is missing, and who has to do what next."""
        return await self._gateway.call(token, "GET", f"/reuse/dossiers/{dossier_uid}/plan")

    async def collect(self, token: Token, dossier_uid: str, request: Json) -> Json:
        """Have what is granted fetched: the login's claims and the registries' answers."""
        return await self._gateway.call(token, "POST", f"/reuse/dossiers/{dossier_uid}/collection", body=request)

    async def release(
        self, token: Token, dossier_uid: str, request: Json, *, idempotency_key: str | None = None
    ) -> Release:
        """Get the verified data of one party, and verify them. A repeat with the same key is not a second use."""
        path = f"/reuse/dossiers/{dossier_uid}/releases"
        answer = await self._gateway.call(token, "POST", path, body=request, idempotency_key=idempotency_key)
        compact = answer.get("release")
        if not isinstance(compact, str):
            raise NotTrusted("the answer carries no release")
        keys = KeySet.import_key_set(cast(KeySetSerialization, await self._gateway.get_public("/reuse/jwks")))
        issuer = f"{self._gateway.origin}/reuse"
        return verify_release(compact, keys, issuer=issuer, audience=self._client_id, dossier_uid=dossier_uid)

    async def receive(self, token: Token, dossier_uid: str, official_code: str) -> Json:
        """Mark the dossier as received under its official code, which is set once."""
        body: Json = {"official_code": official_code}
        return await self._gateway.call(token, "POST", f"/reuse/dossiers/{dossier_uid}/receipt", body=body)

    async def close(self, token: Token, dossier_uid: str, outcome: str) -> Json:
        """Close the dossier: rights to release to it end here."""
        body: Json = {"outcome": outcome}
        return await self._gateway.call(token, "POST", f"/reuse/dossiers/{dossier_uid}/closure", body=body)

    # --- the officer

    async def check_card(self, token: Token, check: Json) -> Json:
        """Identify a party by the card shown; needs a token for `identity`."""
        return await self._gateway.call(token, "POST", "/identity/checks", body=check)

    async def decide_legal_basis(self, token: Token, decision: Json) -> Json:
        """Record at the counter that the procedure's legal basis applies to a party; needs a token for `consent`."""
        return await self._gateway.call(token, "POST", "/consent/legal-basis-decisions", body=decision)

    async def end_legal_basis(self, token: Token, grant_id: str, reason: str) -> Json:
        """End a legal-basis grant by an officer's reasoned decision (R11); needs a token for `consent`."""
        body: Json = {"reason": reason}
        return await self._gateway.call(token, "POST", f"/consent/grants/{grant_id}/ending", body=body)

    async def receipt(self, token: Token, receipt_id: str) -> str:
        """Read a consent receipt as it was signed (a compact JWS); needs a token for `consent`."""
        return await self._gateway.read_text(token, f"/consent/receipts/{receipt_id}")

    async def accept(self, token: Token, dossier_uid: str, component_id: str) -> Json:
        """Accept a component: only now its paper counts as not asked for (R14)."""
        path = f"/reuse/dossiers/{dossier_uid}/components/{component_id}/acceptance"
        return await self._gateway.call(token, "POST", path, body={})

    async def reject(self, token: Token, dossier_uid: str, component_id: str, reason: str) -> Json:
        """Reject a component, and say why."""
        path = f"/reuse/dossiers/{dossier_uid}/components/{component_id}/rejection"
        return await self._gateway.call(token, "POST", path, body={"reason": reason})

    async def deposit(self, token: Token, dossier_uid: str, result: Json) -> Json:
        """Deposit the procedure's result as evidence of the person it is about (R15)."""
        return await self._gateway.call(token, "POST", f"/reuse/dossiers/{dossier_uid}/results", body=result)

    # --- the auditor

    async def audit_events(self, token: Token, *, case_no: str, purpose: str, **filters: str) -> Json:
        """Read events under a case number; the reading becomes a leaf itself. Needs a token for `audit`."""
        query = {"case_no": case_no, "purpose": purpose, **filters}
        return await self._gateway.call(token, "GET", "/audit/events", query=query)

    async def bundle(self, token: Token, *, case_no: str, purpose: str, **filters: str) -> str:
        """Carry the log away as the text that `python -m services.audit verify` checks offline."""
        query = {"case_no": case_no, "purpose": purpose, **filters}
        return await self._gateway.read_text(token, "/audit/bundle", query)
