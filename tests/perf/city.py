"""The requests that are sent, made before their slice begins: tokens, and a fresh proof for each."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from shared import clock
from tests.perf.citizen import AGENCY, CLIENT, COMPONENT, PROCEDURE
from tests.perf.population import Target
from tests.shared.credentials import ORIGIN, Holder, Issuer

_TOKENS = 64
_SECTOR = "business"


class City:
    """One city system with its key: everything that it sends."""

    def __init__(self) -> None:
        self.holder, self.issuer = Holder(), Issuer()

    def issuer_pem(self) -> str:
        """Return the issuer's public key as PEM, as the conventional build is told it."""
        return self.issuer.signing.jwk.as_pem(private=False).decode()

    def releases(self, targets: Sequence[Target], count: int) -> list[bytes]:
        """Make so many requests for a release, each of another citizen as far as there are, with a proof of its own."""
        now = clock.now()
        tokens = [self._token() for _ in range(_TOKENS)]
        made: list[bytes] = []
        for n, target in enumerate(random.choices(targets, k=count)):  # noqa: S311 - nobody's secret
            path = f"/reuse/dossiers/{target.dossier_uid}/releases"
            token = tokens[n % _TOKENS]
            proof = self.holder.prove(token, at=now, htm="POST", htu=f"{ORIGIN}{path}")
            body = {"party_uid": str(target.party_uid), "component_ids": [COMPONENT]}
            made.append(write_request("POST", path, body, {"authorization": f"DPoP {token}", "dpop": proof}))
        return made

    def _token(self) -> str:
        now = clock.now()
        return self.issuer.issue(
            self.holder, at=now, aud=f"{ORIGIN}/reuse", sub=CLIENT, client_id=CLIENT,
            agency={"uid": AGENCY.uid, "name": AGENCY.name, "sector": _SECTOR},
            mandate={"id": "m-000301", "kind": "procedure", "procedures": [PROCEDURE], "until": None},
        )  # fmt: skip


def write_request(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Write a request as it goes over the wire."""
    told = {"host": "localhost", **(headers or {})}
    content = b""
    if body is not None:
        content = orjson.dumps(body)
        told |= {"content-type": "application/json", "content-length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content
