"""People before a browser: they log in at VNeID, or at Keycloak in its place, and answer what they are asked."""

import asyncio

from infra.client.browser import Browser, Page
from infra.demo.patience import TRIES, pause
from infra.keycloak.realm import PersonasSecrets

_SIGN_IN = "Sign In"
"""The button of Keycloak's login pages."""


class Person:
    """Somebody with a phone: logs in as one persona of VNeID, and answers what she is asked."""

    def __init__(self, persona: str, browser: Browser) -> None:
        self.persona, self.browser = persona, browser

    async def log_in(self, address: str) -> Page:
        """Follow a login link, choose herself at VNeID and approve; returns the page where that leads.

        If VNeID does not answer the gateway, or the link is used up, she never gets to see it.
        """
        if (await self.browser.open(address)).is_back or self.browser.page.status >= 400:
            return self.browser.page
        await self.browser.press(self.persona)
        page = await self.browser.press("approve")
        return await self.hand_over(page)

    async def log_in_to_her_page(self, address: str, *, tries: int = TRIES) -> Page:
        """Log in at the gateway itself; again as long as that says that it may go better the next time."""
        for last in range(1, tries + 1):
            page = await self.log_in(address)
            if page.status != 503 or last == tries:
                break
            await asyncio.sleep(pause(last))
        return self.browser.page

    async def refuse(self, address: str) -> Page:
        """Follow a login link and refuse on the phone."""
        if (await self.browser.open(address)).is_back:
            return self.browser.page
        await self.browser.press(self.persona)
        return await self.browser.press("refuse")

    async def hand_over(self, page: Page) -> Page:
        """Press the button that a script would have pressed, where a page hands over to another service."""
        if page.url.endswith("/consent/entry") or not page.forms or "/consent/entry" not in page.forms[0].action:
            return page
        return await self.browser.press(page.forms[0].buttons[0].text)

    async def answer(self, asked: str, *, hands_in: str | None = None) -> Page:
        """Answer the consent page: `asked` to all that is asked; what law gives goes on, but for one paper, by name."""
        page = self.browser.page
        form = next((form for form in page.forms if form.action.endswith("/decision")), None)
        if form is None:
            raise LookupError(f"nothing to answer on {page.url} ({page.status}): {page.text}")
        values: dict[str, str | list[str]] = {c.name: asked for c in form.choices if c.kind == "radio"}
        if hands_in:
            told = [choice.name for choice in form.choices if choice.kind == "checkbox"]
            papers = page.text.split("Tôi sẽ tự nộp giấy tờ này")
            values[next(name for name, before in zip(told, papers, strict=False) if hands_in in before)] = "self_submit"
        return await self.browser.press("Gửi câu trả lời", **values)


class KeycloakPerson(Person):
    """Somebody before Keycloak's own pages."""

    def __init__(self, persona: str, browser: Browser, secrets: PersonasSecrets) -> None:
        super().__init__(persona, browser)
        self._secrets = secrets

    async def log_in(self, address: str) -> Page:
        """Follow a login link, type her name and password, and the code from her phone where it is asked for."""
        if (await self.browser.open(address)).is_back or self.browser.page.status >= 400:
            return self.browser.page
        page = await self.browser.press(_SIGN_IN, username=self.persona, password=self._secrets.password)
        if any("otp" in form.fields for form in page.forms):
            page = await self.browser.press(_SIGN_IN, otp=self._secrets.code())
        return await self.hand_over(page)
