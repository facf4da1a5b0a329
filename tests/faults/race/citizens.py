"""Citizens to race about: rights given as consent gives them, and arrived in reuse over the real broker."""

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal, cast
from uuid import UUID

import orjson

from services.consent.catalogue import Catalogue
from services.consent.domain import grant as given
from services.consent.domain.dossier import DossierUid as ForDossier
from services.consent.domain.dossier import PartyUid as ForParty
from services.consent.domain.dossier import SubjectId as Whose
from services.consent.domain.giving import Outcome
from services.consent.domain.grant import Giving, Grant, Ground, Origin, Recipient
from services.consent.domain.notice import Notice
from services.consent.domain.receipt import Shown
from services.consent.service.giving import give
from services.consent.signing import ReceiptSigner
from services.consent.store import requests, sessions
from services.reuse.domain.dossier import Dossier
from services.reuse.domain.evidence import Evidence, Holding, seal_place
from services.reuse.domain.ids import AttributeId, DossierUid, EvidenceId, GrantId, HoldingId, PartyUid, SubjectId
from services.reuse.store import dossiers, evidence
from shared import clock, ids
from shared.browser import Browser
from shared.db import Database, Tx
from shared.hashes import hash_of
from shared.keys import SigningKey
from shared.settings import read_key
from shared.vault import Vault
from tests.faults.processes import System
from tests.services.consent.factories import make_notice
from tests.services.reuse.factories import make_dossier, party_with

Kind = Literal["keeping", "release"]
"""Which of her two consents she takes back: that we keep what is released, or that it is released."""

ATTRIBUTE = "person.full_name"
AGENCY = ("ag-000101", "Ủy ban nhân dân phường Hồng An")
_LAW = Ground(rule_id="reuse-birth-registration", rule_version=1, letter="19_1_c", legal_refs=("Luật 91/2025/QH15",))
_KEEP = Ground(purpose_id="keep_for_next_procedure", purpose_version=1)
_CALL = Ground(purpose_id="contact_by_phone", purpose_version=1)
_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class Citizen:
    """Somebody with a dossier, something released to it, a consent she may withdraw, and a session in her browser."""

    kind: Kind
    subject_id: UUID
    dossier_uid: UUID
    party_uid: UUID
    grant_id: UUID
    cookies: dict[str, str]
    csrf: str


@dataclass(frozen=True)
class _Drawn:
    citizen: Citizen
    dossier: Dossier
    release: Grant
    keeping: Grant | None
    session: str


class Town:
    """Gives birth to citizens, many at a time, through the services' own code on their own databases."""

    def __init__(self, running: System, consent: Database, reuse: Database) -> None:
        keys, contracts = running.keyring, Path("contracts")
        self._consent, self._reuse = consent, reuse
        self._vault = Vault(read_key(keys.secret("reuse-kek")))
        self._signer = ReceiptSigner(
            SigningKey.load(keys.p256("consent-receipt")),
            f"{running.ports.origin}/consent",
            Catalogue.load(contracts).vocabulary.attributes,
        )
        self._model = make_dossier()
        self._notice: Notice | None = None

    async def citizens(self, count: int, *kinds: Kind) -> list[Citizen]:
        """Return so many citizens, of these kinds in turn, once all their rights have arrived in reuse."""
        now = clock.now()
        drawn = [self._draw(kinds[n % len(kinds)], now) for n in range(count)]
        for start in range(0, count, _TOGETHER):
            some = drawn[start : start + _TOGETHER]
            await self._give(some, now)
            await self._arrived([each.release.grant_id for each in some])
            await self._hold(some, now)
        return [each.citizen for each in drawn]

    def _draw(self, kind: Kind, now: datetime) -> _Drawn:
        dossier, subject_id = _dossier(self._model, now), ids.new()
        party, browser, session = dossier.parties[0], secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        release = _grant(subject_id, _CALL if kind == "release" else _LAW, now, _recipient(dossier, subject_id))
        keeping = _grant(subject_id, _KEEP, now, None) if kind == "keeping" else None
        citizen = Citizen(
            kind, subject_id, dossier.dossier_uid, party.party_uid, (keeping or release).grant_id,
            {"motlan": browser, "motlan-me": session}, Browser(browser).csrf("withdrawal"),
        )  # fmt: skip
        return _Drawn(citizen, dossier, release, keeping, session)

    async def _give(self, some: list[_Drawn], now: datetime) -> None:
        async with self._consent.transaction() as tx:
            if self._notice is None:
                self._notice = make_notice()
                await requests.insert_notice(tx, self._notice)
            for each in some:
                shown = Shown(self._notice, _sub(each.citizen.subject_id))
                rights = tuple(filter(None, (each.release, each.keeping)))
                await give(tx, Outcome(rights, (), ()), shown=shown, signer=self._signer, now=now)
                until = now + timedelta(hours=12)  # of races that wait in a queue
                await sessions.insert(tx, hash_of(each.session), Whose(each.citizen.subject_id), until)

    async def _arrived(self, grant_ids: list[given.GrantId]) -> None:
        async with asyncio.timeout(60):
            while True:
                async with self._reuse.read() as tx:
                    sql = "SELECT count(*) FROM grant_copy WHERE grant_id = ANY($1) AND partition IS NOT NULL"
                    if await tx.fetchval(sql, grant_ids) == len(grant_ids):
                        return
                await asyncio.sleep(0.02)

    async def _hold(self, some: list[_Drawn], now: datetime) -> None:
        await self._arrived([each.keeping.grant_id for each in some if each.keeping])
        async with self._reuse.transaction() as tx:
            for each in some:
                dossier, subject_id = each.dossier, SubjectId(each.citizen.subject_id)
                await dossiers.insert(tx, dossier, {})
                await dossiers.bind(
                    tx, dossier_uid=dossier.dossier_uid, party_uid=each.citizen.party_uid, subject_id=subject_id
                )
                await self._keep(tx, each, subject_id, now)

    async def _keep(self, tx: Tx, each: _Drawn, subject_id: SubjectId, now: datetime) -> None:
        wrapped = await evidence.data_key(tx, subject_id, self._vault.new_data_key(), now)
        evidence_id, attribute = EvidenceId(ids.new()), AttributeId(ATTRIBUTE)
        value = orjson.dumps({"value": "Người Không Có Thật", "record_id": None})
        sealed = self._vault.seal(wrapped, value, seal_place(subject_id, attribute, evidence_id))
        made = Evidence(
            evidence_id, subject_id, attribute, sealed, sha256(sealed).digest(), "registry", "population",
            now - timedelta(days=1), None, "L4", None, "basic", each.dossier.dossier_uid,
        )  # fmt: skip
        for_dossier = each.dossier.dossier_uid if each.keeping is None else None
        under = GrantId((each.keeping or each.release).grant_id)
        scope = "dossier" if each.keeping is None else "citizen_store"
        holding = Holding(HoldingId(ids.new()), evidence_id, subject_id, scope, for_dossier, under)
        await evidence.insert(tx, made, [holding], now)


def _dossier(model: Dossier, now: datetime) -> Dossier:
    uid, party_uid = DossierUid(ids.new()), PartyUid(ids.new())
    mother = replace(party_with(model, "mother"), party_uid=party_uid, ref=None)
    asked = next(c for c in model.components if c.component_id == "mother-identity")
    component = replace(asked, party_uid=party_uid, attributes=(AttributeId(ATTRIBUTE),))
    return replace(
        model, dossier_uid=uid, client_ref=f"ref-{uid}", opened_at=now, dies_at=now + timedelta(days=30),
        parties=(mother,), components=(component,),
    )  # fmt: skip


def _grant(subject_id: UUID, ground: Ground, now: datetime, recipient: Recipient | None) -> Grant:
    return Grant(
        grant_id=given.GrantId(ids.new()),
        subject_id=Whose(subject_id),
        recipient=recipient,
        attributes=cast("tuple[given.AttributeId, ...]", (ATTRIBUTE,)),
        opted_out=(),
        ground=ground,
        giving=Giving(Origin.CITIZEN_PAGE, given.GivenBy.SELF),
        receipt_id=given.ReceiptId(ids.new()),
        valid_from=now - timedelta(seconds=2),  # the clocks may differ
        valid_until=now + timedelta(days=90),
    )


def _recipient(dossier: Dossier, subject_id: UUID) -> Recipient:
    uid, name = AGENCY
    party_uid = ForParty(dossier.parties[0].party_uid)
    return Recipient(
        _sub(subject_id), "justice", dossier.client_id, uid, name, ForDossier(dossier.dossier_uid), party_uid
    )


def _sub(subject_id: UUID) -> str:
    return f"pairwise-{sha256(subject_id.bytes).hexdigest()[:16]}"
