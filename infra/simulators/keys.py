"""The simulators' keys: their own are made at the first start, those of others are read from the same directory."""

from pathlib import Path

from joserfc.jwk import ECKey


def load_or_make(path: Path) -> ECKey:
    """Return the EC P-256 key at `path`, made there (mode 0600) when it is missing."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return _with_kid(path)


def load_public(path: Path) -> ECKey:
    """Return only the public half of the key at `path`, whichever half is there."""
    return ECKey.import_key(_with_kid(path).as_dict(private=False))


def _with_kid(path: Path) -> ECKey:
    key = ECKey.import_key(path.read_bytes())
    return ECKey.import_key(path.read_bytes(), {"kid": key.thumbprint()})
