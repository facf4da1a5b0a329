"""Reads which city systems a stack knows at its first start."""

from pathlib import Path
from typing import Any

import yaml

_CLIENTS = Path(__file__).with_name("clients.yaml")


def read_registrations(*, gateway: str, simulators: str) -> list[dict[str, Any]]:
    """Return the registrations with the addresses of this stack: its gateway's origin, and that of its simulators."""
    text = _CLIENTS.read_text("utf-8").replace("{simulators}", simulators).replace("{gateway}", gateway)
    return yaml.safe_load(text)["clients"]
