"""Keys of tokens: the one that signs is published with those beside it, and what any of them signed is believed."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import rsa

from services.identity.tokens import TokenIssuer
from shared.keys import SigningKey

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def test_a_former_key_is_published_and_found_and_an_unknown_one_is_not() -> None:
    signs, former = (SigningKey(rsa.generate_private_key(65537, 2048)) for _ in range(2))
    tokens = TokenIssuer("https://gateway.example/identity", signs, [former.public_jwk()])
    assert [each["kid"] for each in tokens.jwks()["keys"]] == [signs.kid, former.kid]
    found = [await tokens.find(kid, NOW) for kid in (signs.kid, former.kid, "unknown")]
    assert [key is not None for key in found] == [True, True, False]
