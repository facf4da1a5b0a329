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
from infra.client.localhost import Transport
from infra.client.narration import Narrator
from infra.client.oauth import LoginFailed, Service
from infra.client.releases import NotTrusted
from infra.client.state import State
from infra.client.summary import show_refusal
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
    ca_file: Path | None = None
    """Who vouches for the gateway, beside the public authorities."""

    async def own_token(self, system: CitySystem, service: Service) -> Token:
        """Get a token as the officer named, else as a machine of the agency."""
        actor = officer(self.officer_ref, self.position) if self.officer_ref else AUTOMATED
        return await system.officer_token(self.agency_uid, actor, service)

    def act(
        self,
        service: Service,
        action: Callable[[CitySystem, State, Token], Awaitable[object]],
        *,
        login_will_do: bool = False,
    ) -> None:
        """Do something with the dossier in hand: with the citizen's login where it will do, is there and lasts, and no
        officer is named; else with a token of our own."""

        async def step(system: CitySystem, state: State) -> None:
            state.get_dossier()  # there has to be one
            login = state.login
            if login_will_do and login and login.expires_at > time.time() and self.officer_ref is None:
                console.print("(with the token of the citizen's login)", style="dim")
                await action(system, state, login)
            else:
                await action(system, state, await self.own_token(system, service))

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
            console.print(_sentence(error), style="red", markup=False)
            if isinstance(error, Refused):
                show_refusal(console, error.body)
            raise typer.Exit(1) from None
        state.write(self.state_path)

    @asynccontextmanager
    async def _system(self) -> AsyncGenerator[CitySystem]:
        path = self.keys / f"client-{self.client_id}.pem"
        if not path.exists():
            known = ", ".join(sorted(each.stem.removeprefix("client-") for each in self.keys.glob("client-*.pem")))
            raise LookupError(f"no key {path}: we have those of {known or 'nobody; has `make run` run here?'}")
        key = ECKey.import_key(path.read_bytes())
        async with httpx2.AsyncClient(
            timeout=30, event_hooks=Narrator(console).hooks, transport=Transport(self.ca_file)
        ) as http:
            yield CitySystem(self.client_id, key, self.gateway, self.redirect_uri, http=http)


def _sentence(error: Exception) -> str:
    if isinstance(error, LookupError):  # one of ours: a step is missing
        return str(error.args[0])
    if isinstance(error, httpx2.TransportError):
        return f"The gateway cannot be reached ({error}). Is `make run` running?"
    if isinstance(error, Refused):
        again = "; the same may be tried again" if error.retryable else ""
        return f"Refused: {error}\n(fault: {error.fault}{again})"
    return f"{type(error).__name__}: {error}"
