"""A notice: exactly what one citizen was told and asked, in both languages, and the digest that receipts name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import rfc8785

from services.consent.domain.dossier import Dossier
from services.consent.domain.ids import AttributeId
from services.consent.domain.item import Item
from services.consent.domain.purpose import AttributeName
from shared.languages import Words

COMPOSITION = 1
"""The version of this composition: other members or another order of them is another version."""


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 over RFC 8785 JSON in lower-case hex: the same words give the same digest anywhere."""
    return sha256(rfc8785.dumps(dict(content))).hexdigest()


@dataclass(frozen=True)
class Wording:
    """One published version of the words around the items (`wording.yaml`)."""

    id: str
    version: int
    words: Mapping[str, Any]


@dataclass(frozen=True)
class Notice:
    """A notice as one citizen was shown it: a published wording, filled with what she is told and asked.

    The page is drawn from `content` and from nothing else; `sha256` is its digest.
    """

    notice_uid: UUID
    wording_id: str
    wording_version: int
    content: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True)
class Vocabulary:
    """How attributes, sources and roles are called towards citizens."""

    attributes: Mapping[AttributeId, AttributeName]
    sources: Mapping[str, Words]
    roles: Mapping[str, Words]

    def attribute(self, attribute: AttributeId) -> dict[str, Any]:
        """Name one attribute and say whether it is sensitive, as the law asks of a consent text."""
        named = self.attributes[attribute]
        return {"id": attribute, **named.name.as_json(), "sensitive": named.sensitive}


def compose_notice(
    notice_uid: UUID,
    *,
    items: Iterable[Item],
    dossier: Dossier,
    roles: Iterable[str],
    asker: Mapping[str, str],
    vocabulary: Vocabulary,
    wording: Wording,
) -> Notice:
    """Write down who asks, for which dossier and role, what, from where, why, on which law, how long, and what if not.

    The wording enters the digest too.
    """
    items = list(items)
    content = {
        "composition": COMPOSITION,
        "wording": {"id": wording.id, "version": wording.version, "words": dict(wording.words)},
        "asked_by": dict(asker),
        "dossier": {
            "dossier_uid": str(dossier.dossier_uid),
            "reference": dossier.reference,
            "procedure": dossier.procedure,
            "procedure_name": dossier.procedure_name.as_json(),
            "roles": [vocabulary.roles.get(role, Words(role, role)).as_json() for role in roles],
        },
        "told": [_told(item, vocabulary) for item in items if item.rule],
        "asked": [_asked(item, vocabulary) for item in items if item.purpose],
    }
    return Notice(notice_uid, wording.id, wording.version, content, digest(content))


def _told(item: Item, vocabulary: Vocabulary) -> dict[str, Any]:
    rule = item.rule
    assert rule is not None  # noqa: S101 - the caller chose by it
    return {
        **_common(item, vocabulary),
        "rule": {"id": rule.id, "version": rule.version},
        "letter": rule.letter,
        "legal_refs": list(rule.legal_refs),
        "ends_on": rule.ends_on.isoformat() if rule.ends_on else None,
    }


def _asked(item: Item, vocabulary: Vocabulary) -> dict[str, Any]:
    purpose = item.purpose
    assert purpose is not None  # noqa: S101 - the caller chose by it
    return {
        **_common(item, vocabulary),
        "purpose": {"id": purpose.id, "version": purpose.version, "sha256": purpose.sha256},
        "scope": item.scope.value,
        "title": purpose.title.as_json(),
        "text": purpose.text.as_json(),
        "if_refused": purpose.if_refused.as_json(),
        "legal_refs": list(purpose.legal_refs),
        "days": purpose.days,
    }


def _common(item: Item, vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "document": item.document.as_json() if item.document else None,
        "attributes": [vocabulary.attribute(attribute) for attribute in item.attributes],
        "sources": [vocabulary.sources.get(source, Words(source, source)).as_json() for source in item.sources],
    }
