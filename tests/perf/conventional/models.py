"""Reuse's tables as the conventional build maps them: declarative classes, with the columns a release needs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Identity, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What types mean in PostgreSQL."""

    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy wants it
        str: Text,
        bytes: LargeBinary,
        datetime: TIMESTAMP(timezone=True),
        UUID: Uuid(as_uuid=True),
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid(as_uuid=True)),
        dict[str, Any]: JSONB,
    }


class Replay(Base):
    """A proof that was used."""

    __tablename__ = "replay"
    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class Dossier(Base):
    """An application."""

    __tablename__ = "dossier"
    dossier_uid: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    procedure: Mapped[str]
    receiving_uid: Mapped[str]
    competent_uid: Mapped[str]
    state: Mapped[str]
    dies_at: Mapped[datetime]


class Party(Base):
    """A person in it."""

    __tablename__ = "party"
    party_uid: Mapped[UUID] = mapped_column(primary_key=True)
    dossier_uid: Mapped[UUID]
    subject_id: Mapped[UUID | None]


class Component(Base):
    """What is asked of her."""

    __tablename__ = "component"
    dossier_uid: Mapped[UUID] = mapped_column(primary_key=True)
    component_id: Mapped[str] = mapped_column(primary_key=True)
    party_uid: Mapped[UUID] = mapped_column(primary_key=True)
    attributes: Mapped[list[str]]
    min_grade: Mapped[str | None]
    max_age_days: Mapped[int | None]


class Grant(Base):
    """On what it is released."""

    __tablename__ = "grant_copy"
    grant_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    state: Mapped[str]
    kind: Mapped[str]
    scope: Mapped[str]
    sub: Mapped[str | None]
    client_id: Mapped[str | None]
    agency_uid: Mapped[str | None]
    dossier_uid: Mapped[UUID | None]
    attributes: Mapped[list[str]]
    rule_id: Mapped[str | None]
    purpose_id: Mapped[str | None]
    legal_refs: Mapped[list[str]]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    partition: Mapped[int | None]


class DataKey(Base):
    """A citizen's own key, wrapped."""

    __tablename__ = "data_key"
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    wrapped: Mapped[bytes]


class Evidence(Base):
    """A verified attribute."""

    __tablename__ = "evidence"
    evidence_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    attribute: Mapped[str]
    sealed: Mapped[bytes]
    origin: Mapped[str]
    source: Mapped[str]
    verified_at: Mapped[datetime]
    level: Mapped[int | None]
    value_grade: Mapped[str]
    valid_until: Mapped[datetime | None]
    data_class: Mapped[str]


class Holding(Base):
    """Why it is kept."""

    __tablename__ = "holding"
    holding_id: Mapped[UUID] = mapped_column(primary_key=True)
    evidence_id: Mapped[UUID]
    subject_id: Mapped[UUID]
    scope: Mapped[str]
    dossier_uid: Mapped[UUID | None]
    grant_id: Mapped[UUID | None]
    rule_id: Mapped[str | None]
    until: Mapped[datetime | None]


class Watermark(Base):
    """How far consent's events have been taken in."""

    __tablename__ = "reader_watermark"
    source: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True)
    t: Mapped[datetime | None]
    frozen: Mapped[bool]


class Release(Base):
    """The journal."""

    __tablename__ = "release"
    release_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    dossier_uid: Mapped[UUID]
    party_uid: Mapped[UUID]
    client_id: Mapped[str]
    agency_uid: Mapped[str]
    agency_name: Mapped[str]
    actor: Mapped[dict[str, Any]]
    token_id: Mapped[str]
    components: Mapped[list[str]]
    evidence_ids: Mapped[list[UUID]]
    holding_ids: Mapped[list[UUID]]
    attributes: Mapped[list[str]]
    grant_ids: Mapped[list[UUID]]
    consent_t: Mapped[datetime]
    authorised_at: Mapped[datetime]


class Outbox(Base):
    """Its event."""

    __tablename__ = "outbox"
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[str]
    key: Mapped[str]
    time: Mapped[datetime]
    data: Mapped[dict[str, Any]]


class ClockCheck(Base):
    """How far the clocks are apart."""

    __tablename__ = "clock_check"
    consent: Mapped[bool] = mapped_column(primary_key=True)
    measured_at: Mapped[datetime]
    within: Mapped[bool]
