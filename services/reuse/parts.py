"""What reuse's use cases are given beside database and time: keys, contracts, and the clients of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.reuse.clients.consent import ConsentClient
from services.reuse.clients.identity import IdentityClient
from services.reuse.clients.registries import RegistriesClient
from services.reuse.domain.ids import AttributeId
from services.reuse.domain.lease import Lease
from services.reuse.domain.procedure import Grade, Maps
from services.reuse.signing import ReleaseSigner
from shared.reference import Reference
from shared.vault import Vault


@dataclass(frozen=True)
class Parts:
    """Made once by the composition root, kept at `app.state.parts`."""

    maps: Maps
    reference: Reference
    grades: Mapping[tuple[AttributeId, str], Grade]
    vault: Vault
    signer: ReleaseSigner
    identity: IdentityClient
    consent: ConsentClient
    registries: RegistriesClient
    lease: Lease
    unsealed_bound: timedelta
    draft_life: timedelta
