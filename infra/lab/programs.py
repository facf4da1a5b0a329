"""Builds docker compose from its Go module, whose digests are in go.sum beside it; kept in the cache."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from infra.lab.commands import HERE, cache, needed, quietly


@dataclass(frozen=True)
class Program:
    """One Go program: the module in `infra/lab/<name>` requires it in exactly the version that `version` sets in it."""

    name: str
    package: str
    version: str


COMPOSE = Program(
    "compose", "github.com/docker/compose/v2/cmd", "github.com/docker/compose/v2/internal.Version=v2.40.3"
)


def built(program: Program) -> Path:
    """Return the program's file, built if it is not in the cache: some minutes. Raises StackError."""
    module = HERE / program.name
    sums = hashlib.sha256((module / "go.mod").read_bytes() + (module / "go.sum").read_bytes()).hexdigest()
    target = cache() / "programs" / f"{program.name}-{sums[:16]}"
    if not target.exists():
        go, draft = needed("go", "install Go 1.24.9 or newer"), target.with_suffix(".draft")
        flags = ("-buildvcs=false", "-ldflags", f"-s -w -X {program.version}")
        quietly(go, "build", *flags, "-o", draft, program.package, cwd=module, CGO_ENABLED="0")
        draft.rename(target)
    return target
