"""Reaches names below `.localhost` on this machine, as browsers do (RFC 6761 §6.3), whatever its resolver knows."""

from pathlib import Path

import httpx2

from shared.tls import trusting

_HERE = "127.0.0.1"


class Transport(httpx2.AsyncHTTPTransport):
    """A client's way out, which also believes whom the authority of `ca_file` (PEM) vouches for."""

    def __init__(self, ca_file: Path | None = None) -> None:
        super().__init__(verify=trusting(ca_file))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send; the name stays in the `Host` field and in what TLS checks."""
        if not request.url.host.endswith(".localhost"):
            return await super().handle_async_request(request)
        asked = httpx2.Request(
            request.method,
            request.url.copy_with(host=_HERE),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return await super().handle_async_request(asked)
