"""Says whose certificates are believed when we call somebody by https."""

import ssl
from pathlib import Path


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return what verifies a server: the public authorities, and those of `ca_file` (PEM) if there is one."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
