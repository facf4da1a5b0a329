"""Finds what is left of Vietnamese where English is promised."""

import re
from unicodedata import normalize

_TONES = "\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323"
"""Grave, acute, circumflex, tilde, breve, hook above, horn and dot below: what Vietnamese writes over and under."""
_MARKED = re.compile(r'<(span|a|p|pre)\b[^>]* lang="vi"[^>]*>.*?</\1>', re.DOTALL)
_BRAND = "Một Lần"


def is_vietnamese(text: str) -> bool:
    """Say whether a text has letters that only Vietnamese writes; our own name does not count."""
    plain = normalize("NFD", text.replace(_BRAND, "")).lower()
    return any(letter in plain for letter in f"đ{_TONES}")


def vietnamese_in(html: str) -> list[str]:
    """Return the lines of an English page with Vietnamese letters that are not marked as such, by `lang="vi"`."""
    return [line for line in _MARKED.sub("", html).splitlines() if is_vietnamese(line)]
