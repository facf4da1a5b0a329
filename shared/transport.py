"""Makes the clients with which a service calls others: no redirect is followed, no proxy of the environment used."""

import ssl

import httpx2

_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20)


class Transport(httpx2.AsyncHTTPTransport):
    """Connections that fail as httpx2 says they do, also where the other end resets one in the moment it is made.

    On uvloop that one has no socket any more; AnyIO asks for its peer's name all the same, and the AttributeError
    passes through the client. Here it is the ConnectError it means: nothing has been sent.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            if error.obj is None and error.name == "getpeername":
                raise httpx2.ConnectError("reset while connecting", request=request) from error
            raise


def http_client(
    *,
    timeout: httpx2.Timeout,
    base_url: str = "",
    verify: ssl.SSLContext | bool = True,
    limits: httpx2.Limits = _LIMITS,
) -> httpx2.AsyncClient:
    """Return a client whose `timeout` holds for each step; close it."""
    transport = Transport(verify=verify, trust_env=False, limits=limits)
    return httpx2.AsyncClient(
        base_url=base_url, timeout=timeout, transport=transport, follow_redirects=False, trust_env=False
    )
