"""Makes templates speak both languages: every fixed text stands in its place twice, and a missing twin is an error."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.languages import LANGUAGES, Language, Words
from shared.vietnam import day, exactly, moment


def environments(*folders: Path) -> Mapping[Language, Environment]:
    """Make the templates of these folders speak each language; the first folder counts.

    A template says `say("…", "…")` where the words are its own, `words[lang]` where they are given, and
    `name|vietnamese` of what is Vietnamese in both: names of agencies and people, and articles of law.
    """
    return {language: _environment(language, folders) for language in LANGUAGES}


def _environment(language: Language, folders: Iterable[Path]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(list(folders)),
        autoescape=True,  # of every template, whatever its name
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cast(dict[str, object], environment.globals).update(lang=language, say=partial(_say, language))
    environment.filters |= {
        "day": partial(day, language=language),
        "moment": partial(moment, language=language),
        "exactly": partial(exactly, language=language),
        "vietnamese": _as_it_is if language == "vi" else _marked_vietnamese,
    }
    return environment


def _say(language: Language, vi: str, en: str) -> str:
    return Words(vi, en).said(language)


def _as_it_is(text: str) -> str:
    return text


def _marked_vietnamese(text: str) -> Markup:
    """Tell a screen reader to change its voice (WCAG 2.2, 3.1.2)."""
    return Markup('<span lang="vi">{}</span>').format(text)
