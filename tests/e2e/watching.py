"""Sees every answer that city systems and people get, as it came over the wire, and judges how it was named."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx2

from infra.demo.cast import Cast
from infra.demo.people import Person

FAULTS = {"client", "citizen", "gateway", "source"}


@dataclass(frozen=True)
class Seen:
    """One answer."""

    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    sent: bytes = b""

    @property
    def json(self) -> dict[str, Any]:
        """Return the body as JSON; nothing where it is none."""
        if "json" not in self.headers.get("content-type", ""):
            return {}
        told: object = httpx2.Response(200, content=self.body).json()
        return cast(dict[str, Any], told) if isinstance(told, dict) else {}

    @property
    def sent_back_with(self) -> str | None:
        """Return OAuth's error with which a browser is sent back, if it is."""
        return parse_qs(urlsplit(self.headers.get("location", "")).query).get("error", [None])[0]


@dataclass
class Watch:
    """All answers, in order."""

    seen: list[Seen] = field(default_factory=list[Seen])

    def over(self, http: httpx2.AsyncClient) -> None:
        """See all that a client gets from now on."""
        http.event_hooks["response"].append(self._note)

    async def _note(self, answer: httpx2.Response) -> None:
        body, asked = await answer.aread(), answer.request
        self.seen.append(
            Seen(asked.method, str(asked.url), answer.status_code, dict(answer.headers), body, asked.content)
        )

    def of(self, origin: str) -> Iterator[Seen]:
        """Yield what came from there."""
        return (each for each in self.seen if each.url.startswith(origin))


@dataclass(frozen=True)
class WatchedCast(Cast):
    """A cast of which every answer is seen."""

    watch: Watch

    @asynccontextmanager
    async def person(self, persona: str) -> AsyncGenerator[Person]:
        """Let somebody take out her phone, under the same eyes."""
        async with super().person(persona) as person:
            self.watch.over(person.browser._http)
            yield person


def watched(cast_: Cast) -> WatchedCast:
    """Watch a cast."""
    watch = Watch()
    watch.over(cast_.http)
    return WatchedCast(**vars(cast_), watch=watch)


def misnamed(seen: Iterator[Seen], *, citizens: frozenset[str] = frozenset()) -> list[str]:
    """Say which refusals are not named as they must be (I11).

    Each has a code, a fault and whether to retry; only those in `citizens` may be the citizen's; a source's or the
    gateway's passing failure is retryable, and nobody else's is called so.
    """
    return [
        f"{each.method} {urlsplit(each.url).path} {each.status}: {why}"
        for each in seen
        for why in _wrong(each, citizens)
    ]


def _wrong(answer: Seen, citizens: frozenset[str]) -> Iterator[str]:
    kind = answer.headers.get("content-type", "")
    if answer.status < 400:
        yield from _wrong_plan(answer.json)
    elif kind.startswith("application/problem+json"):
        yield from _wrong_problem(answer, citizens)
    elif kind.startswith("application/json"):
        if not {"error", "error_description"} <= answer.json.keys():
            yield f"no OAuth error: {answer.json}"
    elif not kind.startswith("text/html"):
        yield f"a refusal as {kind!r}"
    if answer.status >= 500 and answer.status != 503:
        yield "a bug"


def _wrong_problem(answer: Seen, citizens: frozenset[str]) -> Iterator[str]:
    told = answer.json
    code, fault, retryable = told.get("code"), told.get("fault"), told.get("retryable")
    if not isinstance(code, str) or fault not in FAULTS or not isinstance(retryable, bool):
        yield f"without code, fault and retryable: {told}"
    if fault == "citizen" and code not in citizens:
        yield f"{code} is no fault of hers"
    if answer.status == 503 and (not retryable or fault not in ("gateway", "source")):
        yield f"{code} by {fault} with retryable {retryable}"
    if retryable and answer.status not in (409, 503):  # what is not yet in the state for it, and what is not there
        yield f"{code} may not be tried again"


def _wrong_plan(told: dict[str, Any]) -> Iterator[str]:
    for item in _planned(told):
        is_fault = item["outcome"] == "source_fault"
        if is_fault and (item["fault"], item["retryable"], item["submit"]) != ("source", True, False):
            yield f"{item['component_id']} is a source's failure told as {item}"


def _planned(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the components of a plan; other answers have components without an outcome, or only their names."""
    listed = cast(list[object], told.get("components", []))
    items = [cast(dict[str, Any], item) for item in listed if isinstance(item, dict)]
    return [item for item in items if "outcome" in item]


AGAINST_HER = {"not_available", "must_be_submitted", "officer_check_needed", "refused_by_citizen", "login_again"}


def taken_back(seen: Iterator[Seen]) -> dict[tuple[str, str], list[str]]:
    """Return the components of which a plan said what sends her away, and a later plan said something else.

    A register's word is final for a day and her own stays hers: what is taken back was a source's failure, misnamed.
    """
    said: dict[tuple[str, str], list[str]] = {}
    for plan in (each.json for each in seen):
        for item in _planned(plan):
            said.setdefault((plan["dossier_uid"], item["component_id"]), []).append(item["outcome"])
    return {key: words for key, words in said.items() if (set(words) & AGAINST_HER) - {words[-1]}}
