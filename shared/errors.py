"""What can go wrong, in kinds that carry no HTTP; `shared.problems` alone turns them into answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

Fault = Literal["client", "citizen", "gateway", "source"]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One member of a request that is not as the contract says; never carries the value that was sent."""

    pointer: str  # JSON Pointer (RFC 6901) into the body, or the name of a parameter
    reason: str  # a short stable word, such as `missing`
    within: Literal["body", "query", "path", "header", "cookie"] = "body"


_OWN_NAME = re.compile(r"[a-z][A-Za-z_.]{0,63}")


def pointer(*steps: object) -> str:
    """Return the JSON Pointer (RFC 6901) of a place in a body; a name that does not look like one of ours is `*`."""
    return "".join(f"/{_shown(step)}" for step in steps)


def _shown(step: object) -> str:
    own = isinstance(step, int) or (isinstance(step, str) and _OWN_NAME.fullmatch(step))
    return str(step) if own else "*"


class Problem(Exception):
    """A refusal that the caller is told: whose fault it is and whether trying again can help (invariant I11).

    A service subclasses one of the kinds below beside the code that raises it and gives it a stable `code`.
    `detail` is shown to the caller: it must not contain personal data.
    """

    code: str
    fault: Fault = "client"
    retryable: bool = False

    def __init__(
        self, detail: str = "", *, retry_at: datetime | None = None, errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.retry_at = retry_at
        self.errors = tuple(errors)


class Invalid(Problem):
    """What was sent cannot be meant."""

    code = "invalid_request"


class Unauthenticated(Problem):
    """Nobody knows who is calling."""

    code = "unauthenticated"
    # RFC 9110 §11.6.1: a refusal for want of credentials says which would do; inside calls name another.
    challenge: ClassVar[str] = "DPoP"


class Forbidden(Problem):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(Problem):
    """There is no such thing, or none that this caller may know of: both are answered alike, without detail."""

    code = "not_found"


class Conflict(Problem):
    """The thing is not in a state in which this can be done."""

    code = "conflict"


class Unavailable(Problem):
    """Something that is needed does not answer now."""

    code = "service_unavailable"
    fault = "gateway"
    retryable = True
