"""What a PromQL expression names: metrics, and the labels it selects or groups by. Enough for the queries we write."""

import re
from dataclasses import dataclass

_TEXTS = re.compile(r'"[^"]*"')
_GROUPS = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_SELECTORS = re.compile(r"\{([^}]*)\}")
_TIMES = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_WORDS = {
    "sum", "max", "min", "count", "topk", "rate", "last_over_time", "histogram_quantile", "label_values", "vector",
    "unless", "and", "or",
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """What an expression names."""

    metrics: frozenset[str]
    labels: frozenset[str]


def named_in(expression: str) -> Named:
    """Return every metric and label of an expression."""
    rest = _TEXTS.sub('""', expression)
    labels = {label.strip() for group in _GROUPS.findall(rest) for label in group.split(",")}
    rest = _GROUPS.sub(" ", rest)
    labels |= {label for selector in _SELECTORS.findall(rest) for label in re.findall(r"(\w+)\s*[=!]", selector)}
    rest = _TIMES.sub(" ", _SELECTORS.sub(" ", rest))
    if asked := re.fullmatch(r"\s*label_values\((\w+),\s*(\w+)\)\s*", rest):
        return Named(frozenset({asked[1]}), frozenset({asked[2]}))
    words = set(re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", rest)) - _WORDS
    return Named(frozenset(words), frozenset(labels))
