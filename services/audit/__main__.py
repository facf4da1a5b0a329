"""Composes audit: `python -m services.audit` serves it, `python -m services.audit verify …` checks a bundle offline."""

import sys
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI

from services.audit import api
from services.audit.consumer import HANDLERS, SOURCES
from services.audit.domain.note import NoteKey
from services.audit.service import sealing, sequencing
from services.audit.settings import Settings
from services.audit.verify import main as verify
from shared import clock
from shared.http import make_app
from shared.messaging import Messaging
from shared.operate import main
from shared.service import Service
from shared.timers import every

SEQUENCE_SECONDS = 0.5
SEAL_AGAIN_SECONDS = 60
WATCH_SECONDS = 10
REHASH_SECONDS = 24 * 3600


def compose(settings: Settings) -> Service:
    """Put audit together from its settings; nothing is opened before `running`."""
    service = Service("audit", _app(settings), settings)
    key = NoteKey.of_pem(settings.log_origin, settings.log_key_file.read_bytes())
    service.app.state.log_key = key.verifier
    messaging = Messaging(service, sources=SOURCES, handlers=HANDLERS)
    keeper = _Keeper(service, key, messaging, timedelta(seconds=settings.omission_bound_seconds))
    service.background += [
        lambda: every(SEQUENCE_SECONDS, keeper.sequence, "sequence"),
        lambda: every(SEAL_AGAIN_SECONDS, keeper.seal_again, "seal_again"),
        lambda: every(WATCH_SECONDS, keeper.watch, "watch_for_omissions"),
        lambda: every(REHASH_SECONDS, keeper.rehash, "rehash"),
    ]
    return service


@dataclass(frozen=True)
class _Keeper:
    """What audit does by the clock, with what it needs for that."""

    service: Service
    key: NoteKey
    messaging: Messaging
    omission_bound: timedelta

    async def sequence(self) -> None:
        moved = await sequencing.sequence(self.service.db, key=self.key, now=clock.now())
        await sealing.announce(moved, db=self.service.db, say=self.messaging.announce, now=clock.now())

    async def seal_again(self) -> None:
        await sealing.announce_all(db=self.service.db, say=self.messaging.announce, now=clock.now())

    async def watch(self) -> None:
        async with self.service.db.transaction() as tx:
            await sequencing.watch_for_omissions(tx, now=clock.now(), bound=self.omission_bound)

    async def rehash(self) -> None:
        await sequencing.rehash(self.service.db)


def app_for_contract() -> FastAPI:
    """Make the application alone, of no place in particular: enough to say what it offers."""
    return _app(Settings.model_construct(public_origin="https://gateway.example"))


def _app(settings: Settings) -> FastAPI:
    return make_app(settings, [api.router], "Một Lần: audit")


if __name__ == "__main__":
    if sys.argv[1:2] == ["verify"]:
        sys.exit(verify(sys.argv[2:]))
    main(lambda: compose(Settings.from_environment()))
