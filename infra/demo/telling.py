"""How the story is told: what is done, what came of it, and whether that is what had to come."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table


class Story:
    """Tells on a terminal, and remembers every difference from what was expected."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.differences: list[str] = []

    def act(self, title: str) -> None:
        """Begin an act."""
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left")

    def say(self, text: str) -> None:
        """Tell what somebody does."""
        self._console.print(text)

    def expect(self, what: str, actual: object, expected: object) -> None:
        """Tell an outcome; one that differs is told in red and fails the demo."""
        if actual == expected:
            self._console.print(f"  [green]✓[/green] {what}: [bold]{_shown(actual)}[/bold]")
        else:
            self.differences.append(what)
            self._console.print(f"  [red]✗ {what}: {_shown(actual)}, expected {_shown(expected)}[/red]")

    def table(self, heads: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """Tell many things at once."""
        table = Table(*heads, padding=(0, 1))
        for row in rows:
            table.add_row(*map(_shown, row))
        self._console.print(table)

    def close(self) -> int:
        """Say how it ended; return the exit code."""
        self._console.print()
        if self.differences:
            self._console.print(f"[red]{len(self.differences)} things were not as expected:[/red]")
            for what in self.differences:
                self._console.print(f"  [red]{what}[/red]")
            return 1
        self._console.print("[green]Everything was as it had to be.[/green]")
        return 0


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(map(str, value))) or "none"  # pyright: ignore[reportUnknownArgumentType] - shown, whatever it is
    return str(value)
