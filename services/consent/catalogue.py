"""What consent knows from `contracts/`: purposes by version, the fixed words of a notice, and how things are called."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

from services.consent.domain.dossier import Dossier, PartyUid
from services.consent.domain.item import Item, Scope
from services.consent.domain.notice import Notice, Vocabulary, compose_notice, digest
from services.consent.domain.words import AttributeId, AttributeName, Purpose, Words
from shared import ids, reference
from shared.vietnam import day_in_vietnam

_NOTICE = Path(__file__).parent / "notice.yaml"


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Version(_Read):
    """One version of a purpose; its bounds of 3 to 300 characters per language are those of the eSignet profile."""

    version: Annotated[int, Field(ge=1)]
    valid_from: date
    valid_until: date | None
    scope: Literal["retention", "release"]
    title: Words
    text: Words
    if_refused: Words
    retention_days: Annotated[int, Field(ge=1, le=366)]
    legal_refs: list[str]
    attributes: list[str] | None = None


class _Purpose(_Read):
    id: str
    versions: list[_Version]


class _Words(_Read):
    texts: dict[str, Words]
    sources: dict[str, Words]
    roles: dict[str, Words]


@dataclass(frozen=True)
class Catalogue:
    """The reference data of one installation, as consent uses them."""

    purposes: Mapping[tuple[str, int], Purpose]
    validity: Mapping[tuple[str, int], tuple[date, date | None]]
    vocabulary: Vocabulary
    texts: Mapping[str, Any]

    @classmethod
    def load(cls, contracts_dir: Path) -> Self:
        """Read the reference data; raises ValueError or reference.InvalidReference, before a port is open."""
        words = _Words.model_validate(yaml.safe_load(_NOTICE.read_text("utf-8")))
        versions = dict(_versions(contracts_dir / "purposes"))
        return cls(
            purposes={key: purpose for key, (purpose, _) in versions.items()},
            validity={key: validity for key, (_, validity) in versions.items()},
            vocabulary=Vocabulary(_attributes(contracts_dir), words.sources, words.roles),
            texts={key: text.as_json() for key, text in words.texts.items()},
        )

    def keep(self, now: datetime) -> Purpose | None:
        """Return the purpose of keeping for the next procedure, in the version in force now."""
        today = day_in_vietnam(now)
        for key, (since, until) in self.validity.items():
            if self.purposes[key].scope == Scope.RETENTION and since <= today and (until is None or today < until):
                return self.purposes[key]
        return None

    def compose_notice(
        self, items: Iterable[Item], *, dossier: Dossier, party_uid: PartyUid, asker: Mapping[str, str]
    ) -> Notice:
        """Write down what one party of a dossier is told and asked."""
        return compose_notice(
            ids.new(),
            items=items,
            dossier=dossier,
            roles=dossier.party(party_uid).roles,
            asker=asker,
            vocabulary=self.vocabulary,
            common=self.texts,
        )


def _versions(folder: Path) -> Iterator[tuple[tuple[str, int], tuple[Purpose, tuple[date, date | None]]]]:
    for path in sorted(folder.glob("*.yaml")):
        raw = yaml.safe_load(path.read_text("utf-8"))
        read = _Purpose.model_validate(raw)
        for each, as_written in zip(read.versions, raw["versions"], strict=True):
            yield (read.id, each.version), (_purpose(read.id, each, as_written), (each.valid_from, each.valid_until))


def _purpose(purpose_id: str, version: _Version, as_written: Mapping[str, Any]) -> Purpose:
    return Purpose(
        id=purpose_id,
        version=version.version,
        scope=version.scope,
        title=version.title,
        text=version.text,
        if_refused=version.if_refused,
        legal_refs=tuple(version.legal_refs),
        days=version.retention_days,
        attributes=None if version.attributes is None else tuple(AttributeId(a) for a in version.attributes),
        sha256=digest({"id": purpose_id, **as_written}),
    )


def _attributes(contracts_dir: Path) -> dict[AttributeId, AttributeName]:
    return {
        AttributeId(each.id): AttributeName(
            AttributeId(each.id), Words(each.name.vi, each.name.en), each.data_class == "sensitive"
        )
        for each in reference.load(contracts_dir).attributes.values()
    }
