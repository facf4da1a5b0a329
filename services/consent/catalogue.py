"""What consent asks in: purposes (`contracts/purposes`), the page's own wording, and how things are called."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

from services.consent.domain.dossier import Dossier
from services.consent.domain.ids import AttributeId, PartyUid
from services.consent.domain.item import Item, Scope
from services.consent.domain.notice import Notice, Vocabulary, Wording, compose_notice, digest
from services.consent.domain.purpose import AttributeName, Purpose
from shared import ids, reference
from shared.languages import Words
from shared.vietnam import day_in_vietnam

_WORDING = Path(__file__).parent / "wording.yaml"
_NAMES = Path(__file__).parent / "names.yaml"
_NOT_WORDS = {"version", "valid_from", "valid_until", "unverified"}


class NoWordingInForce(Exception):
    """No version of the notice is in force today: nobody may be asked anything without words."""


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Dated(_Read):
    version: Annotated[int, Field(ge=1)]
    valid_from: date
    valid_until: date | None

    def is_in_force(self, now: datetime) -> bool:
        today = day_in_vietnam(now)
        return self.valid_from <= today and (self.valid_until is None or today < self.valid_until)


class _PurposeVersion(_Dated):
    scope: Literal["retention", "release"]
    title: Words
    text: Words
    if_refused: Words
    retention_days: Annotated[int, Field(ge=1, le=366)]
    legal_refs: list[str]
    attributes: list[str] | None = None


class _WordingVersion(_Dated):
    title: Words
    told: Words
    told_until: Words
    self_submit: Words
    asked: Words
    keeping: Words
    rights: Words
    abandon: Words


class _Names(_Read):
    sources: dict[str, Words]
    roles: dict[str, Words]


@dataclass(frozen=True)
class Catalogue:
    """The reference data of one installation, as consent uses them."""

    purposes: Mapping[tuple[str, int], Purpose]
    vocabulary: Vocabulary
    agencies: Mapping[str, Words]
    _dated_purposes: tuple[tuple[_Dated, Purpose], ...]
    _dated_wordings: tuple[tuple[_Dated, Wording], ...]

    @classmethod
    def load(cls, contracts_dir: Path) -> Self:
        """Read the reference data; raises ValueError or reference.InvalidReference, before a port is open."""
        names = _Names.model_validate(yaml.safe_load(_NAMES.read_text("utf-8")))
        purposes = tuple(_purposes(contracts_dir / "purposes"))
        known = reference.load(contracts_dir)
        return cls(
            purposes={(purpose.id, purpose.version): purpose for _, purpose in purposes},
            vocabulary=Vocabulary(_attributes(known), names.sources, names.roles),
            agencies={uid: each.name for uid, each in known.agencies.items()},
            _dated_purposes=purposes,
            _dated_wordings=tuple(_wordings(_WORDING)),
        )

    def keep(self, now: datetime) -> Purpose | None:
        """Return the purpose of keeping for the next procedure, in the version in force now."""
        kept = (p for dated, p in self._dated_purposes if p.scope == Scope.RETENTION and dated.is_in_force(now))
        return next(kept, None)

    def compose_notice(
        self, items: Iterable[Item], *, dossier: Dossier, party_uid: PartyUid, asker: Mapping[str, str], now: datetime
    ) -> Notice:
        """Write down what one party of a dossier is told and asked. Raises NoWordingInForce."""
        return compose_notice(
            ids.new(),
            items=items,
            dossier=dossier,
            roles=dossier.party(party_uid).roles,
            asker=asker,
            vocabulary=self.vocabulary,
            wording=self._wording(now),
        )

    def _wording(self, now: datetime) -> Wording:
        for dated, wording in self._dated_wordings:
            if dated.is_in_force(now):
                return wording
        raise NoWordingInForce


def _purposes(folder: Path) -> Iterator[tuple[_Dated, Purpose]]:
    for purpose_id, as_written in _versions(sorted(folder.glob("*.yaml"))):
        read = _PurposeVersion.model_validate(as_written)
        yield read, _purpose(purpose_id, read, digest({"id": purpose_id, **_plain(as_written)}))


def _wordings(path: Path) -> Iterator[tuple[_Dated, Wording]]:
    for wording_id, as_written in _versions([path]):
        read = _WordingVersion.model_validate(as_written)
        words = {name: value for name, value in as_written.items() if name not in _NOT_WORDS}
        yield read, Wording(wording_id, read.version, words)


def _versions(paths: Iterable[Path]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in paths:
        read = yaml.safe_load(path.read_text("utf-8"))
        for version in read["versions"]:
            yield read["id"], version


def _purpose(purpose_id: str, read: _PurposeVersion, sha256: str) -> Purpose:
    return Purpose(
        id=purpose_id,
        version=read.version,
        scope=read.scope,
        title=read.title,
        text=read.text,
        if_refused=read.if_refused,
        legal_refs=tuple(read.legal_refs),
        days=read.retention_days,
        attributes=None if read.attributes is None else tuple(AttributeId(each) for each in read.attributes),
        sha256=sha256,
    )


def _plain(as_written: Mapping[str, Any]) -> dict[str, Any]:
    """Return a version as JSON has it: YAML may have read a day as a date."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in as_written.items()}


def _attributes(known: reference.Reference) -> dict[AttributeId, AttributeName]:
    return {
        AttributeId(each.id): AttributeName(AttributeId(each.id), each.name, each.data_class == "sensitive")
        for each in known.attributes.values()
    }
