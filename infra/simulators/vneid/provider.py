"""A login at VNeID from the first page to the claims: what is remembered, and what each step demands."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from joserfc import jwt

from infra.simulators.memory import Remembered
from infra.simulators.personas import Account, Persona
from infra.simulators.vneid.authorization import AuthorizationRequest
from infra.simulators.vneid.claims import dialect_a
from infra.simulators.vneid.clients import Client
from infra.simulators.vneid.errors import Refused, SentBack, Stopped
from infra.simulators.vneid.keys import SigningKeys

LOGIN_LIFE = timedelta(minutes=5)
CODE_LIFE = timedelta(seconds=60)
TOKEN_LIFE = timedelta(minutes=5)
SESSION_LIFE = timedelta(hours=1)
_ONCE_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Session:
    """Somebody who logged in with this browser, and when."""

    persona: Persona
    account: Account
    auth_time: datetime


@dataclass(frozen=True)
class Login:
    """One authorization request on its way through the pages, in one browser; `session` once it is known who it is."""

    login_id: str
    browser: str
    request: AuthorizationRequest
    session: Session | None = None


@dataclass(frozen=True)
class _Code:
    login: Login
    session: Session
    token: str | None = None


class Provider:
    """Holds logins, codes and tokens in memory; `now` is the only clock."""

    def __init__(
        self, issuer: str, keys: SigningKeys, people: Mapping[str, Persona], now: Callable[[], datetime]
    ) -> None:
        self.issuer, self.people = issuer, people
        self._keys, self._now = keys, now
        self._logins: Remembered[str, Login] = Remembered(now)
        self._once: Remembered[tuple[str, str, str], str] = Remembered(now)
        self._sessions: Remembered[str, Session] = Remembered(now)
        self._codes: Remembered[str, _Code] = Remembered(now)
        self._tokens: Remembered[str, Session] = Remembered(now)

    def begin(self, request: AuthorizationRequest, browser: str) -> Login:
        """Open a login. A reload by the same browser gets the same one; any other re-use of state or nonce is refused.

        Unless asked for `prompt=login` or a `max_age` that has passed, a browser that logged in before keeps its
        session and its old `auth_time`: who wants a fresh login has to say so.
        """
        again = self._reloaded(request, browser)
        if again is not None:
            return again
        session = self._session_for(request, browser)
        if "none" in request.prompts:
            raise self._sent_back(request, "login_required" if session is None else "interaction_required")
        login = Login(secrets.token_urlsafe(24), browser, request, session)
        for kind, value in (("state", request.state), ("nonce", request.nonce)):
            self._once.put((request.client.client_id, kind, value), login.login_id, self._now() + _ONCE_FOR)
        self._logins.put(login.login_id, login, self._now() + LOGIN_LIFE)
        return login

    def get_login(self, login_id: str, browser: str) -> Login:
        """Return this browser's open login; `Stopped` when it is another's, answered or too old."""
        login = self._logins.find(login_id)
        if login is None or not hmac.compare_digest(login.browser, browser):
            raise Stopped("Phiên đăng nhập không còn hiệu lực.", "This login is over.")
        return login

    def choose(self, login: Login, name: str) -> Login:
        """Say who takes up the telephone; the moment becomes `auth_time`."""
        persona = self.people.get(name)
        if persona is None or persona.account is None:
            raise Stopped("Không có tài khoản VNeID này.", "There is no such VNeID account.")
        chosen = replace(login, session=Session(persona, persona.account, self._now()))
        self._logins.put(login.login_id, chosen, self._now() + LOGIN_LIFE)
        return chosen

    def approve(self, login: Login) -> str:
        """Close the login and return where the browser goes with its code.

        Who always refuses does so here too, and VNeID refuses for a locked account. Raises `Stopped` for whoever puts
        the telephone away: nobody is ever sent back.
        """
        if login.session is None or login.session.account.refuses or login.session.account.locked:
            return self.refuse(login)
        self._logins.forget(login.login_id)
        if login.session.account.gives_up:
            raise Stopped(
                "Đã quá thời gian chờ xác nhận trên điện thoại.", "The time to confirm on the telephone is over."
            )
        self._sessions.put(login.browser, login.session, self._now() + SESSION_LIFE)
        code = secrets.token_urlsafe(32)
        self._codes.put(code, _Code(login, login.session), self._now() + CODE_LIFE)
        answer = {"code": code, "state": login.request.state, "iss": self.issuer}
        return f"{login.request.redirect_uri}?{urlencode(answer)}"

    def refuse(self, login: Login) -> str:
        """Close the login and return where the browser goes with `access_denied`."""
        self._logins.forget(login.login_id)
        return self._sent_back(login.request, "access_denied").location

    def redeem(self, client: Client, form: Mapping[str, str]) -> dict[str, object]:
        """Exchange a code once (RFC 6749 4.1.3, RFC 7636 4.6); a second use revokes what the first one gave."""
        if form.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type", "only authorization_code")
        code = self._codes.find(form.get("code", ""))
        if code is None or code.login.request.client != client:
            raise Refused("invalid_grant", "the code is unknown, expired or another client's")
        if code.token is not None:
            self._tokens.forget(code.token)
            raise Refused("invalid_grant", "the code was used before")
        if form.get("redirect_uri") != code.login.request.redirect_uri:
            raise Refused("invalid_grant", "redirect_uri differs from the authorization request")
        if not hmac.compare_digest(_s256(form.get("code_verifier", "")), code.login.request.code_challenge):
            raise Refused("invalid_grant", "code_verifier does not fit")
        token = secrets.token_urlsafe(32)
        self._codes.put(form["code"], replace(code, token=token), self._now() + _ONCE_FOR)
        self._tokens.put(token, code.session, self._now() + TOKEN_LIFE)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIFE.total_seconds()),
            "scope": "openid",
            "id_token": self._id_token(code, token),
        }

    def log_out(self, browser: str) -> None:
        """End what is left of a login in this browser; the next one begins with who she is."""
        self._sessions.forget(browser)

    def userinfo(self, token: str) -> dict[str, str | dict[str, str]]:
        """Return the claims of whom the token stands for, in dialect A."""
        session = self._tokens.find(token)
        if session is None:
            raise Refused("invalid_token", "the token is unknown, expired or revoked", status=401)
        return dialect_a(session.persona, session.account, self.issuer)

    def jwks(self) -> dict[str, object]:
        """Return the public signing keys as a JWK set."""
        return self._keys.published()

    def _id_token(self, code: _Code, token: str) -> str:
        request, session, now = code.login.request, code.session, int(self._now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": session.account.sub,
            "aud": request.client.client_id,
            "iat": now,
            "exp": now + int(TOKEN_LIFE.total_seconds()),
            "auth_time": int(session.auth_time.timestamp()),
            "nonce": request.nonce,
            "acr": str(session.account.auth_level),
            "at_hash": _base64url(hashlib.sha256(token.encode()).digest()[:16]),  # OIDC Core 3.1.3.6
        }
        key = self._keys.current
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)

    def _reloaded(self, request: AuthorizationRequest, browser: str) -> Login | None:
        client_id = request.client.client_id
        known = {
            self._once.find((client_id, "state", request.state)),
            self._once.find((client_id, "nonce", request.nonce)),
        }
        if known == {None}:
            return None
        login = self._logins.find(known.pop() or "")
        if known or login is None or login.request != request or login.browser != browser:
            raise self._sent_back(request, "invalid_request", "state or nonce was used before")
        return login

    def _session_for(self, request: AuthorizationRequest, browser: str) -> Session | None:
        session = self._sessions.find(browser)
        if session is None or request.prompts & {"login", "select_account"}:
            return None
        age = self._now() - session.auth_time
        too_old = request.max_age is not None and age > timedelta(seconds=request.max_age)
        return None if too_old else session

    def _sent_back(self, request: AuthorizationRequest, error: str, description: str = "") -> SentBack:
        return SentBack(
            error,
            description or error.replace("_", " "),
            redirect_uri=request.redirect_uri,
            state=request.state,
            issuer=self.issuer,
        )


def _s256(verifier: str) -> str:
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
