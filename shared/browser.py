"""Knows one browser from another, and a form of ours from somebody else's."""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Annotated, cast

from fastapi import Depends, Form, Request

from shared.asgi import COOKIES
from shared.errors import Forbidden
from shared.hashes import hash_of
from shared.http import service_of
from shared.languages import PARAMETER, Language, language_named

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 random bytes
_SCOPE_KEY = "motlan.browser"
_LANGUAGE_KEY = "motlan.language"


class ForeignForm(Forbidden):
    """The form was not filled in on a page of ours in this browser, or so long ago that the cookie is gone."""

    code = "foreign_form"
    retryable = True


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser, by its cookie: says nothing about who sits before it."""

    secret: str = field(repr=False)

    @property
    def hash(self) -> bytes:
        """What others may keep of it."""
        return hash_of(self.secret)

    def csrf(self, form: str) -> str:
        """Make the token of one form: an HMAC under the cookie, which other sites cannot read (__Host-, HttpOnly)."""
        return urlsafe_b64encode(hmac.digest(self.secret.encode(), f"form|{form}".encode(), "sha256")).decode()


def cookie_name(*, secure: bool) -> str:
    """Name the cookie: browsers let nobody but this very host set a `__Host-` cookie, and only over https."""
    return "__Host-motlan" if secure else "motlan"


def browser_of(request: Request) -> Browser:
    """Return the browser of a request; gives it a cookie if it has none, and never overwrites one (two tabs).

    Only when it reads: what another site has it send comes without the cookie that it has (SameSite).
    """
    if known := request.scope.get(_SCOPE_KEY):
        return cast(Browser, known)
    secure = service_of(request).settings.secure
    name = cookie_name(secure=secure)
    sent = request.cookies.get(name, "")
    browser = Browser(sent if _SECRET.fullmatch(sent) else token_urlsafe(32))
    if browser.secret != sent and request.method in ("GET", "HEAD"):
        _give(request, name, browser.secret, secure=secure)
    request.scope[_SCOPE_KEY] = browser
    return browser


def language_cookie(*, secure: bool) -> str:
    """Name the cookie that holds `vi` or `en` and nothing else."""
    return "__Host-motlan-lang" if secure else "motlan-lang"


def language_of(request: Request) -> Language:
    """Return the language to answer in: what the address asks for, else what this browser chose, else Vietnamese.

    What the address asks for is kept from then on.
    """
    if asked := language_named(request.query_params.get(PARAMETER)):
        keep_language(request, asked)
        return asked
    return _kept_language(request)


def keep_language(request: Request, language: Language) -> None:
    """Have this browser see every page of every service in a language, until it is closed or chooses the other."""
    if _kept_language(request) == language or request.scope.get(_LANGUAGE_KEY) == language:
        return
    request.scope[_LANGUAGE_KEY] = language
    secure = service_of(request).settings.secure
    _give(request, language_cookie(secure=secure), language, secure=secure)


def _kept_language(request: Request) -> Language:
    name = language_cookie(secure=service_of(request).settings.secure)
    return language_named(request.cookies.get(name)) or "vi"


def _give(request: Request, name: str, value: str, *, secure: bool) -> None:
    """Set a cookie with whatever answer is made: for this host, unreadable to scripts, until the browser is closed."""
    attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
    request.scope.setdefault(COOKIES, []).append(f"{name}={value}{attributes}")


async def _browser(request: Request) -> Browser:
    return browser_of(request)


CurrentBrowser = Annotated[Browser, Depends(_browser)]


def check_same_origin(request: Request) -> None:
    """Accept only what a page of ours sends (Fetch Metadata, else `Origin`); raises ForeignForm.

    Sent neither of both, it is refused: every browser sends at least `Origin` with a POST.
    """
    site = request.headers.get("sec-fetch-site")
    own = request.headers.get("origin") == service_of(request).settings.public_origin
    if not (site == "same-origin" or (site is None and own)):
        raise ForeignForm


def own_form(name: str) -> Callable[..., Awaitable[None]]:
    """Make the dependency of a route that takes the form `name` (in its template: `{{ csrf_field(name) }}`).

    It raises ForeignForm unless the form comes from a page of ours, shown in this browser.
    """

    async def check(request: Request, browser: CurrentBrowser, csrf: Annotated[str, Form()] = "") -> None:
        check_same_origin(request)
        if not hmac.compare_digest(csrf.encode(), browser.csrf(name).encode()):
            raise ForeignForm

    return check
