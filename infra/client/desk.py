"""Which city system the command line plays, for which agency, and how one step of it runs."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import typer
from joserfc.jwk import ECKey
from rich.console import Console

from infra.client.city_system import AUTOMATED, CitySystem, officer
from infra.client.gateway import Refused
from infra.client.narration import Narrator
from infra.client.oauth import LoginFailed, Service
from infra.client.releases import NotTrusted
from infra.client.state import State
from infra.client.tokens import Token

console = Console()


@dataclass(frozen=True)
class Desk:
    """The settings of one command."""

    client_id: str
    agency_uid: str
    keys: Path
    gateway: str
    redirect_uri: str
    state_path: Path
    officer_ref: str | None
    position: str

    async def own_token(self, system: CitySystem, service: Service) -> Token:
        """Get a token as the officer named, else as a machine of the agency."""
        actor = officer(self.officer_ref, self.position) if self.officer_ref else AUTOMATED
        return await system.officer_token(self.agency_uid, actor, service)

    def act(
        self,
        service: Service,
        action: Callable[[CitySystem, Token, str], Awaitable[object]],
        *,
        login_will_do: bool = False,
    ) -> None:
        """Do something with the dossier in hand: with the citizen's login where it will do, is there and lasts, and no
        officer is named; else with a token of our own."""

        async def step(system: CitySystem, state: State) -> None:
            dossier_uid, login = state.get_dossier(), state.login
            if login_will_do and login and login.expires_at > time.time() and self.officer_ref is None:
                console.print("(with the token of the citizen's login)", style="dim")
                await action(system, login, dossier_uid)
            else:
                await action(system, await self.own_token(system, service), dossier_uid)

        self.run(step)

    def run(self, step: Callable[[CitySystem, State], Awaitable[None]]) -> None:
        """Run one step, keep what it changed in the state, and exit with 1 and a sentence when it is refused."""
        asyncio.run(self._run(step))

    async def _run(self, step: Callable[[CitySystem, State], Awaitable[None]]) -> None:
        state = State.read(self.state_path)
        try:
            async with self._system() as system:
                await step(system, state)
        except (Refused, LoginFailed, NotTrusted, LookupError, httpx2.TransportError) as error:
            console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
            raise typer.Exit(1) from None
        state.write(self.state_path)

    @asynccontextmanager
    async def _system(self) -> AsyncGenerator[CitySystem]:
        key = ECKey.import_key((self.keys / f"client-{self.client_id}.pem").read_bytes())
        async with httpx2.AsyncClient(timeout=30, event_hooks=Narrator(console).hooks) as http:
            yield CitySystem(self.client_id, key, self.gateway, self.redirect_uri, http=http)
