"""What audit does with events: it keeps every one of them, whatever its type."""

from collections.abc import Mapping

from services.audit.service import keeping
from shared.inbox import Handler

SOURCES = ("identity", "consent", "reuse", "audit")
HANDLERS: Mapping[str, Handler] = {"*": keeping.keep}
