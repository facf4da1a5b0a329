"""Holds what was verified of a person until it is granted, gives it out to be collected, and drops it (§4.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_bytes

from pydantic import JsonValue

from services.identity import events
from services.identity.domain.claims import (
    CLAIMS_TRANSITIONS,
    UNCOLLECTED,
    UNDECIDED,
    Claims,
    ClaimsMove,
    ClaimsNotCollectable,
    ClaimsNotGranted,
    ClaimsState,
    Discarded,
    Source,
    UnknownClaims,
    digest_of,
)
from services.identity.domain.ids import ClaimsId
from services.identity.domain.login import VerifiedLogin
from services.identity.domain.party import Party
from services.identity.sealing import Safe
from services.identity.store import claims as stored
from services.identity.store import grants
from shared import ids, outbox
from shared.db import Tx
from shared.transitions import after, is_possible


@dataclass(frozen=True)
class Collected:
    """Claims with their granted values, on their way to `reuse`."""

    claims: Claims
    values: Mapping[str, JsonValue]


async def hold(
    tx: Tx, safe: Safe, party: Party, values: Mapping[str, JsonValue], *, login: VerifiedLogin | None, now: datetime
) -> Claims:
    """Keep what a login, or else an officer's check, showed of a party: encrypted, until granted or out of time."""
    held = Claims(
        claims_id=ClaimsId(ids.new()),
        subject_id=party.subject_id,
        dossier_uid=party.place.dossier_uid,
        party_uid=party.place.party_uid,
        source=Source.VNEID if login else Source.OFFICER_CHECK,
        state=ClaimsState.HELD,
        attributes=tuple(sorted(values)),
        granted=(),
        salt=token_bytes(16),
        digest=None,
        verified_at=login.auth_time if login else now,
        until=now + UNDECIDED,
        login_id=party.login_id,
        check_id=party.check_id,
        acr=login.acr if login else None,
        account_level=login.account_level if login else None,
    )
    await stored.insert(tx, safe, held, values)
    return held


async def grant(tx: Tx, safe: Safe, claims: Claims, attributes: Iterable[str], now: datetime) -> Claims:
    """Let locked claims be collected, as far as these attributes go; tells of it whenever that is more than before."""
    granted = tuple(sorted({*claims.granted, *attributes} & set(claims.attributes)))
    if granted == claims.granted or not is_possible(CLAIMS_TRANSITIONS, claims.state, ClaimsMove.GRANT):
        return claims
    values = await stored.read_values(tx, safe, claims, granted)
    collectable = replace(
        claims,
        state=after(CLAIMS_TRANSITIONS, claims.state, ClaimsMove.GRANT),
        granted=granted,
        digest=digest_of(claims.readable_salt, values),
        until=now + UNCOLLECTED if claims.state is ClaimsState.HELD else claims.until,
    )
    await _replace_older(tx, collectable, now)
    await stored.update(tx, collectable)
    await outbox.append(tx, events.claims_verified(collectable, now))
    return collectable


async def drop_ungranted(tx: Tx, claims: Claims, now: datetime) -> None:
    """Delete what the decision, now complete, does not grant of locked claims."""
    if not claims.granted:
        await discard(tx, claims, Discarded.REFUSED, now)
    elif claims.state is ClaimsState.COLLECTABLE and claims.granted != claims.attributes:
        await stored.delete_values(tx, claims.claims_id, but=claims.granted)
        await stored.update(tx, replace(claims, attributes=claims.granted))


async def discard(tx: Tx, claims: Claims, reason: Discarded, now: datetime) -> None:
    """Delete the values of locked claims, if there are any left, and tell of it."""
    if not is_possible(CLAIMS_TRANSITIONS, claims.state, ClaimsMove.DISCARD):
        return
    await _end(tx, claims, ClaimsMove.DISCARD, reason, now)


async def get(tx: Tx, claims_id: ClaimsId) -> Claims:
    """Return claims as they stand. Raises UnknownClaims."""
    claims = await stored.find(tx, claims_id)
    if claims is None:
        raise UnknownClaims
    return claims


async def collect(tx: Tx, safe: Safe, *, claims_id: ClaimsId, asked: bool, now: datetime) -> Collected:
    """Return granted claims, which stay until `confirm`; `asked`: consent has told of all its grants just now.

    What was granted and has ended since is not given out, though its values stay as long as the others. Raises
    UnknownClaims, ClaimsNotGranted or ClaimsNotCollectable.
    """
    claims = await _get_for_update(tx, claims_id)
    if claims.state is not ClaimsState.COLLECTABLE:
        raise ClaimsNotGranted if asked and claims.state is ClaimsState.HELD else ClaimsNotCollectable
    ended = await grants.ended_attributes(tx, claims.dossier_uid, claims.party_uid, claims.subject_id, now=now)
    granted = [each for each in claims.granted if each not in ended]
    if not granted:
        raise ClaimsNotGranted
    values = await stored.read_values(tx, safe, claims, granted)
    return Collected(replace(claims, digest=digest_of(claims.readable_salt, values)), values)


async def confirm(tx: Tx, *, claims_id: ClaimsId, now: datetime) -> None:
    """Delete what `reuse` now holds; confirming again, or what is gone anyway, changes nothing.

    Raises UnknownClaims, or ClaimsNotCollectable for what has never been given out.
    """
    claims = await _get_for_update(tx, claims_id)
    if claims.state is ClaimsState.HELD:
        raise ClaimsNotCollectable
    if is_possible(CLAIMS_TRANSITIONS, claims.state, ClaimsMove.CONFIRM):
        await _end(tx, claims, ClaimsMove.CONFIRM, Discarded.COLLECTED, now)


async def discard_earlier_check(tx: Tx, party: Party, now: datetime) -> None:
    """Discard what an earlier look at a card showed of this party: the newest look counts."""
    place = party.place
    for older in await stored.waiting_of_party_for_update(tx, place.dossier_uid, place.party_uid, party.subject_id):
        if older.source is Source.OFFICER_CHECK:
            await discard(tx, older, Discarded.REPLACED, now)


async def _replace_older(tx: Tx, claims: Claims, now: datetime) -> None:
    """Of one party one set of claims is to be collected; those of a login still undecided in a tab stay."""
    for older in await stored.waiting_of_party_for_update(tx, claims.dossier_uid, claims.party_uid, claims.subject_id):
        if older.state is ClaimsState.COLLECTABLE and older.claims_id != claims.claims_id:
            await discard(tx, older, Discarded.REPLACED, now)


async def _end(tx: Tx, claims: Claims, move: ClaimsMove, reason: Discarded, now: datetime) -> None:
    ended = replace(claims, state=after(CLAIMS_TRANSITIONS, claims.state, move))
    await stored.update(tx, ended)
    await stored.delete_values(tx, claims.claims_id)
    await outbox.append(tx, events.claims_discarded(ended, reason, now))


async def _get_for_update(tx: Tx, claims_id: ClaimsId) -> Claims:
    claims = await stored.find_for_update(tx, claims_id)
    if claims is None:
        raise UnknownClaims
    return claims
