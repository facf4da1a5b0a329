"""Takes over the registration file at start: all of it, or nothing."""

from collections.abc import Sequence
from datetime import datetime

from services.identity.domain.client import Registration
from services.identity.store import clients
from shared.db import Database


async def register(db: Database, registrations: Sequence[Registration], now: datetime) -> None:
    """Make clients and mandates what the file says; who is no longer in it is retired."""
    names = [each.client.client_id for each in registrations]
    mandates = [dated for each in registrations for dated in each.mandates]
    async with db.transaction() as tx:
        for each in registrations:
            await clients.upsert(tx, each.client)
        for dated in mandates:
            await clients.upsert_mandate(tx, dated)
        await clients.retire_others(tx, clients=names, mandates=[dated.mandate.id for dated in mandates], now=now)
