"""What consent's use cases are given beside database and time: keys, contracts, and the clients of others."""

from dataclasses import dataclass
from datetime import timedelta

from services.consent.catalogue import Catalogue
from services.consent.clients.identity import IdentityClient
from services.consent.clients.login import LoginClient
from services.consent.clients.reuse import ReuseClient
from services.consent.service.legal_basis import Counter
from services.consent.service.withdraw import Confirming
from services.consent.signing import ReceiptSigner


@dataclass(frozen=True)
class Parts:
    """Made once by the composition root, kept at `app.state.parts`."""

    own_url: str
    catalogue: Catalogue
    signer: ReceiptSigner
    identity: IdentityClient
    reuse: ReuseClient
    login: LoginClient
    lease: timedelta

    @property
    def counter(self) -> Counter:
        """Return what decisions at the counter need."""
        return Counter(self.identity, self.reuse, self.catalogue, self.signer)

    @property
    def confirming(self) -> Confirming:
        """Return what naming a withdrawal's moment needs."""
        return Confirming(self.lease, self.signer)
