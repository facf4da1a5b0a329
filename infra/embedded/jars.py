"""What runs on Java: fetched once by jgo, and taken only if each file has the digest committed beside this one.

`python -m infra.embedded.jars` writes that list anew (after changing KAFKA); review what it changes.
"""

import fcntl
import hashlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jgo
import truststore
from jgo.maven import MavenContext
from platformdirs import user_cache_path

from infra.embedded.processes import StackError

KAFKA = "org.apache.kafka:kafka_2.13:4.1.0"
LOGGING = "org.slf4j:slf4j-simple:1.7.36"  # Kafka logs through slf4j and brings no writer
LIST = Path(__file__).parent / "kafka-jars.sha256"


def classpath() -> str:
    """Return Java's class path of Kafka, the jars fetched if they are not in the user's cache. Raises StackError."""
    return ":".join(str(path) for path in files(LIST))


def files(listed: Path) -> list[Path]:
    """Return the files of a list of `digest  group:name:version[:packaging]`, those fetched that are not in the cache.

    Raises StackError for one that cannot be had, or is not the one we know.
    """
    with (_cache() / "lock").open("a") as lock, _system_certificates(), ThreadPoolExecutor(4) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two stacks starting at once fetch once
        return list(pool.map(_checked, *zip(*_known(listed), strict=True)))


@contextmanager
def _system_certificates() -> Generator[None]:
    """Have jgo's HTTP client trust whom this machine trusts, such as an office's proxy, rather than its own list."""
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def _known(listed: Path) -> list[tuple[str, str]]:
    lines = (line.split() for line in listed.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [(digest, coordinate) for digest, coordinate in lines]


def _checked(digest: str, coordinate: str) -> Path:
    path = _cached(coordinate)
    if not path.exists() or _sha256(path) != digest:  # absent, or cut short when a run was killed
        path.unlink(missing_ok=True)
        path = _fetch(coordinate)
    check_digest(path, digest, coordinate)
    return path


def check_digest(jar: Path, digest: str, coordinate: str) -> None:
    """Raise StackError, and remove the jar, unless it is the one that was reviewed."""
    found = _sha256(jar)
    if found != digest:
        jar.unlink()
        raise StackError(f"{coordinate} has SHA-256 {found}, not {digest} as was reviewed: it was not used.")


def _cache() -> Path:
    return user_cache_path("motlan", ensure_exists=True)


def _cached(coordinate: str) -> Path:
    group, name, version, packaging = _parts(coordinate)
    return _cache().joinpath("jars", *group.split("."), name, version, f"{name}-{version}.{packaging}")


def _fetch(coordinate: str) -> Path:
    group, name, version, packaging = _parts(coordinate)
    context = MavenContext(repo_cache=_cache() / "jars", timeout=60)
    try:
        return context.project(group, name).at_version(version).artifact(packaging=packaging).resolve()
    except Exception as error:  # jgo passes on whatever its HTTP client raises
        raise StackError(f"{coordinate}, needed by the stack, could not be fetched: {error}") from error


def _parts(coordinate: str) -> tuple[str, str, str, str]:
    group, name, version, *packaging = coordinate.split(":")
    return group, name, version, packaging[0] if packaging else "jar"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_list() -> None:
    """Resolve Kafka and all it needs, and write down what was found."""
    found = {(jar.groupId, jar.artifactId): jar for endpoint in (LOGGING, KAFKA) for jar in jgo.resolve(endpoint)}
    coordinates = sorted(f"{jar.groupId}:{jar.artifactId}:{jar.version}" for jar in found.values())
    lines = [f"{_sha256(_fetch(coordinate))}  {coordinate}\n" for coordinate in coordinates]
    LIST.write_text(
        "# Written by `python -m infra.embedded.jars`; anything else is refused.\n" + "".join(lines), "utf-8"
    )


if __name__ == "__main__":
    _write_list()
