"""Who acts in law."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AgencyName:
    """An agency, by uid and by its name at that time."""

    uid: str
    name: str
