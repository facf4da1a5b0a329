"""What consent is asked for, and how it is called towards citizens: attributes, and purposes by version."""

from dataclasses import dataclass

from services.consent.domain.ids import AttributeId
from shared.languages import Words


@dataclass(frozen=True)
class AttributeName:
    """How an attribute is called towards the citizen, and whether the law counts it as sensitive."""

    id: AttributeId
    name: Words
    sensitive: bool


@dataclass(frozen=True)
class Purpose:
    """One version of what consent is asked for (`contracts/purposes`), with the digest of its exact wording."""

    id: str
    version: int
    scope: str
    title: Words
    text: Words
    if_refused: Words
    legal_refs: tuple[str, ...]
    days: int
    attributes: tuple[AttributeId, ...] | None
    sha256: str
