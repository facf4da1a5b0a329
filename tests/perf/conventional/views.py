"""What the conventional build is sent and answers."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel


class ReleaseRequest(BaseModel):
    """The body."""

    party_uid: UUID
    component_ids: list[str] | None = None


class ReleaseView(BaseModel):
    """The answer."""

    release_id: UUID
    released_at: datetime
    components: list[str]
    release: str
