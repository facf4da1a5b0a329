"""Ask-to-match, as the population look-up does: number, name and birth date together, never browsing."""

import unicodedata
from enum import StrEnum

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")  # grave, acute, tilde, hook above, dot below
_STROKE = str.maketrans("đ", "d")


class Likeness(StrEnum):
    """How well what was asked fits what is recorded; of two, the worse one counts."""

    SAME = "same"
    SIMILAR = "similar"
    DIFFERENT = "different"


def compare(asked_name: str, asked_date: str, name: str, birth_date: str) -> Likeness:
    """Compare name and birth date of the person the number belongs to."""
    likenesses = {compare_names(asked_name, name), compare_dates(asked_date, birth_date)}
    worst_first = (Likeness.DIFFERENT, Likeness.SIMILAR, Likeness.SAME)
    return next(likeness for likeness in worst_first if likeness in likenesses)


def compare_names(asked: str, recorded: str) -> Likeness:
    """Names are the same in any case and spacing; similar when only the place of a tone mark differs (Hoà, Hòa) or one
    of them is written without any marks (PHAM THU HOA)."""
    asked, recorded = _plain(asked), _plain(recorded)
    if asked == recorded:
        return Likeness.SAME
    if _tones_last(asked) == _tones_last(recorded):
        return Likeness.SIMILAR
    one_is_bare = _bare(asked) == asked or _bare(recorded) == recorded
    return Likeness.SIMILAR if one_is_bare and _bare(asked) == _bare(recorded) else Likeness.DIFFERENT


def compare_dates(asked: str, recorded: str) -> Likeness:
    """Dates are the same only as whole days: a year alone, on either side, can agree but never confirm."""
    if len(asked) == len(recorded) == len("YYYY-MM-DD"):
        return Likeness.SAME if asked == recorded else Likeness.DIFFERENT
    return Likeness.SIMILAR if asked[:4] == recorded[:4] else Likeness.DIFFERENT


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())


def _tones_last(name: str) -> list[tuple[str, list[str]]]:
    """Split each word into its letters with their own marks (ă, ô, ơ) and its tone, wherever that stands."""
    words = (unicodedata.normalize("NFD", word) for word in name.split())
    return [("".join(c for c in word if c not in _TONES), [c for c in word if c in _TONES]) for word in words]


def _bare(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.translate(_STROKE))
    return "".join(c for c in decomposed if not unicodedata.combining(c))
