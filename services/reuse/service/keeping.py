"""Makes evidence of what a source has said, with every reason there is to keep it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice

import orjson
from jsonschema import Draft202012Validator, ValidationError
from pydantic import JsonValue

from services.reuse.domain.dossier import Dossier
from services.reuse.domain.evidence import Evidence, Holding, Origin, Scope, seal_place
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, EvidenceId, HoldingId, SubjectId
from services.reuse.domain.plan import FULL_ACCOUNT_LEVEL
from services.reuse.domain.procedure import Grade, Maps, Rule
from services.reuse.parts import Parts
from services.reuse.store import evidence, grants
from shared import ids
from shared.db import Tx
from shared.errors import FieldError, pointer
from shared.vietnam import day_in_vietnam, start_of


@dataclass(frozen=True)
class Said:
    """One attribute as a source said it."""

    attribute: AttributeId
    value: JsonValue
    source: str
    origin: Origin
    verified_at: datetime
    level: int | None = None
    record_id: str | None = None


def is_well_formed(parts: Parts, attribute: AttributeId, value: JsonValue) -> bool:
    """Say whether a value is of the shape the vocabulary gives the attribute (contracts/attributes)."""
    return not misshapen(parts, attribute, value)


def misshapen(parts: Parts, attribute: AttributeId, value: JsonValue) -> list[FieldError]:
    """Return where below `/value` a value is not of the shape the vocabulary gives the attribute, and by which rule."""
    schema = parts.reference.attribute(attribute).value
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    found: Iterator[ValidationError] = validator.iter_errors(value)  # pyright: ignore[reportUnknownMemberType] - of an overload we do not use
    return [FieldError(pointer("value", *wrong.absolute_path), str(wrong.validator)) for wrong in islice(found, 20)]


async def keep(
    tx: Tx,
    parts: Parts,
    *,
    dossier: Dossier,
    subject_id: SubjectId,
    said: Sequence[Said],
    under: Mapping[AttributeId, Grant],
    retention: Sequence[Grant],
    now: datetime,
) -> list[Evidence]:
    """Store what may be kept: for this dossier under its grants, longer under hers or a rule; drop all else.

    The grants are locked and looked at once more; a right that has ended meanwhile keeps nothing. `dossier` is locked
    by the caller.
    """
    valid = await grants.lock_valid(tx, {g.grant_id for g in (*under.values(), *retention)}, now)
    kept: list[Evidence] = []
    for each in said:
        grant = under.get(each.attribute)
        reasons = [
            *_for_dossier(dossier, grant if grant and grant.grant_id in valid else None),
            *_for_her(each.attribute, [g for g in retention if g.grant_id in valid]),
            *_by_rule(each.attribute, parts.maps, now),
        ]
        if reasons:
            kept.append(await _store(tx, parts, dossier, subject_id, each, reasons, now))
    return kept


@dataclass(frozen=True)
class _Reason:
    scope: Scope
    grant: Grant | None = None
    rule: Rule | None = None
    until: datetime | None = None
    dossier: Dossier | None = None


def _for_dossier(dossier: Dossier, grant: Grant | None) -> Iterator[_Reason]:
    if grant:
        yield _Reason("dossier", grant=grant, dossier=dossier)


def _for_her(attribute: AttributeId, retention: Sequence[Grant]) -> Iterator[_Reason]:
    yield from (_Reason("citizen_store", grant=grant) for grant in retention if attribute in grant.attributes)


def _by_rule(attribute: AttributeId, maps: Maps, now: datetime) -> Iterator[_Reason]:
    for rule in maps.rules_for_keeping(attribute, day_in_vietnam(now)):
        if rule.keep:
            ends = start_of(rule.ends_on) if rule.ends_on else None
            yield _Reason("legal_reuse", rule=rule, until=min(filter(None, (now + rule.keep, ends))))


async def _store(
    tx: Tx,
    parts: Parts,
    dossier: Dossier,
    subject_id: SubjectId,
    said: Said,
    reasons: Sequence[_Reason],
    now: datetime,
) -> Evidence:
    made = await _make(tx, parts, dossier, subject_id, said, now)
    await evidence.insert(tx, made, [_holding(made, reason) for reason in reasons], now)
    return made


async def _make(tx: Tx, parts: Parts, dossier: Dossier, subject_id: SubjectId, said: Said, now: datetime) -> Evidence:
    wrapped = await evidence.data_key(tx, subject_id, parts.vault.new_data_key(), now)
    evidence_id = EvidenceId(ids.new())
    sealed = parts.vault.seal(
        wrapped,
        orjson.dumps({"value": said.value, "record_id": said.record_id}),
        seal_place(subject_id, said.attribute, evidence_id),
    )
    return Evidence(
        evidence_id=evidence_id,
        subject_id=subject_id,
        attribute=said.attribute,
        sealed=sealed,
        digest=sha256(sealed).digest(),
        origin=said.origin,
        source=said.source,
        verified_at=said.verified_at,
        level=said.level,
        value_grade=_grade(parts, said),
        valid_until=None,
        data_class=parts.reference.attribute(said.attribute).data_class,
        dossier_uid=dossier.dossier_uid,
    )


def _grade(parts: Parts, said: Said) -> Grade:
    if said.origin == "procedure_result":
        return "L4"  # from whoever issues it
    if said.origin == "vneid" and (said.level or 0) < FULL_ACCOUNT_LEVEL:
        return "L0"  # of an account that nobody has checked in person: her own word
    return parts.grades.get((said.attribute, said.source), "L0")


def _holding(made: Evidence, reason: _Reason) -> Holding:
    rule = reason.rule
    return Holding(
        holding_id=HoldingId(ids.new()),
        evidence_id=made.evidence_id,
        subject_id=made.subject_id,
        scope=reason.scope,
        dossier_uid=reason.dossier.dossier_uid if reason.dossier else None,
        grant_id=reason.grant.grant_id if reason.grant else None,
        rule_id=rule.id if rule else None,
        rule_version=rule.version if rule else None,
        legal_refs=rule.legal_refs if rule else (),
        procedures=tuple(sorted(rule.procedures)) if rule else (),
        until=reason.until,
    )
