"""What identity's use cases are given beside the database: keys, reference data, and the clients of others."""

from dataclasses import dataclass

from services.identity.clients.consent import ConsentClient
from services.identity.clients.reuse import ReuseClient
from services.identity.clients.vneid.client import VneidClient
from services.identity.levels import LevelTable
from services.identity.sealing import Safe
from services.identity.tokens import TokenIssuer
from shared.reference import Reference


@dataclass(frozen=True)
class Parts:
    """Made once by the composition root, kept at `app.state.parts`."""

    origin: str
    reference: Reference
    safe: Safe
    levels: LevelTable
    tokens: TokenIssuer
    vneid: VneidClient
    consent: ConsentClient
    reuse: ReuseClient
    pin_places: frozenset[str] = frozenset()

    @property
    def issuer(self) -> str:
        """Return who we are to our clients."""
        return self.tokens.issuer
