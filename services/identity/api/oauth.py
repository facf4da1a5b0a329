"""The authorization server towards city systems: FAPI 2.0 shaped, and only so."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from services.identity.api.oauth_form import REFUSAL, CallingClient, OAuthRoute, form_of
from services.identity.api.schemas import PushedView, TokenView
from services.identity.client_keys import ALGORITHMS
from services.identity.domain.details import TYPE
from services.identity.given import Given
from services.identity.service import par, token
from shared.guards import public
from shared.http import Db, Now
from shared.languages import LANGUAGES

router = APIRouter(tags=["oauth"], route_class=OAuthRoute)

_CACHED = {"cache-control": "public, max-age=600"}
_DETAILS = "A JSON array of one object of type reuse_dossier (RFC 9396)."
_RESOURCE = "The service the token is for: <origin>/identity, /consent, /reuse or /audit (RFC 8707)."


@router.post(
    "/identity/par",
    status_code=201,
    responses=REFUSAL,
    openapi_extra=form_of(
        "response_type", "redirect_uri", "code_challenge", "code_challenge_method", "authorization_details", "resource",
        response_type="code", redirect_uri="One that is registered, exactly.", state="Comes back as it is.",
        ui_locales="The language of her pages, `vi` or `en`, the most wanted first (OpenID Connect Core §3.1.2.1).",
        code_challenge="RFC 7636.", code_challenge_method="S256", authorization_details=_DETAILS, resource=_RESOURCE,
    ),
)  # fmt: skip
async def push_request(call: CallingClient, given: Given, db: Db, now: Now) -> PushedView:
    """Push what a login will be asked (RFC 9126); more than the pinned procedure allows is refused here (R7)."""
    return PushedView.of(await par.push(db, given=given, call=call, now=now))


@router.post(
    "/identity/token",
    responses=REFUSAL,
    openapi_extra=form_of(
        "grant_type", grant_type="authorization_code or client_credentials", code="Of a login, for one use.",
        code_verifier="RFC 7636.", redirect_uri="If given, the one of the pushed request.",
        authorization_details=_DETAILS, resource=_RESOURCE,
    ),
)  # fmt: skip
async def give_token(call: CallingClient, given: Given, db: Db, now: Now) -> TokenView:
    """Issue a DPoP-bound access token for at most five minutes."""
    return TokenView.of(await token.exchange(db, given=given, call=call, now=now))


@router.get("/identity/jwks")
@public
async def get_keys(given: Given) -> JSONResponse:
    """Publish the keys that verify access tokens (RFC 7517)."""
    return JSONResponse(given.tokens.jwks(), headers=_CACHED)


@router.get("/.well-known/oauth-authorization-server/identity")
@public
async def get_metadata(given: Given) -> JSONResponse:
    """Publish what this server can do (RFC 8414); the issuer has a path, so the address begins with well-known."""
    return JSONResponse(metadata(given.issuer), headers=_CACHED)


def metadata(issuer: str) -> dict[str, Any]:
    """Return the metadata of an issuer."""
    algorithms = sorted(ALGORITHMS)
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "require_pushed_authorization_requests": True,
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_details_types_supported": [TYPE],
        "authorization_response_iss_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_parameter_supported": False,
        "ui_locales_supported": list(LANGUAGES),
    }
