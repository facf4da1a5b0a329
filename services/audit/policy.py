"""Who may look into the log."""

from shared.errors import Forbidden
from shared.tokens import Caller


class AuditMandateRequired(Forbidden):
    """Only a system with an audit mandate, acting for a named officer, may read the log."""

    code = "audit_mandate_required"
    fault = "client"


def check_may_read(caller: Caller) -> None:
    """Raise AuditMandateRequired unless an officer reads under an audit mandate (R1)."""
    if caller.mandate.kind != "audit" or caller.actor.kind != "officer" or not caller.actor.ref:
        raise AuditMandateRequired("an audit mandate and an officer's reference are needed")
