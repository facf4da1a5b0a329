"""People who log in at Keycloak: they type what they know, and what their phone shows."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from infra.client.browser import Browser, Page
from infra.client.localhost import Transport
from infra.demo.cast import Cast, Person
from infra.keycloak.realm import PersonasSecrets

_GO_ON = "Sign In"


class KeycloakPerson(Person):
    """Somebody before Keycloak's own pages."""

    def __init__(self, persona: str, browser: Browser, secrets: PersonasSecrets) -> None:
        super().__init__(persona, browser)
        self._secrets = secrets

    async def log_in(self, address: str) -> Page:
        """Follow a login link, type her name and password, and the code from her phone where it is asked for."""
        if (await self.browser.open(address)).is_back or self.browser.page.status >= 500:
            return self.browser.page
        page = await self.browser.press(_GO_ON, username=self.persona, password=self._secrets.password)
        if any("otp" in form.fields for form in page.forms):
            page = await self.browser.press(_GO_ON, otp=self._secrets.code())
        return await self.hand_over(page)


@dataclass(frozen=True)
class KeycloakCast(Cast):
    """Everybody, in a city whose people have accounts at Keycloak."""

    secrets: PersonasSecrets

    @asynccontextmanager
    async def person(self, persona: str) -> AsyncGenerator[Person]:
        """Let somebody sit down at a browser of her own."""
        stop_at = f"{self.stage.simulators}/city/callback"
        async with Browser(transport=Transport(self.stage.ca_file), stop_at=stop_at) as browser:
            yield KeycloakPerson(persona, browser, self.secrets)
