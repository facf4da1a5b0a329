"""A person at a browser without JavaScript: keeps cookies, follows redirects, fills in forms and presses buttons."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

import httpx2

from infra.client.forms import Button, Form, Link, PageReader

_MOST_REDIRECTS = 20
_KEEPS_METHOD = {307, 308}


@dataclass(frozen=True)
class Page:
    """What is on the screen; `status` is 0 where the browser was told to stop before the page."""

    url: str
    status: int
    forms: tuple[Form, ...] = ()
    links: tuple[Link, ...] = ()
    text: str = ""
    origin: str = "null"
    """What a form sent from here says in `Origin`; `null` under `Referrer-Policy: no-referrer` (Fetch 3.2)."""

    @property
    def is_back(self) -> bool:
        """Say whether this is where the browser was told to stop."""
        return self.status == 0


class Browser:
    """One browser with one cookie jar. It stops, without asking for it, at a URL that begins with `stop_at`."""

    def __init__(self, *, transport: httpx2.AsyncBaseTransport | None = None, stop_at: str | None = None) -> None:
        # Browsers send Secure cookies over http://localhost too; Python's jar only when told.
        jar = CookieJar(DefaultCookiePolicy(secure_protocols=("https", "http")))
        self._http = httpx2.AsyncClient(cookies=jar, transport=transport, timeout=30)
        self._stop_at = stop_at
        self.page = Page("about:blank", 0)

    async def __aenter__(self) -> Browser:
        """Open the browser."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it, forgetting its cookies."""
        await self._http.aclose()

    async def open(self, url: str) -> Page:
        """Type an address; return the page where all redirects end."""
        return await self._go("GET", url)

    async def follow(self, words: str) -> Page:
        """Click the link that has `words` in it; `LookupError` when there is none."""
        link = next((link for link in self.page.links if words in link.text), None)
        if link is None:
            raise LookupError(f"no link {words!r} on {self.page.url}: {[link.text for link in self.page.links]}")
        return await self._go("GET", urljoin(self.page.url, link.href))

    async def press(self, words: str, **values: str | list[str]) -> Page:
        """Press the button that says `words` (or that sends them), after entering `values` in its form.

        Raises `LookupError` when there is no such button, `ValueError` when the form takes no such value.
        """
        form, button = self._find_button(words)
        sent = form.filled(button, values)
        url = urljoin(self.page.url, button.action or form.action or self.page.url)
        if form.method == "post":
            return await self._go("POST", url, sent)
        return await self._go("GET", urlsplit(url)._replace(query=urlencode(sent)).geturl())

    def _find_button(self, words: str) -> tuple[Form, Button]:
        buttons = [(form, button) for form in self.page.forms for button in form.buttons]
        found = next((pair for pair in buttons if words in pair[1].text or words == pair[1].value), None)
        if found is None:
            raise LookupError(f"no button {words!r} on {self.page.url}: {[button.text for _, button in buttons]}")
        return found

    async def _go(self, method: str, url: str, form: list[tuple[str, str]] | None = None) -> Page:
        for _ in range(_MOST_REDIRECTS):
            if self._stop_at and url.startswith(self._stop_at):
                self.page = Page(url, 0)
                return self.page
            answer = await self._send(method, urldefrag(url).url, form)
            if not answer.has_redirect_location:
                self.page = _read(answer)
                return self.page
            url = urljoin(url, answer.headers["location"])
            if answer.status_code not in _KEEPS_METHOD:
                method, form = "GET", None
        raise RecursionError(f"more than {_MOST_REDIRECTS} redirects, the last to {url}")

    async def _send(self, method: str, url: str, form: list[tuple[str, str]] | None) -> httpx2.Response:
        if method == "GET":
            return await self._http.get(url)
        headers = {"Origin": self.page.origin, "Content-Type": "application/x-www-form-urlencoded"}
        return await self._http.request(method, url, content=urlencode(form or []), headers=headers)


def _read(answer: httpx2.Response) -> Page:
    reader = PageReader()
    reader.feed(answer.text)
    reader.close()
    url, where = str(answer.url), urlsplit(str(answer.url))
    hidden = answer.headers.get("referrer-policy") == "no-referrer"
    origin = "null" if hidden else f"{where.scheme}://{where.netloc}"
    text = " ".join(" ".join(reader.text).split())
    return Page(url, answer.status_code, tuple(reader.forms), tuple(reader.links), text, origin)
