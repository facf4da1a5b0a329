"""A Debian base image made with debootstrap, which reaches packages the way this machine does."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from infra.embedded.processes import StackError
from infra.lab.commands import needed, quietly
from infra.lab.machine import Sources

IMAGE = "motlan-lab/debian:bookworm"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# what an image has no use for
_LEFT_OUT = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/info",
)


def build(sources: Sources) -> None:
    """Make the image, unless the engine has it as these sources would make it. Raises StackError."""
    label = f"motlan.lab={_digest(sources)}"
    if _label() == label:
        return
    with tempfile.TemporaryDirectory(prefix="motlan-lab-") as scratch:
        root, archive = Path(scratch) / "root", Path(scratch) / "root.tar"
        debootstrap = needed("debootstrap", "install debootstrap")
        quietly(debootstrap, "--variant=minbase", "--include=ca-certificates", "bookworm", root, sources.debian)
        _trim(root)
        _configure(root, sources)
        quietly("tar", "--numeric-owner", "-C", root, "-cf", archive, ".")
        quietly("docker", "import", "--change", f"LABEL {label}", archive, IMAGE)


def _digest(sources: Sources) -> str:
    """Name what the image is made from: this file, and how the machine reaches packages."""
    parts = (Path(__file__).read_text("utf-8"), repr(sources), _certificates())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _certificates() -> str:
    return _CERTIFICATES.read_text("utf-8") if _CERTIFICATES.exists() else ""


def _label() -> str:
    try:
        digest = quietly("docker", "inspect", "--format", '{{index .Config.Labels "motlan.lab"}}', IMAGE)
    except StackError:  # there is none yet
        return ""
    return f"motlan.lab={digest.strip()}"


def _trim(root: Path) -> None:
    for directory in (root / path for path in _LEFT_OUT):
        shutil.rmtree(directory)
        directory.mkdir()


def _configure(root: Path, sources: Sources) -> None:
    apt = root / "etc" / "apt"
    (apt / "sources.list").write_text(f"deb {sources.debian} bookworm main\n", "utf-8")
    (apt / "apt.conf.d" / "90machine").write_text(sources.apt, "utf-8")
    (root / "etc" / "pip.conf").write_text(sources.pip, "utf-8")
    if authorities := _certificates():
        (root / _CERTIFICATES.relative_to("/")).write_text(authorities, "utf-8")
