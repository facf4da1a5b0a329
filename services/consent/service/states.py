"""What is asked of us when a copy of grants may be too old: their state, as of a moment before it is read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.consent.domain.grant import Grant
from services.consent.store import grants
from shared.db import Tx


@dataclass(frozen=True)
class States:
    """Grants as they stood at `t` or later."""

    t: datetime
    grants: tuple[Grant, ...]


async def read_states(tx: Tx, *, grant_ids: Collection[UUID], subject_id: UUID, dossier_uid: UUID | None) -> States:
    """Read the clock, then the rows: two statements of one READ COMMITTED transaction on the primary.

    So everything committed before `t` is in the rows. Under a snapshot taken before the clock was read it might not be.
    """
    t = await grants.clock(tx)
    return States(t, tuple(await grants.states_for(tx, grant_ids, subject_id, dossier_uid)))


async def read_clock(tx: Tx) -> datetime:
    """Return the time of the primary: `reuse` measures its own clock against it."""
    return await grants.clock(tx)
