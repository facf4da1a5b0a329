"""Joins a service to the others: its relay, its reader, and what it says without a number."""

from collections.abc import Mapping, Sequence
from functools import partial

from shared import outbox
from shared.consumer import Consumer, NoticeHandler
from shared.db import Tx
from shared.events import Data, Malformed, Notice
from shared.inbox import Handler
from shared.kafka import Kafka, Login
from shared.relay import Relay
from shared.service import Service
from shared.settings import ServiceSettings, read_text

SEALED = "audit.sealed.v1"
"""How far `audit` has sealed a source's events: every service notes it of its own."""


class Messaging:
    """One service's place among the topics; runs in the service's background once composed."""

    def __init__(
        self,
        service: Service,
        *,
        sources: Sequence[str],
        handlers: Mapping[str, Handler],
        watermark_every: float = 60.0,
    ) -> None:
        """Publish what the service appends to its outbox; read `sources`, and `audit`, with these handlers."""
        service.sources, service.handlers = sorted({*sources, "audit"}), handlers
        self._service = service
        self._notices: Mapping[str, NoticeHandler] = {SEALED: partial(note_sealed, of=service.name)}
        self._watermark_every = watermark_every
        self._kafka = Kafka(service.settings.kafka_bootstrap, login=login_of(service.settings))
        service.on_close.append(self._kafka.close)
        service.background += [self._publish, self._read]

    async def announce(self, type_: str, data: Data) -> None:
        """Publish a signed message without a number. Raises BrokerUnavailable."""
        await self._relay().announce(type_, data)

    async def _publish(self) -> None:
        await self._relay().run()

    async def _read(self) -> None:
        """Read on a connection of its own: behind a crowd of requests T would grow old, and each would ask consent."""
        service = self._service
        async with service.db.reserved(service.settings.dsn()) as db:
            await Consumer(
                service.name,
                db=db,
                kafka=self._kafka,
                trust=service.trust,
                sources=service.sources,
                handlers=service.handlers,
                notices=self._notices,
            ).run()

    def _relay(self) -> Relay:
        service = self._service
        return Relay(
            service.name,
            dsn=service.settings.dsn(),
            db=service.db,
            kafka=self._kafka,
            key=service.key,
            partitions=service.settings.partitions,
            watermark_every=self._watermark_every,
        )


def login_of(settings: ServiceSettings) -> Login | None:
    """Return who the settings say we are to the broker; a laptop's broker asks nobody."""
    username, password_file, ca_file = settings.kafka_username, settings.kafka_password_file, settings.kafka_ca_file
    if username is None or password_file is None or ca_file is None:
        return None
    return Login(username, read_text(password_file), ca_file)


async def note_sealed(tx: Tx, notice: Notice, *, of: str) -> None:
    """Note how far the events of service `of` are in the log; rows of its outbox stay at least until then."""
    source, sequence = notice.data.get("source"), notice.data.get("sequence")
    if type(sequence) is not int:
        raise Malformed("sequence")
    if source == of:
        await outbox.mark_sealed(tx, sequence, now=notice.time)
