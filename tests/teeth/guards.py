"""The guards of the code: for each the patch that takes it away, and the tests that must then fail."""

from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class Guard:
    """One line of defence: what it is, where it stands, which promises it keeps, and what shows that it is needed."""

    guard: str
    where: str
    protects: tuple[str, ...]
    patch: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return what it is called on the command line."""
        return self.patch.removesuffix(".patch")

    @property
    def patch_file(self) -> Path:
        """Return the patch that removes it."""
        return HERE / self.patch


def load() -> tuple[Guard, ...]:
    """Read the list. Raises TypeError or KeyError for a member that does not belong."""
    rows: list[dict[str, object]] = yaml.safe_load((HERE / "guards.yaml").read_text("utf-8"))
    return tuple(_guard(row) for row in rows)


def _guard(row: dict[str, object]) -> Guard:
    lists = {name: tuple(_words(row[name])) for name in ("protects", "tests")}
    texts = {name: str(value) for name, value in row.items() if name not in lists}
    return Guard(**texts, **lists)  # pyright: ignore[reportArgumentType] - an unknown member is a TypeError


def _words(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return [str(each) for each in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
