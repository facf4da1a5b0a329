"""Finds or makes the one citizen of a number, by a login or by a card an officer was shown, and confirms her."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from services.identity.domain.citizen import Citizen
from services.identity.domain.ids import SubjectId
from services.identity.domain.login import VerifiedLogin
from services.identity.domain.person import MatchKeys
from services.identity.sealing import Safe
from services.identity.store import citizens
from shared.db import Tx

CLOCKS_APART = timedelta(seconds=5)
"""So far a source's clock may lie behind ours."""


async def recognise(tx: Tx, safe: Safe, login: VerifiedLogin, now: datetime) -> Citizen:
    """Return who logged in, her row locked. VNeID's word on name and birth date replaces what was known."""
    known = await _find_or_make(tx, safe, login.keys, account_level=login.account_level, provisional=False, now=now)
    confirmed = replace(known, keys=login.keys, account_level=login.account_level, provisional=False)
    return await _keep(tx, safe, known, confirmed, now)


async def look_at_card(tx: Tx, safe: Safe, keys: MatchKeys, now: datetime) -> Citizen:
    """Return whose card it is, her row locked; an unknown number makes a provisional citizen.

    Raises IdentificationMismatch when the number is known with another name or birth date. While nobody has
    confirmed her, the newest look replaces the one before: it may have been mistyped.
    """
    known = await _find_or_make(tx, safe, keys, account_level=None, provisional=True, now=now)
    if known.provisional:
        return await _keep(tx, safe, known, replace(known, keys=keys), now)
    keys.check_same_person(known.keys)
    return known


async def confirm(tx: Tx, subject_id: SubjectId, *, asked_at: datetime) -> None:
    """Note that a source knows her, unless her keys are newer than those it was asked with by its own clock."""
    await citizens.confirm(tx, subject_id, keys_before=asked_at + CLOCKS_APART)


async def _find_or_make(
    tx: Tx, safe: Safe, keys: MatchKeys, *, account_level: int | None, provisional: bool, now: datetime
) -> Citizen:
    if known := await citizens.find_by_pin_for_update(tx, safe, keys.pin):
        return known
    new = Citizen(SubjectId(uuid4()), keys, account_level, provisional, keys_at=now, version=1)
    if await citizens.insert(tx, safe, new):
        return new
    # Somebody else made her a moment ago; the insert has waited for that.
    return await citizens.find_by_pin_for_update(tx, safe, keys.pin) or new


async def _keep(tx: Tx, safe: Safe, known: Citizen, wanted: Citizen, now: datetime) -> Citizen:
    if wanted == known:
        return known
    keys_at = known.keys_at if wanted.keys == known.keys else now
    kept = replace(wanted, keys_at=keys_at, version=known.version + 1)
    await citizens.update(tx, safe, kept)
    return kept
