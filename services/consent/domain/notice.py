"""A notice: exactly what one citizen was told and asked, in both languages, and the digest that receipts name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import rfc8785

from services.consent.domain.dossier import Dossier
from services.consent.domain.item import Item
from services.consent.domain.words import AttributeId, AttributeName, Words

NOTICE_VERSION = 1
"""The version of this composition: another wording or order of the fixed parts is another version."""


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 over RFC 8785 JSON in lower-case hex: the same words give the same digest anywhere."""
    return sha256(rfc8785.dumps(dict(content))).hexdigest()


@dataclass(frozen=True)
class Notice:
    """A composed notice, stored as it was shown; the page is drawn from `content` and from nothing else."""

    notice_id: UUID
    version: int
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
    notice_id: UUID,
    *,
    items: Iterable[Item],
    dossier: Dossier,
    roles: Iterable[str],
    asker: Mapping[str, str],
    vocabulary: Vocabulary,
    common: Mapping[str, Any],
) -> Notice:
    """Write down who asks, for which dossier and role, what, from where, why, on which law, how long, and what if not.

    `common` holds the fixed bilingual texts (`contracts/notices`), which thereby enter the digest too.
    """
    items = list(items)
    content = {
        "version": NOTICE_VERSION,
        "texts": dict(common),
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
    return Notice(notice_id, NOTICE_VERSION, content, digest(content))


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
