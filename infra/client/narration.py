"""Prints each request and its answer, so that a reader sees what really goes over the wire."""

import json
from urllib.parse import parse_qsl

import httpx2
from pydantic import JsonValue
from rich.console import Console
from rich.syntax import Syntax

_SHOWN = ("authorization", "dpop", "idempotency-key", "www-authenticate", "retry-after", "location")
_LONGEST = 60
_LARGEST = 20_000


class Narrator:
    """Event hooks for an `httpx2.AsyncClient`: `AsyncClient(event_hooks=narrator.hooks)`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.hooks = {"request": [self._on_request], "response": [self._on_response]}

    async def _on_request(self, request: httpx2.Request) -> None:
        self._console.print(f"[bold]→ {request.method}[/bold] {request.url}", soft_wrap=True, highlight=False)
        self._headers(request.headers)
        self._body(request.content, request.headers.get("content-type", ""))

    async def _on_response(self, answer: httpx2.Response) -> None:
        await answer.aread()
        colour = "green" if answer.is_success else "red"
        self._console.print(f"[bold {colour}]← {answer.status_code}[/]", highlight=False)
        self._headers(answer.headers)
        self._body(answer.content, answer.headers.get("content-type", ""))
        self._console.print()

    def _headers(self, headers: httpx2.Headers) -> None:
        for name in _SHOWN:
            if name in headers:
                self._console.print(f"  {name}: {shortened(headers[name])}", style="dim", markup=False, soft_wrap=True)

    def _body(self, content: bytes, media_type: str) -> None:
        if not content:
            return
        shown = readable(content, media_type)
        if isinstance(shown, str):
            self._console.print(f"  {shown}", style="dim", markup=False, soft_wrap=True)
        else:
            text = json.dumps(shown, ensure_ascii=False, indent=2)
            self._console.print(Syntax(text, "json", background_color="default", word_wrap=True))


def readable(content: bytes, media_type: str) -> object:
    """Return a JSON or form body as data, its long texts shortened; anything else as its first characters."""
    if len(content) > _LARGEST:
        return f"({len(content)} bytes)"
    try:
        text = content.decode()
        if "json" in media_type:
            return _each_shortened(json.loads(text))
        if "form-urlencoded" in media_type:
            return {name: _field(value) for name, value in parse_qsl(text, keep_blank_values=True)}
    except ValueError:
        return f"({len(content)} bytes)"
    return shortened(text)


def _field(value: str) -> JsonValue:
    """Return a form's field; JSON in it (`authorization_details`) as what it says."""
    try:
        return _each_shortened(json.loads(value)) if value.startswith("[{") else shortened(value)
    except ValueError:
        return shortened(value)


def shortened(text: str) -> str:
    """Return a long text (a signature, a token) by its beginning and its length."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 20]}… ({len(text)} characters)"


def _each_shortened(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        # A sentence is for reading; what has no space is a token or a signature.
        return value if " " in value else shortened(value)
    if isinstance(value, dict):
        return {name: _each_shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_each_shortened(each) for each in value]
    return value
