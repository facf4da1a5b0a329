"""Both languages: each fixed text of each template, and of each table of words, is there twice and is what it says."""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from jinja2 import nodes

from shared.languages import Words, language_wanted, switch
from shared.page_texts import Text, Way
from shared.templates import environments
from tests.shared.english import is_vietnamese, vietnamese_in

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "shared/pages", ROOT / "services/consent/templates", ROOT / "infra/simulators/pages"]
TEMPLATES = [path for folder in FOLDERS for path in sorted(folder.rglob("*.html"))]
WORDS = [
    "shared.page_texts",
    "services.identity.pages.words",
    "services.consent.pages.words",
    "infra.simulators.city_system.words",
    "infra.simulators.city_system.offers",
]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_fixed_text_of_a_template_is_there_in_both_languages(path: Path) -> None:
    parsed = environments(path.parent)["en"].parse(path.read_text("utf-8"))
    first = [call.args[0] for call in _said(parsed)]
    for call in _said(parsed):
        vi, en = (cast(nodes.Const, each).value for each in call.args)
        assert vi.strip()
        assert en.strip()
        assert not is_vietnamese(en) or (vi, en) == ("English", "Tiếng Việt")
        assert vi.count("{}") == en.count("{}")
    for each in parsed.find_all(nodes.Const):
        assert not any(each is vi for vi in first) or isinstance(each.value, str)
        if isinstance(each.value, str) and not any(each is vi for vi in first):
            assert not is_vietnamese(each.value) or each.value == "Tiếng Việt"
    written = "".join(each.data for each in parsed.find_all(nodes.TemplateData))
    assert vietnamese_in(written) == []


def _said(parsed: nodes.Template) -> Iterator[nodes.Call]:
    for call in parsed.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "say":
            yield call


@pytest.mark.parametrize("module", WORDS)
def test_every_word_of_a_table_is_there_in_both_languages(module: str) -> None:
    tables = vars(importlib.import_module(module)).values()
    found = [words for table in tables for words in _words(table)]
    assert found
    for words in found:
        assert words.vi.strip()
        assert words.en.strip()
        assert not is_vietnamese(words.en), words.en


def _words(value: Any) -> Iterator[Words]:
    match value:
        case Words():
            yield value
        case Mapping():
            for each in cast(Mapping[Any, Any], value).values():
                yield from _words(each)
        case Text() | Way():
            for each in value:
                yield from _words(each)
        case _ if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
            for name in value.__dataclass_fields__:
                yield from _words(getattr(value, name))
        case _:
            return


@pytest.mark.parametrize(
    ("tags", "language"),
    [
        ("en", "en"),
        ("vi", "vi"),
        ("fr en-GB vi", "en"),
        ("VI-VN en", "vi"),
        ("fr", None),
        ("", None),
        ("english", None),
    ],
)
def test_of_the_languages_a_client_wants_the_first_of_ours_counts(tags: str, language: str | None) -> None:
    assert language_wanted(tags) == language


def test_the_switch_keeps_what_the_address_says_but_for_the_language() -> None:
    asked = [("state", "a b"), ("lang", "vi"), ("lang", "en"), ("x", "")]
    assert switch("vi", asked) == ("en", "?state=a+b&x=&lang=en")
    assert switch("en", asked, at="/consent/me") == ("vi", "/consent/me?lang=vi")
