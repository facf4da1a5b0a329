"""A citizen as identity keeps her: a surrogate id, and what is known of her and how well."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.ids import SubjectId
from services.identity.domain.person import MatchKeys


@dataclass(frozen=True)
class Citizen:
    """One person per number. `provisional`: an officer typed her keys, and no source has confirmed them yet."""

    subject_id: SubjectId
    keys: MatchKeys
    account_level: int | None  # of her VNeID account, once she has logged in
    provisional: bool
    keys_at: datetime  # since when these keys are kept
    version: int
