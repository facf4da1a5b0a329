"""What the command line remembers between two commands: one small file per client, for its owner only."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from infra.client.tokens import Flow, Token


class State(BaseModel):
    """The dossier in hand, and the last login: under way (`flow`) or with its token."""

    model_config = ConfigDict(extra="forbid")

    dossier_uid: str | None = None
    parties: dict[str, str] = {}
    flow: Flow | None = None
    login: Token | None = None

    def get_dossier(self) -> str:
        """Return the dossier in hand; `LookupError` before one was opened."""
        if self.dossier_uid is None:
            raise LookupError("no dossier yet: begin with `dossier`")
        return self.dossier_uid

    def party(self, named: str) -> str:
        """Return the uid of a party of the dossier in hand, named by its uid or by our own word for it."""
        return next((uid for uid, ref in self.parties.items() if ref == named), named)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file, or start anew where there is none."""
        return cls.model_validate_json(path.read_text("utf-8")) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """Write the file, readable by its owner alone: it holds keys."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(self.model_dump_json(indent=1), "utf-8")
