"""Shows that something is being waited for."""

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner


def waiting(console: Console, text: str) -> Live:
    """Turn a spinner while the block lasts; on no terminal, show nothing.

    Not `console.status`: on a terminal that puts back, at its end, the `sys.stdout` of its beginning, and with it would
    undo what the block does: `laptop` sends there what the services log.
    """
    return Live(Spinner("dots", text), console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
