"""Makes what misses of the stack's secrets, and gives each reader its own: `python -m infra.compose.secrets`."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.compose.portions import EVERY_BROKER, Portion, portions
from infra.compose.vault import Vault

_MOUNTED = Path("/secrets")


class OtherStack(Exception):
    """The volumes hold a stack of another shape; a sentence for people."""


def main() -> int:
    """Prepare `vault` and one volume for each reader below /secrets; 1 with a sentence if that cannot be."""
    os.umask(0o077)
    try:
        prepare(_MOUNTED, os.environ)
    except OtherStack as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def prepare(mounted: Path, told: Mapping[str, str]) -> None:
    """Make and hand out; whatever is there already stays as it is. Raises OtherStack."""
    gateway, simulators, brokers = told["PUBLIC_ORIGIN"], told["SIMULATORS_ORIGIN"], int(told["BROKERS"])
    _check_same_size(mounted / "vault", brokers)
    vault = Vault(
        mounted / "vault",
        gateway=gateway,
        simulators=simulators,
        edge=[_host(gateway), _host(simulators), _host(told["KEYCLOAK_ORIGIN"])],
        brokers=[EVERY_BROKER, "kafka-1", "kafka-2", "kafka-3"],
    )
    for reader, portion in portions(vault, brokers=brokers).items():
        hand_out(mounted / reader, portion)


def hand_out(directory: Path, portion: Portion) -> None:
    """Write a reader's files, each whole or not at all, and touch none that is as it has to be."""
    directory.mkdir(exist_ok=True)
    for name, content in portion.files.items():
        path, draft = directory / name, directory / f".{name}.draft"
        if not path.exists() or path.read_bytes() != content:
            draft.write_bytes(content)
            _give(draft, portion.reader, 0o600)  # readers mount it read-only; Kafka's image adds to a copy of its mode
            draft.replace(path)
    _give(directory, portion.reader, 0o700)


def _give(path: Path, reader: int, mode: int) -> None:
    path.chmod(mode)
    if os.geteuid() == 0:  # an ordinary user, in a test, keeps them
        os.chown(path, reader, reader)


def _check_same_size(vault: Path, brokers: int) -> None:
    noted = vault / "brokers"
    vault.mkdir(mode=0o700, exist_ok=True)
    if not noted.exists():
        noted.write_text(str(brokers), "utf-8")
    elif (before := noted.read_text("utf-8")) != str(brokers):
        raise OtherStack(f"These volumes hold a stack of {before} broker(s), not {brokers}: `make down WIPE=1` first.")


def _host(origin: str) -> str:
    return urlsplit(origin).hostname or ""


if __name__ == "__main__":
    sys.exit(main())
