"""What we sign is read by a library that did not make it: PyJWT, with the published keys alone."""

from typing import Any

import jwt
import pytest

from infra.client.examples import new_application
from infra.demo.cast import Cast, open_application

pytestmark = pytest.mark.stack


async def read(cast: Cast, compact: str, keys: str, algorithm: str, **expected: Any) -> dict[str, Any]:
    published = (await cast.http.get(f"{cast.laptop.ports.origin}{keys}")).json()
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(compact)["kid"]]
    return jwt.decode(compact, key, algorithms=[algorithm], **expected)


async def test_tokens_releases_and_receipts_are_read_by_a_library_that_did_not_make_them(cast: Cast) -> None:
    origin = cast.laptop.ports.origin
    birth = await open_application(cast.justice, new_application("birth"))
    async with cast.person("mother") as person:
        token = await birth.login(person, "mother", "refused")
    claims = await read(
        cast, token.access_token, "/identity/jwks", "PS256", audience=f"{origin}/reuse", issuer=f"{origin}/identity"
    )
    assert jwt.get_unverified_header(token.access_token)["typ"] == "at+jwt"
    assert (claims["dossier_uid"], claims["actor"]["kind"]) == (birth.uid, "citizen")
    assert claims["exp"] - claims["iat"] <= 300
    assert "subject_id" not in claims

    await birth.collect("mother", token)
    release = await birth.release("mother", token)
    released = await read(
        cast, release.jws, "/reuse/jwks", "ES256", audience="justice-system", issuer=f"{origin}/reuse"
    )
    assert released["sub"] == claims["sub"]
    assert {"verification", "claims"} == set(released["verified_claims"][0])


async def test_a_release_for_one_system_is_not_another_systems(cast: Cast) -> None:
    birth = await open_application(cast.justice, new_application("birth"))
    async with cast.person("mother") as person:
        token = await birth.login(person, "mother", "refused")
    await birth.collect("mother", token)
    release = await birth.release("mother", token)
    with pytest.raises(jwt.InvalidAudienceError):
        await read(cast, release.jws, "/reuse/jwks", "ES256", audience="business-system")
