"""On what the figures were taken: without it they mean nothing."""

import os
import platform
from importlib.metadata import version

import psutil

_PACKAGES = (
    "fastapi", "starlette", "uvicorn", "uvloop", "asyncpg", "aiokafka", "joserfc", "cryptography", "pydantic",
    "sqlalchemy", "pyjwt",
)  # fmt: skip


def about() -> dict[str, object]:
    """Return versions, cores, and how busy the machine was with other things before we began."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "busy_before": f"{psutil.cpu_percent(1.0):.0f} %",
        **{name: version(name) for name in _PACKAGES},
    }
