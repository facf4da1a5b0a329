"""Looks up by what right a client acts for an agency, now (R1)."""

from datetime import datetime

from services.identity import policy
from services.identity.domain.client import Client
from services.identity.domain.details import refused
from services.identity.store import clients
from shared.db import Tx
from shared.reference import Agency, Reference, UnknownReference
from shared.tokens import Mandate


async def get_mandate(
    tx: Tx, client: Client, agency_uid: str, *, audience: str, procedure: str | None, now: datetime
) -> Mandate:
    """Return the mandate a token will carry. Raises OAuthError (`mandate_missing`)."""
    valid = await clients.mandates_of(tx, client.client_id, agency_uid, now=now)
    return policy.choose_mandate(valid, audience=audience, procedure=procedure).mandate


def get_agency(reference: Reference, agency_uid: str, now: datetime) -> Agency:
    """Return an agency that exists now. Raises OAuthError (`agency_unknown`)."""
    try:
        return reference.agency(agency_uid, now)
    except UnknownReference:
        raise refused("agency_unknown: there is no such agency at this time") from None
