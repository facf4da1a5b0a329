"""State assertions: how grants stood at a moment or later, in consent's own signed words, for one callee (§4.2)."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, JsonValue, ValidationError

from shared import jws
from shared.events import written
from shared.inside import CallRefused
from shared.keys import ServiceKey, Trust, sign_jws

TYP = "grant-states+jwt"
_LARGEST = 1 << 21  # of an answer about as many grants as may be asked for, a thousand


class StatesClaims(BaseModel):
    """What is asserted; each grant as events write it."""

    iss: str
    aud: str
    t: AwareDatetime
    grants: list[dict[str, JsonValue]]


def sign(key: ServiceKey, *, audience: str, t: datetime, grants: Sequence[dict[str, JsonValue]]) -> str:
    """Sign grants as they stood at `t` or later; the assertion has no number, a version says what is newer."""
    return sign_jws(key, TYP, {"iss": "consent", "aud": audience, "t": written(t), "grants": [*grants]})


def verify(compact: str, *, audience: str, trust: Trust) -> StatesClaims:
    """Read an assertion. Raises CallRefused when it is not signed by consent for this audience."""
    try:
        said = jws.verify_by_service(compact, typ=TYP, service="consent", trust=trust, largest=_LARGEST)
        claims = StatesClaims.model_validate(said)
    except (jws.BadJws, ValidationError) as error:
        raise CallRefused("consent's state assertion does not verify") from error
    if (claims.iss, claims.aud) != ("consent", audience):
        raise CallRefused("consent's state assertion is somebody else's")
    return claims
