"""What `identity` sends when somebody has logged in: everything a request is composed of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.consent.domain.dossier import Capacity
from services.consent.domain.ids import AttributeId, DossierUid, PartyUid, RequestId, SubjectId
from services.consent.domain.item import Item
from services.consent.domain.notice import Notice
from services.consent.domain.request import LAPSES_AFTER, Asker, ConsentRequest, Login, Way
from shared.errors import Conflict


class FlowReused(Conflict):
    """This flow has a request already, and it asks something else."""

    code = "flow_reused"


@dataclass(frozen=True)
class Asked:
    """One login that leads to a request."""

    flow_id: str
    client_id: str
    client_name: str
    agency_uid: str
    subject_id: SubjectId
    sub: str
    sector: str
    dossier_uid: DossierUid
    party_uid: PartyUid
    capacity: Capacity
    login: Login
    way: Way
    attributes: tuple[AttributeId, ...]

    def to_request(
        self, request_id: UUID, *, agency_name: str, items: Iterable[Item], notice: Notice, now: datetime
    ) -> ConsentRequest:
        """Make the request; it lapses 13 minutes after the login."""
        return ConsentRequest(
            request_id=RequestId(request_id),
            flow_id=self.flow_id,
            subject_id=self.subject_id,
            sub=self.sub,
            sector=self.sector,
            asker=Asker(self.client_id, self.client_name, self.agency_uid, agency_name),
            dossier_uid=self.dossier_uid,
            party_uid=self.party_uid,
            login=self.login,
            way=self.way,
            items=tuple(items),
            notice=notice,
            opened_at=now,
            lapses_at=self.login.auth_time + LAPSES_AFTER,
        )

    def check_same(self, request: ConsentRequest) -> None:
        """Raise `FlowReused` unless the request is of this very login; asking again is harmless then."""
        mine = (self.subject_id, self.client_id, self.dossier_uid, self.party_uid, self.login.login_id, self.way)
        theirs = (
            request.subject_id,
            request.asker.client_id,
            request.dossier_uid,
            request.party_uid,
            request.login.login_id,
            request.way,
        )
        if mine != theirs:
            raise FlowReused
