"""Reads the procedure maps, rules and purposes of `contracts/`; reuse alone reads the maps."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.reuse.domain.condition import AllOf, AnyOf, CaseIn, Condition, FactIs, HeldWith, Not
from services.reuse.domain.ids import AttributeId, ComponentId
from services.reuse.domain.procedure import (
    Asked,
    ComponentType,
    FactType,
    Grade,
    InvalidMap,
    Maps,
    Period,
    ProcedureVersion,
    ResultType,
    RoleType,
    Rule,
    Source,
    check_map,
)
from shared.languages import Words


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Dated(_Read):
    version: Annotated[int, Field(ge=1)]
    valid_from: date
    valid_until: date | None

    @property
    def period(self) -> Period:
        return Period(self.valid_from, self.valid_until)


class _RuleVersion(_Dated):
    letter: str
    legal_refs: tuple[str, ...]
    procedures: frozenset[str]
    attributes: frozenset[AttributeId]
    ends_on: date | None
    identification: str | None = None
    keep_days: int | None = None

    def rule(self, rule_id: str, kind: Literal["release", "legal_reuse"]) -> Rule:
        return Rule(
            rule_id, self.version, kind, self.period, self.letter, self.legal_refs, self.procedures, self.attributes,
            self.ends_on, self.identification, None if self.keep_days is None else timedelta(days=self.keep_days),
        )  # fmt: skip


class _Id(_Read):
    id: str


class _Fact(_Id):
    type: Literal["boolean", "enum"]
    required: bool
    default: bool | str | None = None
    values: tuple[str, ...] = ()

    def fact(self) -> FactType:
        values = (True, False) if self.type == "boolean" else self.values
        return FactType(self.id, values, self.required, self.default)


class _Role(_Read):
    role: str
    min: int
    max: int


class _Parties(_Read):
    roles: list[_Role]
    combinations: list[frozenset[str]]
    together: list[frozenset[str]] = []


class _Document(_Read):
    code: str
    vi: str
    en: str


class _Source(_Read):
    source: str
    match: tuple[AttributeId, ...] = ()


class _Component(_Id):
    document: _Document
    of: tuple[str, ...]
    reusable: bool
    optional: bool
    when: dict[str, Any] | None = None
    attributes: tuple[AttributeId, ...] = ()
    any_of: list[_Source] = []
    min_value_grade: Grade | None = None
    max_age_days: int | None = None
    basis: dict[str, str] = {}

    def component(self) -> ComponentType:
        return ComponentType(
            id=ComponentId(self.id),
            document_code=self.document.code,
            document=Words(self.document.vi, self.document.en),
            of=self.of,
            when=None if self.when is None else _condition(self.when),
            asked=self._asked(),
            optional=self.optional,
        )

    def _asked(self) -> Asked | None:
        if not self.reusable:
            return None
        if self.min_value_grade is None or self.max_age_days is None:
            raise InvalidMap(f"{self.id}: reusable, but without grade or age")
        return Asked(
            attributes=self.attributes,
            sources=tuple(Source(each.source, each.match) for each in self.any_of),
            min_grade=self.min_value_grade,
            max_age_days=self.max_age_days,
            rule_id=self.basis.get("rule"),
            purpose_id=self.basis.get("purpose"),
        )


class _Result(_Read):
    type: str
    attribute: AttributeId
    of: str
    kept_under: str


class _ProcedureVersion(_Dated):
    cases: list[_Id]
    facts: list[_Fact]
    parties: _Parties
    components: list[_Component]
    deny_attributes: frozenset[AttributeId]
    result: _Result | None = None

    def procedure(self, code: str, name: Words) -> ProcedureVersion:
        result = self.result
        return ProcedureVersion(
            code=code,
            version=self.version,
            name=name,
            period=self.period,
            cases=tuple(each.id for each in self.cases),
            facts=tuple(each.fact() for each in self.facts),
            roles=tuple(RoleType(each.role, each.min, each.max) for each in self.parties.roles),
            combinations=tuple(self.parties.combinations),
            together=tuple(self.parties.together),
            components=tuple(each.component() for each in self.components),
            denied=self.deny_attributes,
            result=ResultType(result.type, result.attribute, result.of, result.kept_under) if result else None,
        )


def load(contracts_dir: Path) -> Maps:
    """Read maps, rules and purposes; raises ValueError or InvalidMap, before a port is open."""
    rules = tuple(_rules(contracts_dir / "rules"))
    procedures = tuple(_procedures(contracts_dir / "procedures"))
    for procedure in procedures:
        check_map(procedure, rules)
    return Maps(procedures, rules, tuple(_purposes(contracts_dir / "purposes")))


def _rules(folder: Path) -> Iterator[Rule]:
    for content in _contents(folder):
        for version in content["versions"]:
            yield _RuleVersion.model_validate(version).rule(content["id"], content["kind"])


def _procedures(folder: Path) -> Iterator[ProcedureVersion]:
    for content in _contents(folder):
        name = Words(content["name"]["vi"], content["name"]["en"])
        for version in content["versions"]:
            yield _ProcedureVersion.model_validate(version).procedure(content["code"], name)


def _purposes(folder: Path) -> Iterator[tuple[str, int, Period]]:
    for content in _contents(folder):
        for version in content["versions"]:
            read = _Dated.model_validate(version)
            yield content["id"], read.version, read.period


def _contents(folder: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(folder.glob("*.yaml")):
        yield yaml.safe_load(path.read_text("utf-8"))


def _condition(written: Mapping[str, Any]) -> Condition:
    match written:
        case {"fact": fact, "is": value}:
            return FactIs(fact, value)
        case {"case": cases}:
            return CaseIn(frozenset(cases))
        case {"role": role, "held_with": others}:
            return HeldWith(role, frozenset(others))
        case {"not": inner}:
            return Not(_condition(inner))
        case {"all": parts}:
            return AllOf(tuple(map(_condition, parts)))
        case {"any": parts}:
            return AnyOf(tuple(map(_condition, parts)))
        case _:
            raise InvalidMap(f"no condition: {sorted(written)}")


def read_grade(written: str) -> Grade:
    """Read a value grade of the attribute vocabulary; raises ValueError."""
    return TypeAdapter(Grade).validate_python(written)
