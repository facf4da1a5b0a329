"""The two languages of every page: Vietnamese first, English for whoever asks for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, Language] = ("vi", "en")
PARAMETER = "lang"
"""What asks for a language in the address of any page."""


@dataclass(frozen=True, slots=True)
class Words:
    """One text in both languages, of which the Vietnamese one counts; a template writes `words[lang]`."""

    vi: str
    en: str

    def as_json(self) -> dict[str, str]:
        """Return the text as notices carry it."""
        return {"vi": self.vi, "en": self.en}

    def said(self, language: Language) -> str:
        """Return the text in a language."""
        return self.vi if language == "vi" else self.en


def language_named(name: str | None) -> Language | None:
    """Return the language of this very name, if it is one of ours."""
    return next((language for language in LANGUAGES if language == name), None)


def language_wanted(ui_locales: str) -> Language | None:
    """Return the first of ours in a list of tags, the most wanted first (OpenID Connect Core §3.1.2.1, `ui_locales`).

    `en-GB` is English. None where nothing of ours is wanted, which is no error there either.
    """
    primary = (tag.partition("-")[0].lower() for tag in ui_locales.split())
    return next((found for found in map(language_named, primary) if found), None)


def switch(language: Language, query: Iterable[tuple[str, str]], *, at: str = "") -> tuple[Language, str]:
    """Return the other language, and the link to the same page in it.

    It begins with the query, hence leads to no other path, whatever was asked for; `at` is a path of ours for a page
    that answers a form, where a link cannot lead back.
    """
    other: Language = "en" if language == "vi" else "vi"
    kept = [] if at else [(name, value) for name, value in query if name != PARAMETER]
    return other, f"{at}?{urlencode([*kept, (PARAMETER, other)])}"
