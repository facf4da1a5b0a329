"""Finds the forms and links of a page, as somebody sees them who has no JavaScript."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal

_VOID_OF_VALUE = {"submit", "button", "image", "reset", "file"}


@dataclass(frozen=True)
class Button:
    """A submit button: what is written on it, and what pressing it sends."""

    text: str
    name: str | None
    value: str
    action: str | None
    """Its own `formaction`, which goes before the form's."""


@dataclass(frozen=True)
class Choice:
    """A check box or a radio button."""

    name: str
    value: str
    kind: Literal["checkbox", "radio"]
    chosen: bool


@dataclass
class Form:
    """One form; `fields` are what it sends besides choices and the button pressed."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict[str, str])
    choices: list[Choice] = field(default_factory=list[Choice])
    buttons: list[Button] = field(default_factory=list[Button])

    def filled(self, button: Button, values: dict[str, str | list[str]]) -> list[tuple[str, str]]:
        """Return what is sent when `button` is pressed after `values` were entered.

        A list says which boxes of that name are ticked, all of them. A name or value the form does not offer raises
        `ValueError`: a person could not have entered it.
        """
        offered = {(choice.name, choice.value) for choice in self.choices}
        choosable = {name for name, _ in offered}
        sent = {**self.fields}
        wanted = {(c.name, c.value) for c in self.choices if c.chosen and c.name not in values}
        for name, value in values.items():
            if name in choosable:
                wanted |= {(name, one) for one in ([value] if isinstance(value, str) else value)}
            elif name in self.fields and isinstance(value, str):
                sent[name] = value
            else:
                raise ValueError(f"the form has no field {name!r}")
        if not wanted <= offered:
            raise ValueError(f"the form does not offer {sorted(wanted - offered)}")
        pressed = [(button.name, button.value)] if button.name else []
        return [*sent.items(), *sorted(wanted), *pressed]


@dataclass(frozen=True)
class Link:
    """A link by its words."""

    text: str
    href: str


class PageReader(HTMLParser):
    """Collects forms, links and visible text while it is fed a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.text: list[str] = []
        self._by_id: dict[str, Form] = {}
        self._form: Form | None = None
        self._open: tuple[str, dict[str, str | None], int] | None = None
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a form, control or link."""
        has = dict(attrs)
        match tag:
            case "form":
                self._form = Form(has.get("action") or "", (has.get("method") or "get").lower())
                self.forms.append(self._form)
                self._by_id[has.get("id") or ""] = self._form
            case "input":
                self._input(has)
            case "button" | "a" | "textarea":
                self._open = (tag, has, len(self.text))
            case "script" | "style":
                self._hidden += 1
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        """Close it; only now the words inside are known."""
        if tag == "form":
            self._form = None
        elif tag in {"script", "style"}:
            self._hidden -= 1
        elif self._open and self._open[0] == tag:
            _, has, start = self._open
            self._open = None
            self._close(tag, has, " ".join(" ".join(self.text[start:]).split()))

    def handle_data(self, data: str) -> None:
        """Keep what can be read."""
        if not self._hidden and data.strip():
            self.text.append(data)

    def _close(self, tag: str, has: dict[str, str | None], words: str) -> None:
        form = self._form_of(has)
        if tag == "a" and has.get("href"):
            self.links.append(Link(words, has["href"] or ""))
        elif tag == "textarea" and form and has.get("name"):
            form.fields[has["name"] or ""] = words
        elif tag == "button" and form and (has.get("type") or "submit") == "submit" and "disabled" not in has:
            form.buttons.append(_button(words, has))

    def _input(self, has: dict[str, str | None]) -> None:
        form, kind, name = self._form_of(has), (has.get("type") or "text").lower(), has.get("name")
        if form is None or "disabled" in has:
            return
        if kind == "submit":
            form.buttons.append(_button(has.get("value") or "", has))
        elif name and (kind == "checkbox" or kind == "radio"):
            form.choices.append(Choice(name, has.get("value") or "on", kind, "checked" in has))
        elif name and kind not in _VOID_OF_VALUE:
            form.fields[name] = has.get("value") or ""

    def _form_of(self, has: dict[str, str | None]) -> Form | None:
        named = has.get("form")
        return self._by_id.get(named) if named else self._form


def _button(words: str, has: dict[str, str | None]) -> Button:
    return Button(words, has.get("name"), has.get("value") or "", has.get("formaction"))
